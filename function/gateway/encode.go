package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
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
	return bodyForm{escapedLength(body) + len("false"), false}
}

// escapedLength is the length of a text as the inside of a JSON string.
func escapedLength(text []byte) int {
	length, i := len(text), 0
	for ; i+8 <= len(text); i += 8 {
		word := binary.LittleEndian.Uint64(text[i:])
		length += bits.OnesCount64(quoted(word))
		for mask := controls(word); mask != 0; mask &= mask - 1 {
			length += escapedSize(text[i+firstMark(mask)]) - 1
		}
	}
	for _, c := range text[i:] {
		length += escapedSize(c) - 1
	}
	return length
}

// appendEscaped appends valid UTF-8 as the inside of a JSON string. Out has room for it.
func appendEscaped(out, text []byte) []byte {
	j := len(out)
	out = out[:cap(out)]
	i := 0
	for i+8 <= len(text) && j+8 <= len(out) {
		word := binary.LittleEndian.Uint64(text[i:])
		binary.LittleEndian.PutUint64(out[j:], word)
		n := firstSpecial(word)
		i, j = i+n, j+n
		if n < 8 {
			j = len(appendByte(out[:j], text[i]))
			i++
		}
	}
	out = out[:j]
	for _, c := range text[i:] {
		out = appendByte(out, c)
	}
	return out
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
