package upstream

import (
	"cmp"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// A finding is what the caller is told of an error: the reason, and the detail
// that follows the host's name. The zero finding is none.
type finding struct {
	reason error
	detail string
}

// fault says what an error of net/http means for the caller. The error's own text,
// which may hold a URL or an address, stays private.
func fault(ctx context.Context, d *destination.Destination, host string, err error) *gateway.Refusal {
	found := cmp.Or(findEnd(ctx), findProhibited(d.Network, err), findAnswer(err), findCertificate(err), findHandshake(err), findDNS(err), findConnection(err), finding{
		ErrAnswerBroken,
		"answered with something that is not a whole and valid HTTP/1.1 answer with at most 1,000 header fields of 256 KB together. It may have received the request; check that the destination's server URL is that of an HTTP API.",
	})
	return &gateway.Refusal{Reason: found.reason, Detail: host + " " + found.detail, Cause: err}
}

// findEnd tells the end of the time from the caller's leaving. It goes first:
// whatever failed in an ended call failed because of that.
func findEnd(ctx context.Context) finding {
	switch err := ctx.Err(); {
	case err == nil:
		return finding{}
	case errors.Is(err, context.Canceled):
		return finding{context.Canceled, "was not waited for, because the caller left. Whether it received the request is unknown."}
	default:
		return finding{ErrTimeout, "did not answer in time. It may have received the request."}
	}
}

// findAnswer is about answers that began well.
func findAnswer(err error) finding {
	switch {
	case errors.Is(err, gateway.ErrTooLong):
		return finding{ErrAnswerTooLarge, "sent an answer of more than 6,291,556 bytes, the most that the relay passes on. Ask for less at once, for example for one page."}
	case errors.Is(err, errSwitched):
		return finding{ErrAnswerBroken, "switched to another protocol (101), which the relay does not pass on. Do not send an Upgrade to this destination."}
	case errors.Is(err, errStatus):
		return finding{ErrAnswerBroken, "answered with a status that HTTP does not have. Report it to the operator of that API."}
	case errors.Is(err, errField):
		return finding{ErrAnswerBroken, "answered with a header field whose name or value HTTP does not allow. It has received the request. Report it to the operator of that API."}
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zlib.ErrChecksum), errors.Is(err, zlib.ErrDictionary), has[flate.CorruptInputError](err):
		return finding{ErrAnswerBroken, "answered in gzip or deflate, which the relay does not ask for, and it cannot be decoded. It has received the request. Report it to the operator of that API."}
	case errors.Is(err, io.ErrUnexpectedEOF), has[answerError](err) && lost(err):
		return finding{ErrAnswerIncomplete, "broke off in the middle of its answer. It has received the request; check what it did before sending it again."}
	default:
		return finding{}
	}
}

// findCertificate is about certificates that do not hold.
func findCertificate(err error) finding {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case has[x509.HostnameError](err):
		return finding{ErrCertificate, "showed a certificate for another host name. Check the host name in the destination's server URL."}
	case has[x509.UnknownAuthorityError](err):
		return finding{ErrCertificate, "showed a certificate of an unknown authority. If it is a private authority, name its roots with x-keyrelay-ca in the destination's document."}
	case isInvalid && invalid.Reason == x509.Expired:
		return finding{ErrCertificate, "showed a certificate that has expired or is not valid yet. Its operator has to renew it."}
	case isInvalid, has[*tls.CertificateVerificationError](err):
		return finding{ErrCertificate, "showed a certificate that cannot be verified. Its operator has to replace it."}
	default:
		return finding{}
	}
}

// findHandshake is about TLS besides certificates.
func findHandshake(err error) finding {
	switch {
	case renegotiates(err):
		return finding{ErrTLS, "asks for a client certificate by TLS renegotiation, after the request was sent, which the relay does not do. Its operator has to ask for it in the handshake; then declare the certificate as a mutualTLS scheme in the destination's document."}
	case !has[handshakeError](err):
		return finding{}
	case timedOut(err):
		return finding{ErrConnectionTimeout, "did not finish the TLS handshake within 10 seconds. The request was not sent; try again later."}
	case has[tls.RecordHeaderError](err):
		return finding{ErrTLS, "does not speak TLS at this port. Check scheme and port of the destination's server URL."}
	default:
		return finding{ErrTLS, "failed the TLS handshake. The request was not sent; the API has to offer TLS 1.2 or later and HTTP/1.1, and to accept the client certificate where it asks for one."}
	}
}

// renegotiates reports whether a server began another handshake on a connection in
// use, as some do (RFC 5246 section 7.4.1.1) to see a client certificate for one
// path only. crypto/tls has no name for its answer to that.
func renegotiates(err error) bool {
	local, ok := errors.AsType[*net.OpError](err)
	return ok && local.Op == "local error" && strings.HasSuffix(local.Err.Error(), "no renegotiation")
}

// findDNS is about names.
func findDNS(err error) finding {
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return finding{}
	case dns.IsNotFound:
		return finding{ErrDNS, "is not a known host name. Check the destination's server URL, and whether the name is known on the relay's network."}
	default:
		return finding{ErrDNS, "could not be looked up, because name resolution failed. The request was not sent; try again later."}
	}
}

// findProhibited is about addresses that the guard closes.
func findProhibited(network destination.Network, err error) finding {
	switch {
	case errors.Is(err, errNeverOpen):
		return finding{ErrProhibited, "has a link-local or cloud metadata address, to which the relay never connects. Check the host name in the destination's server URL."}
	case errors.Is(err, errClear):
		return finding{ErrProhibited, "has an address on the internet, which the relay reaches by https alone, whatever x-keyrelay-network says. The request was not sent; write https in the destination's server URL."}
	case !errors.Is(err, ssrf.ErrProhibitedIP) && !errors.Is(err, ssrf.ErrProhibitedNetwork) && !errors.Is(err, ssrf.ErrInvalidHostPort):
		return finding{}
	case network == destination.Public:
		return finding{ErrProhibited, "has an address that is not on the public internet. If that is meant, set x-keyrelay-network: private in the destination's document, or loopback for this machine."}
	case network == destination.Private:
		return finding{ErrProhibited, "has an address that x-keyrelay-network: private does not open. If this machine is meant, set x-keyrelay-network: loopback in the destination's document."}
	default:
		return finding{ErrProhibited, "has an address that no x-keyrelay-network opens. Check the host name in the destination's server URL."}
	}
}

// findConnection is about connections that were not made, or were lost before an answer began.
func findConnection(err error) finding {
	operation, ok := errors.AsType[*net.OpError](err)
	dialling := ok && operation.Op == "dial"
	switch {
	case dialling && timedOut(err):
		return finding{ErrConnectionTimeout, "did not accept a connection within 10 seconds. The request was not sent; check that the relay's network has a way to it."}
	case dialling && errors.Is(err, syscall.ECONNREFUSED):
		return finding{ErrRefused, "refused the connection. The request was not sent; check the host and port of its URL in the destination's document, and that it is up."}
	case dialling:
		return finding{ErrUnroutable, "cannot be reached from the relay's network. The request was not sent; check the network's routes."}
	case lost(err):
		return finding{ErrTerminated, "closed the connection without an answer. It may have received the request; check before sending it again."}
	default:
		return finding{}
	}
}

// has reports whether an error is, or wraps, one of a type.
func has[E error](err error) bool {
	_, found := errors.AsType[E](err)
	return found
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// lost reports whether a connection came to its end.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || closedIdle(err)
}
