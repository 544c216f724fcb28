package plan

import (
	"net/http"
	"strings"

	"keyrelay/function/gateway"
)

// longestNotForwarded is the length of the longest name that forwarded knows.
const longestNotForwarded = len("proxy-authentication-info")

// forwarded reports whether a header field passes from the caller to the
// destination. What does not: the hop-by-hop fields (RFC 9110 section 7.6.1) and
// those about the message's framing, what the relay sets itself, the caller's own
// credentials, and what gateways and proxies add about the caller. An underscore
// counts as a hyphen: servers of the CGI kind cannot tell them apart.
func forwarded(name string) bool {
	var buffer [longestNotForwarded]byte
	length := copy(buffer[:], name)
	for i, c := range buffer[:length] {
		if c == '_' {
			buffer[i] = '-'
		} else if 'A' <= c && c <= 'Z' {
			buffer[i] = c | 0x20
		}
	}
	folded := buffer[:length]
	if isCallersOwn(folded) {
		return false
	}
	return len(name) > len(folded) || !isHopByHop(folded) && !isSetByRelay(folded)
}

// isHopByHop knows the fields that concern one connection, or the framing of one message.
func isHopByHop(folded []byte) bool {
	switch string(folded) {
	case "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
		"proxy-authenticate", "proxy-authorization", "proxy-authentication-info",
		"content-length", "expect":
		return true
	}
	return false
}

// isSetByRelay knows the fields that the relay writes, or that the credential room does.
func isSetByRelay(folded []byte) bool {
	switch string(folded) {
	case "host", "via", "accept-encoding", "authorization", "cookie", "x-api-key", "forwarded", "x-real-ip":
		return true
	}
	return false
}

// isCallersOwn knows the families of fields that direct the relay or tell about the caller.
func isCallersOwn(folded []byte) bool {
	if len(folded) < 5 || folded[0] != 'x' && folded[0] != 'c' {
		return false
	}
	for _, family := range [...]string{"x-osmos-", "x-relay-", "x-forwarded-", "x-amz", "cloudfront-"} {
		if len(folded) >= len(family) && string(folded[:len(family)]) == family {
			return true
		}
	}
	return false
}

// nominated reports whether Connection names a field (RFC 9110 section 7.6.1).
func nominated(header http.Header, name string) bool {
	for _, line := range header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if gateway.SameHeaderName(trim(option), name) {
				return true
			}
		}
	}
	return false
}

// holdsPlaceholder says whether a forwarded value waits for a credential.
func holdsPlaceholder(values []string) bool {
	for _, value := range values {
		if strings.Contains(value, "{{{") {
			return true
		}
	}
	return false
}

// mayHoldCredential knows the fields that are forwarded with a placeholder only.
func mayHoldCredential(name string) bool { return name == "Authorization" || name == "Cookie" }

// passes says whether one of the caller's fields goes to the destination.
func passes(header http.Header, name string, values []string) bool {
	if mayHoldCredential(name) {
		return holdsPlaceholder(values) && !nominated(header, name)
	}
	return forwarded(name) && !nominated(header, name)
}

// contentType returns the media type's field of a body, empty when none is given.
func contentType(header http.Header) (string, error) {
	switch lines := header["Content-Type"]; len(lines) {
	case 0:
		return "", nil
	case 1:
		return lines[0], nil
	}
	return "", &gateway.Refusal{Reason: ErrHeader, Detail: "Send Content-Type once only."}
}
