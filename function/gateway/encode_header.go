package gateway

import (
	"net/http"
	"unicode/utf8"
)

// carried reports whether a field goes into the encoded response: the gateway
// counts the body by itself, and fails where a Content-Length says otherwise.
func carried(name string, values []string) bool {
	return name != "Content-Length" && len(values) > 0
}

// multiValueHeadersSize is the length of what appendMultiValueHeaders appends.
func multiValueHeadersSize(header http.Header) int {
	size, count := len(`,"multiValueHeaders":{}`), 0
	for name, values := range header {
		if carried(name, values) {
			size += len(`"":[]`) + textSize(name) + listSize(values)
			count++
		}
	}
	return size + commas(count)
}

// appendMultiValueHeaders appends the fields in payload format 1.0.
func appendMultiValueHeaders(out []byte, header http.Header) []byte {
	out = append(out, `,"multiValueHeaders":{`...)
	separator := ""
	for name, values := range header {
		if carried(name, values) {
			out = append(out, separator...)
			separator = ","
			out = appendQuoted(out, name)
			out = append(out, `:[`...)
			out = appendList(out, values)
			out = append(out, ']')
		}
	}
	return append(out, '}')
}

// headersSize is the length of what appendHeaders appends.
func headersSize(header http.Header) int {
	size, count := len(`,"headers":{}`), 0
	for name, values := range header {
		if carried(name, values) && name != "Set-Cookie" {
			size += len(`"":""`) + textSize(name) + joinedSize(values)
			count++
		}
	}
	if cookies := header["Set-Cookie"]; len(cookies) > 0 {
		size += len(`,"cookies":[]`) + listSize(cookies)
	}
	return size + commas(count)
}

// appendHeaders appends the fields in payload format 2.0: each once, with its
// values joined (RFC 9110 section 5.3) but for Set-Cookie, which cannot be joined.
func appendHeaders(out []byte, header http.Header) []byte {
	out = append(out, `,"headers":{`...)
	separator := ""
	for name, values := range header {
		if carried(name, values) && name != "Set-Cookie" {
			out = append(out, separator...)
			separator = ","
			out = appendQuoted(out, name)
			out = append(out, `:"`...)
			out = appendJoined(out, values)
			out = append(out, '"')
		}
	}
	out = append(out, '}')
	if cookies := header["Set-Cookie"]; len(cookies) > 0 {
		out = append(out, `,"cookies":[`...)
		out = appendList(out, cookies)
		out = append(out, ']')
	}
	return out
}

func commas(count int) int { return max(count-1, 0) }

func listSize(values []string) int {
	size := commas(len(values))
	for _, value := range values {
		size += len(`""`) + textSize(value)
	}
	return size
}

func appendList(out []byte, values []string) []byte {
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendQuoted(out, value)
	}
	return out
}

func joinedSize(values []string) int {
	size := commas(len(values)) * len(", ")
	for _, value := range values {
		size += textSize(value)
	}
	return size
}

func appendJoined(out []byte, values []string) []byte {
	for i, value := range values {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = appendText(out, value)
	}
	return out
}

func appendQuoted(out []byte, text string) []byte {
	out = append(out, '"')
	out = appendText(out, text)
	return append(out, '"')
}

// textSize is the length of what appendText appends.
func textSize(text string) int {
	size := 0
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			size += escapedSize(c)
			i++
			continue
		}
		r, n := decodeCharacter(text[i:])
		size += utf8.RuneLen(r)
		i += n
	}
	return size
}

// appendText appends a field's text as the inside of a JSON string.
func appendText(out []byte, text string) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			out = appendByte(out, c)
			i++
			continue
		}
		r, n := decodeCharacter(text[i:])
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out
}

// decodeCharacter reads UTF-8, and a byte that is none as ISO-8859-1: that is
// what fields hold by tradition, RFC 9110 section 5.5.
func decodeCharacter(text string) (rune, int) {
	r, n := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && n == 1 {
		return rune(text[0]), 1
	}
	return r, n
}
