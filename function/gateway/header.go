package gateway

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// ValidHeaderName reports whether name is a field name that HTTP can carry: a
// token of at least one character, RFC 9110 sections 5.1 and 5.6.2.
func ValidHeaderName(name string) bool {
	for i := range len(name) {
		if !isTokenByte(name[i]) {
			return false
		}
	}
	return name != ""
}

// ValidHeaderValue reports whether value is a field value that HTTP can carry as it is, RFC
// 9110 section 5.5: no control character but the tab, so no line break and no NUL, and no
// white space around it, which a recipient would remove. The empty value is valid, and so
// are bytes above 0x7F.
func ValidHeaderValue[Text string | []byte](value Text) bool {
	for i := range len(value) {
		if !isValueByte(value[i]) {
			return false
		}
	}
	return len(value) == 0 || !isSpace(value[0]) && !isSpace(value[len(value)-1])
}

// HopByHop reports whether a field concerns one connection or the framing of one message,
// so that it is never passed on: RFC 9110 sections 7.6.1, 8.6, 10.1.1 and 11.7, and
// HTTP2-Settings of RFC 7540 section 3.2.1. It does not cover what Connection names.
func HopByHop(name string) bool {
	var store [64]byte
	return isHopByHop(FoldHeaderName(store[:0], name))
}

func isHopByHop(folded []byte) bool {
	switch string(folded) {
	case "connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authentication-info",
		"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// Forwards reports whether a header field may pass from a caller to a destination. It may
// not pass hop-by-hop fields (RFC 9110 section 7.6.1) and fields about the message's
// framing, what the relay sets itself, the caller's own credentials, what gateways and
// proxies add about the caller, what the body is in another spelling, and requests for a range:
// each range could hold half of a credential that an answer repeats.
func Forwards(name string) bool {
	var store [64]byte
	folded := FoldHeaderName(store[:0], name)
	switch string(folded) {
	case "host", "via", "accept-encoding", "authorization", "cookie", "x-api-key", "forwarded", "x-real-ip", "range", "if-range", "request-range":
		return false
	case "content-type", "content-encoding":
		return name[len("content")] == '-' // in another spelling, a server could read another body than was looked at
	}
	return !isCallersOwn(folded) && !isHopByHop(folded)
}

// isCallersOwn reports whether a field directs the relay or tells about the caller.
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

// FoldHeaderName appends a name as SameHeaderName compares it.
func FoldHeaderName(folded []byte, name string) []byte {
	start := len(folded)
	folded = append(folded, name...)
	for i, c := range folded[start:] {
		folded[start+i] = foldedBytes[c]
	}
	return folded
}

// foldedBytes holds what FoldHeaderName makes of each byte.
var foldedBytes = func() (table [256]byte) {
	for i := range table {
		c := byte(i)
		switch {
		case 'A' <= c && c <= 'Z':
			table[i] = c | 0x20
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			table[i] = c
		default:
			table[i] = '-'
		}
	}
	return table
}()

// RetryAfter returns the pause that Retry-After asks for (RFC 9110 section 10.2.3), in
// seconds or as a date; 0 if there is none, or it is neither.
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second // #nosec G115 -- of 32 bits
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, time.Until(date))
}

// DeleteDigests removes the fields for which IsDigest holds.
func DeleteDigests(header http.Header) {
	maps.DeleteFunc(header, func(name string, _ []string) bool { return IsDigest(name) })
}

// IsDigest reports whether a field, by its canonical name, is made from the bytes of a
// body: its entity tag (RFC 9110 section 8.8.3) and its digests (RFC 9530, RFC 3230, RFC
// 1864). If the body is not passed on unchanged, they are wrong and reveal what it was.
func IsDigest(name string) bool {
	switch name {
	case "Etag", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5":
		return true
	}
	return false
}

// SameHeaderName reports whether two names are the same field to a downstream: without
// regard to case (RFC 9110 section 5.1), and with all characters but letters and digits the
// same, because CGI servers cannot tell them apart (RFC 3875 section 4.1.18).
func SameHeaderName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if foldedBytes[a[i]] != foldedBytes[b[i]] {
			return false
		}
	}
	return true
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

func isValueByte(c byte) bool { return c >= ' ' && c != 0x7F || c == '\t' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// canonicalise gives a field name the form of textproto.CanonicalMIMEHeaderKey in
// place, and reports whether it is a valid one.
func canonicalise(name []byte) bool {
	upper := true
	for i, c := range name {
		switch {
		case !isTokenByte(c):
			return false
		case upper && 'a' <= c && c <= 'z':
			name[i] = c - ('a' - 'A')
		case !upper && 'A' <= c && c <= 'Z':
			name[i] = c + ('a' - 'A')
		}
		upper = c == '-'
	}
	return len(name) > 0
}
