package plan

import (
	"unicode/utf16"
	"unicode/utf8"
)

// hexadecimal returns the number that four hexadecimal digits write, -1 when they are none.
func hexadecimal(digits []byte) rune {
	var number rune
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			number = number<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			number = number<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return number
}

// appendDecoded appends what the inside of a scanned JSON string says. Half a
// surrogate pair becomes U+FFFD, and ok is false: such a string is no text
// (RFC 8259 section 8.2).
func appendDecoded(decoded, raw []byte) (_ []byte, ok bool) {
	ok = true
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			decoded = append(decoded, raw[i])
			continue
		}
		i++
		if raw[i] != 'u' {
			decoded = append(decoded, unescaped(raw[i]))
			continue
		}
		r, used := codePoint(raw[i+1:])
		if r < 0 {
			r, ok = utf8.RuneError, false
		}
		decoded = utf8.AppendRune(decoded, r)
		i += used
	}
	return decoded, ok
}

// unescaped returns what a one-letter escape stands for.
func unescaped(letter byte) byte {
	switch letter {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return letter
}

// codePoint reads the digits of one \u escape, or of the two that write a
// surrogate pair, and says how many bytes that took; -1 for half a pair.
func codePoint(raw []byte) (r rune, used int) {
	r = hexadecimal(raw[:4])
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(raw) >= 10 && raw[4] == '\\' && raw[5] == 'u' {
		if pair := utf16.DecodeRune(r, hexadecimal(raw[6:10])); pair != utf8.RuneError {
			return pair, 10
		}
	}
	return -1, 4
}

// appendPercentEncoded appends a text with every byte but the unreserved ones of
// RFC 3986 section 2.3 as %XX; a space becomes %20, which, unlike +, every server reads.
func appendPercentEncoded[text string | []byte](encoded []byte, plain text) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(plain) {
		if c := plain[i]; isUnreserved(c) {
			encoded = append(encoded, c)
		} else {
			encoded = append(encoded, '%', digits[c>>4], digits[c&15])
		}
	}
	return encoded
}

func isUnreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
