package rawjson

import (
	"encoding/binary"
	"math/bits"
)

// Texts are searched eight bytes at a time: a word is eight of them, the first
// one lowest. In a mask the highest bit of each byte that was found is set.
const (
	each  = 0x0101010101010101 // times a byte: a word of that byte
	highs = each << 7
)

// below marks the bytes that are lower than limit, which is at most 0x80. Only
// the lowest mark is sure: a borrow may set more above it.
func below(word uint64, limit byte) uint64 { return (word - each*uint64(limit)) &^ word & highs }

// firstMark is the index of the first byte that a mask marks, or 8.
func firstMark(mask uint64) int { return bits.TrailingZeros64(mask) / 8 }

// firstBackslash is the index of the first backslash, or 8.
func firstBackslash(word uint64) int { return firstMark(below(word^each*'\\', 1)) }

// firstSpecial is the index of the first character that cannot stand for itself in
// a string (RFC 8259 section 7), or 8. Of all characters, the control characters and
// the quotation mark alone are below '!' where their second bit is turned over.
func firstSpecial(word uint64) int {
	return firstMark(below(word^each*2, '!') | below(word^each*'\\', 1))
}

// isSpecial reports whether a character cannot stand for itself in a string.
func isSpecial(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// indexSpecial returns the index, from start on, of the first character that
// cannot stand for itself in a string, or len(text).
func indexSpecial(text []byte, start int) int {
	i := start
	for ; i+8 <= len(text); i += 8 {
		if n := firstSpecial(binary.LittleEndian.Uint64(text[i:])); n < 8 {
			return i + n
		}
	}
	for i < len(text) && !isSpecial(text[i]) {
		i++
	}
	return i
}
