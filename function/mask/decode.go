package mask

import (
	"bytes"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// reach is the length of the longest escape, with escapes in it, that is undone; memory
// is how far behind a place its decoding may look.
const (
	reach  = 64
	memory = 8 * reach
)

// A unit is what stands at one place of a text, escapes decoded: a byte, a character
// of a \u escape (its code point plus firstRune), or nothing.
type unit struct {
	char   rune
	length int32 // in the text
	// escaped says that a backslash made it.
	escaped bool
}

const (
	nothing   rune = -1
	firstRune rune = 256
)

// A decoder undoes percent-encoding (RFC 3986 section 2.1), JSON's escapes (RFC 8259
// section 7) and HTML's character references (HTML section 13.5, the five names that
// writers of text use), one within the other, from the end of a text to its start. A
// backslash that escapes nothing but itself, a quotation mark or a slash is left out,
// so that it does not matter how many there are, and so is a NUL: in UTF-16 and UTF-32
// each character of ASCII stands beside some.
type decoder struct {
	text []byte
	// units holds what is at the places of escapes, by place modulo its length.
	units []unit
}

func isEscape(c byte) bool { return c == '%' || c == '\\' || c == '&' || c == 0 }

func hasEscape(text []byte) bool {
	return bytes.IndexByte(text, '%') >= 0 || bytes.IndexByte(text, '\\') >= 0 || bytes.IndexByte(text, '&') >= 0 || bytes.IndexByte(text, 0) >= 0
}

// at returns the unit at a place, and nothing of no length behind the end.
func (d *decoder) at(place int) unit {
	if place >= len(d.text) {
		return unit{char: nothing}
	}
	if c := d.text[place]; !isEscape(c) {
		return unit{char: rune(c), length: 1}
	}
	return d.units[place%len(d.units)]
}

// visible returns the first unit at a place or closely behind it that is something.
func (d *decoder) visible(place int) (unit, int) {
	u := d.at(place)
	for limit := place + reach; u.char == nothing && u.length > 0 && place < limit; {
		place += int(u.length)
		u = d.at(place)
	}
	return u, place
}

// decode finds the unit at a place when all behind it are known.
func (d *decoder) decode(place int) unit {
	char, next, escaped := rune(d.text[place]), place+1, false
	for {
		var value rune
		end := next
		switch {
		case char == '%':
			value, end = d.hex(next, 2)
		case char == '\\':
			value, end = d.escaped(next, escaped)
		case char == '&':
			value, end = d.reference(next)
		}
		if end == next || end-place > reach {
			break
		}
		escaped = escaped || char == '\\'
		char, next = value, end
	}
	if char == '\\' || char == 0 {
		char = nothing
	}
	made := unit{char, int32(next - place), escaped}
	if isEscape(d.text[place]) {
		d.units[place%len(d.units)] = made
	}
	return made
}

// hex reads hexadecimal digits; it returns place where they are none.
func (d *decoder) hex(place, digits int) (value rune, end int) {
	end = place
	for range digits {
		u, at := d.visible(end)
		end = at
		digit := hexDigit(u.char)
		if digit < 0 {
			return 0, place
		}
		value, end = value<<4|digit, end+int(u.length)
	}
	return value, end
}

func hexDigit(c rune) rune {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return -1
}

// escaped reads what is behind a backslash; it returns place where that is no escape.
// What another backslash made is part of the escape only where the first was made by
// one too: of two that stand there, the first escapes the second.
func (d *decoder) escaped(place int, itself bool) (value rune, end int) {
	for end = place; end < len(d.text) && d.text[end] == 0 && end-place < reach; {
		end++
	}
	letter := d.at(end)
	end += int(letter.length)
	if itself {
		letter, end = d.visible(place)
		end += int(letter.length)
	} else if letter.escaped {
		return 0, place
	}
	switch letter.char {
	case 'b':
		return '\b', end
	case 'f':
		return '\f', end
	case 'n':
		return '\n', end
	case 'r':
		return '\r', end
	case 't':
		return '\t', end
	case 'u':
		value, last := d.hex(end, 4)
		if last == end {
			break
		}
		end = last
		if value < utf8.RuneSelf {
			return value, end
		}
		low, last := d.visible(last)
		if pair := utf16.DecodeRune(value, low.char-firstRune); pair != utf8.RuneError {
			return pair + firstRune, last + int(low.length)
		}
		return value + firstRune, end
	}
	return 0, place
}

// reference reads what is behind an ampersand; it returns place where that is no
// character reference.
func (d *decoder) reference(place int) (value rune, end int) {
	u, at := d.visible(place)
	switch u.char {
	case '#':
		return d.numeric(place, at+int(u.length))
	case 'a', 'l', 'g', 'q':
		for _, each := range [...]struct {
			char rune
			name string
		}{{'&', "amp;"}, {'\'', "apos;"}, {'<', "lt;"}, {'>', "gt;"}, {'"', "quot;"}} {
			if end := d.follows(place, each.name); end > place {
				return each.char, end
			}
		}
	}
	return 0, place
}

// follows returns the end of a name that stands at a place; place where it does not.
func (d *decoder) follows(place int, name string) (end int) {
	end = place
	for _, c := range name {
		u, at := d.visible(end)
		if u.char != c {
			return place
		}
		end = at + int(u.length)
	}
	return end
}

// numeric reads a code point in decimal or behind an x in hexadecimal digits, and the
// semicolon behind it.
func (d *decoder) numeric(place, digits int) (value rune, end int) {
	base := rune(10)
	u, at := d.visible(digits)
	if u.char == 'x' || u.char == 'X' {
		base = 16
		u, at = d.visible(at + int(u.length))
	}
	for u.char != ';' {
		digit := hexDigit(u.char)
		if digit < 0 || digit >= base || value > utf8.MaxRune {
			return 0, place
		}
		value = value*base + digit
		u, at = d.visible(at + int(u.length))
	}
	if value >= utf8.RuneSelf {
		value += firstRune
	}
	return value, at + int(u.length)
}

// append appends the bytes that the unit stands for.
func (u unit) append(text []byte) []byte {
	switch {
	case u.char == nothing:
		return text
	case u.char < firstRune:
		return append(text, byte(u.char))
	}
	return utf8.AppendRune(text, u.char-firstRune)
}

// decoded is a text with every escape undone.
func decoded(text string) string {
	return string(new(decoder).appendDecoded(nil, []byte(text)))
}

// appendDecoded appends what a text is decoded to. What the decoder knew is lost.
func (d *decoder) appendDecoded(plain, text []byte) []byte {
	d.text = text
	d.decodeAll()
	for place := 0; place < len(text); place += int(d.at(place).length) {
		plain = d.at(place).append(plain)
	}
	return plain
}

// decodeAll finds the units at all places.
func (d *decoder) decodeAll() {
	d.units = slices.Grow(d.units[:0], len(d.text)+1)[:len(d.text)+1]
	for place := len(d.text) - 1; place >= 0; place-- {
		d.decode(place)
	}
}

// sourceLength is how long the beginning of a text is that decodes to so many bytes.
// The decoder is any; what it knew is lost.
func (d *decoder) sourceLength(text []byte, decoded int) int {
	if decoded <= len(text) && !hasEscape(text[:decoded]) {
		return decoded
	}
	for size := 2*decoded + reach; ; size *= 2 {
		d.text = text[:min(size, len(text))]
		d.decodeAll()
		place, left := 0, decoded
		var buffer [utf8.UTFMax]byte
		for left > 0 && place < len(d.text) {
			u := d.at(place)
			left -= len(u.append(buffer[:0]))
			place += int(u.length)
		}
		if place <= len(d.text)-reach || len(d.text) == len(text) {
			return place
		}
	}
}
