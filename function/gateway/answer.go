package gateway

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"unicode/utf8"

	"keyrelay/function/rawjson"
)

// A format is the shape of the answer that the caller's front end expects.
type format int

const (
	// overHTTP is an answer of net/http: nothing is encoded.
	overHTTP format = iota
	// payloadV1 is the payload format 1.0 of API Gateway REST APIs.
	payloadV1
	// payloadV2 is the payload format 2.0 of HTTP APIs and Lambda function URLs.
	payloadV2
)

// The capacity of an encoded answer beside its texts: what stands around a field,
// what stands around all, and what a body that grows in JSON may take at most.
const (
	perField  = 8
	perAnswer = 128
	maxGrowth = 6 // a control character becomes \u00XX
	mostBytes = MaxAnswerBytes + perAnswer
)

// encode returns the response as the front end expects it, or nil if that is
// longer than MaxAnswerBytes. It is one allocation, unless a quarter of a body's
// bytes have to be escaped: then it is two.
func (f format) encode(response *Response) []byte {
	asBase64 := !utf8.Valid(response.Body)
	out := append(make([]byte, 0, capacity(response, asBase64)), `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(response.Status), 10)
	if f == payloadV2 {
		out = appendHeaders(out, response.Header)
	} else {
		out = appendMultiValueHeaders(out, response.Header)
	}
	out = append(out, `,"body":"`...)
	switch {
	case !asBase64:
		if out = appendBody(out, response.Body); len(out) > MaxAnswerBytes {
			return nil
		}
	case len(out)+base64.StdEncoding.EncodedLen(len(response.Body)) <= MaxAnswerBytes:
		out = base64.StdEncoding.AppendEncode(out, response.Body)
	default:
		return nil
	}
	out = append(out, `","isBase64Encoded":`...)
	if out = append(strconv.AppendBool(out, asBase64), '}'); len(out) > MaxAnswerBytes {
		return nil
	}
	return out
}

// capacity guesses how long the encoded response gets.
func capacity(response *Response, asBase64 bool) int {
	size := perAnswer + len(response.Body) + len(response.Body)/4
	if asBase64 {
		size = perAnswer + base64.StdEncoding.EncodedLen(len(response.Body))
	}
	for name, values := range response.Header {
		size += len(name) + perField
		for _, value := range values {
			size += len(value) + perField
		}
	}
	return min(size, mostBytes)
}

// appendBody appends a body of valid UTF-8, up to where the answer is too long.
func appendBody(out, body []byte) []byte {
	for {
		n := 0
		out, n = rawjson.Escape(out, body)
		body = body[n:]
		if len(body) == 0 || cap(out) >= mostBytes {
			return out
		}
		out = append(make([]byte, 0, min(len(out)+maxGrowth*len(body)+perAnswer, mostBytes)), out...)
	}
}

// appendMultiValueHeaders appends the fields in payload format 1.0.
func appendMultiValueHeaders(out []byte, header http.Header) []byte {
	out = append(out, `,"multiValueHeaders":{`...)
	separator := ""
	for name, values := range header {
		if !isSent(name, values) {
			continue
		}
		out = append(out, separator...)
		separator = ","
		out = append(appendQuoted(out, name), ':')
		out = appendList(out, values)
	}
	return append(out, '}')
}

// appendHeaders appends the fields in payload format 2.0: each once, with its
// values joined (RFC 9110 section 5.3) but for Set-Cookie, which cannot be joined.
func appendHeaders(out []byte, header http.Header) []byte {
	out = append(out, `,"headers":{`...)
	separator := ""
	for name, values := range header {
		if !isSent(name, values) || name == "Set-Cookie" {
			continue
		}
		out = append(out, separator...)
		separator = ","
		out = append(appendQuoted(out, name), `:"`...)
		for i, value := range values {
			if i > 0 {
				out = append(out, ", "...)
			}
			out = appendText(out, value)
		}
		out = append(out, '"')
	}
	out = append(out, '}')
	if cookies := header["Set-Cookie"]; len(cookies) > 0 {
		out = append(out, `,"cookies":`...)
		out = appendList(out, cookies)
	}
	return out
}

// isSent reports whether a field goes into the encoded response: the gateway
// counts the body by itself, and fails where a Content-Length says otherwise.
func isSent(name string, values []string) bool { return name != "Content-Length" && len(values) > 0 }

func appendList(out []byte, values []string) []byte {
	out = append(out, '[')
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendQuoted(out, value)
	}
	return append(out, ']')
}

func appendQuoted(out []byte, text string) []byte {
	return append(appendText(append(out, '"'), text), '"')
}

// appendText appends a field's text as the inside of a JSON string: UTF-8 as it is, and
// any other byte as ISO-8859-1, which fields hold by tradition, RFC 9110 section 5.5.
func appendText(out []byte, text string) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			out = rawjson.AppendCharacter(out, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			r = rune(text[i])
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out
}
