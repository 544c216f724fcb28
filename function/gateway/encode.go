package gateway

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// encode returns the response as the door expects it, in one allocation of
// exactly its size.
func (f format) encode(response *Response) []byte {
	body := measureBody(response.Body)
	out := make([]byte, 0, f.headSize(response)+body.size)
	out = append(out, `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(response.Status), 10)
	if f == payloadV2 {
		out = appendHeaders(out, response.Header)
	} else {
		out = appendMultiValueHeaders(out, response.Header)
	}
	out = append(out, `,"body":"`...)
	if body.base64 {
		out = base64.StdEncoding.AppendEncode(out, response.Body)
	} else {
		out = appendEscaped(out, response.Body)
	}
	out = append(out, `","isBase64Encoded":`...)
	out = strconv.AppendBool(out, body.base64)
	return append(out, '}')
}

// headSize is the length of all but what bodyForm measures.
func (f format) headSize(response *Response) int {
	size := len(`{"statusCode":200,"body":"","isBase64Encoded":}`)
	if f == payloadV2 {
		return size + headersSize(response.Header)
	}
	return size + multiValueHeadersSize(response.Header)
}

// A bodyForm says how a body is put into JSON: as a text where it is valid UTF-8,
// else in base64. size is its length together with that of true or false.
type bodyForm struct {
	size   int
	base64 bool
}

func measureBody(body []byte) bodyForm {
	if !utf8.Valid(body) {
		return bodyForm{base64.StdEncoding.EncodedLen(len(body)) + len("true"), true}
	}
	size := len(body) + len("false")
	for i := indexSpecial(body, 0); i < len(body); i = indexSpecial(body, i+1) {
		size += escapedSize(body[i]) - 1
	}
	return bodyForm{size, false}
}

// appendEscaped appends valid UTF-8 as the inside of a JSON string.
func appendEscaped(out, text []byte) []byte {
	for {
		n := indexSpecial(text, 0)
		out = append(out, text[:n]...)
		if n == len(text) {
			return out
		}
		out = appendByte(out, text[n])
		text = text[n+1:]
	}
}

// escapedSize is the length of an ASCII character in a JSON string, RFC 8259 section 7.
func escapedSize(c byte) int {
	switch {
	case c == '"', c == '\\', c == '\b', c == '\f', c == '\n', c == '\r', c == '\t':
		return len(`\n`)
	case c < ' ':
		return len(`\u0000`)
	}
	return 1
}

func appendByte(out []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(out, '\\', c)
	case '\b':
		return append(out, '\\', 'b')
	case '\f':
		return append(out, '\\', 'f')
	case '\n':
		return append(out, '\\', 'n')
	case '\r':
		return append(out, '\\', 'r')
	case '\t':
		return append(out, '\\', 't')
	}
	if c < ' ' {
		return append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xF])
	}
	return append(out, c)
}
