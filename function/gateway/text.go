package gateway

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// A text is a JSON string as it stands in an event: raw is what is between its
// quotation marks, and is sound; size is its length without escapes.
type text struct {
	raw  []byte
	size int
}

// appendTo appends the text without escapes. Bytes that are not UTF-8 stay as
// they are; half a surrogate pair becomes U+FFFD, as in encoding/json.
func (t text) appendTo(out []byte) []byte {
	if t.size == len(t.raw) {
		return append(out, t.raw...)
	}
	start := len(out)
	out = slices.Grow(out, t.size)[:start+t.size]
	unescape(out[start:], t.raw)
	return out
}

// unescape fills out, which has exactly the size of the unescaped raw.
func unescape(out, raw []byte) {
	for i, j := 0, 0; i < len(raw); {
		switch {
		case i+8 <= len(raw) && j+8 <= len(out):
			word := binary.LittleEndian.Uint64(raw[i:])
			binary.LittleEndian.PutUint64(out[j:], word)
			n := firstBackslash(word)
			i, j = i+n, j+n
			if n == 8 {
				continue
			}
		case raw[i] != '\\':
			out[j] = raw[i]
			i, j = i+1, j+1
			continue
		}
		r, n := decodeEscape(raw[i:])
		i += n
		j += utf8.EncodeRune(out[j:], r)
	}
}

// decodeEscape returns the character that the escape at the start of raw stands
// for, and the escape's length; 0 when it is none (RFC 8259 section 7).
func decodeEscape(raw []byte) (rune, int) {
	if len(raw) < 2 {
		return 0, 0
	}
	switch c := raw[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return decodeUnicode(raw)
	}
	return 0, 0
}

func decodeUnicode(raw []byte) (rune, int) {
	first, ok := hexadecimal(raw[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, len(`\u0000`)
	}
	if len(raw) >= len(`\ud83d\ude00`) && raw[6] == '\\' && raw[7] == 'u' {
		second, _ := hexadecimal(raw[8:])
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return r, len(`\ud83d\ude00`)
		}
	}
	return utf8.RuneError, len(`\ud83d`)
}

// hexadecimal reads four digits.
func hexadecimal(raw []byte) (rune, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	var value rune
	for _, c := range raw[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		value = value<<4 | rune(c)
	}
	return value, true
}
