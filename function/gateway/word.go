package gateway

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

// zeroBytes marks the zero bytes of a word.
func zeroBytes(word uint64) uint64 { return ^((word&^highs + ^uint64(highs)) | word | ^uint64(highs)) }

// controlBytes marks the characters below the space.
func controlBytes(word uint64) uint64 { return zeroBytes(word & (each * 0xE0)) }

// quotedBytes marks quotation marks and backslashes.
func quotedBytes(word uint64) uint64 {
	return zeroBytes(word^each*'"') | zeroBytes(word^each*'\\')
}

// firstMark is the index of the first byte that a mask marks, or 8.
func firstMark(mask uint64) int { return bits.TrailingZeros64(mask) / 8 }

// isSpecial reports whether a character cannot stand for itself in a JSON string,
// RFC 8259 section 7.
func isSpecial(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// indexSpecial returns the index, from start on, of the first special character,
// or len(data).
func indexSpecial(data []byte, start int) int {
	i := start
	for ; i+8 <= len(data); i += 8 {
		word := binary.LittleEndian.Uint64(data[i:])
		if mask := controlBytes(word) | quotedBytes(word); mask != 0 {
			return i + firstMark(mask)
		}
	}
	for i < len(data) && !isSpecial(data[i]) {
		i++
	}
	return i
}
