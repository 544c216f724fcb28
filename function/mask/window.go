package mask

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// A hash gives each byte a random number. The hash of a text is a polynomial whose
// coefficients are its bytes' numbers, at base: Richard M. Karp and Michael O. Rabin,
// "Efficient randomized pattern-matching algorithms", 1987, where the base is random.
// Characters that one alphabet writes in place of another's have the same number.
type hash [256]uint64

// base is odd, so that no byte is lost; its bits are those of the golden ratio.
const base = 0x9e3779b97f4a7c15

func newHash() hash {
	var h hash
	var key [8 * len(h)]byte
	_, _ = rand.Read(key[:]) // does not fail: crypto/rand
	for i := range h {
		h[i] = binary.NativeEndian.Uint64(key[8*i:])
	}
	h[0] = 0 // what is before the first and behind the last byte of a text
	h['-'], h[' '], h['_'] = h['+'], h['+'], h['/']
	return h
}

func (h *hash) sum(text []byte) (sum uint64) {
	for _, c := range slices.Backward(text) {
		sum = sum*base + h[c]
	}
	return sum
}

// A window looks for texts of one length. Of one that is passed over, or that finds
// nothing, little is read: what is read lies together.
type window struct {
	length int
	// isBase64 says that the texts consist of the characters of base64 alone, as those of
	// hexadecimal digits do.
	isBase64 bool
	targets  []target
	// likely has a bit for the highest bits of a hash, which says whether a target's begins with them.
	likely [4096 / 64]uint64
	// leaving is what a byte that leaves the window has become in its hash.
	leaving hash
}

// A target is the hash of a text. What gives it away beside it is hidden too: bytes
// before it and behind it. It is there only if the rest follows, whose hash and length in
// bytes these are: what could change with what is behind it.
type target struct {
	hash           uint64
	before, behind int
	rest           uint64
	restLength     int
}

func newWindow(h *hash, length int) *window {
	w := &window{length: length}
	power := uint64(1)
	for range length {
		power *= base
	}
	for c := range h {
		w.leaving[c] = h[c] * power
	}
	return w
}

func (w *window) add(h *hash, text string, before, behind int) {
	sum := h.sum([]byte(text)[:w.length])
	w.targets = append(w.targets, target{hash: sum, before: before, behind: behind + len(text) - w.length})
	w.likely[sum>>58] |= 1 << (sum >> 52 % 64)
}

// addWithRest adds a text that is there only if all of it is, and not just a window's length.
func (w *window) addWithRest(h *hash, text string) {
	w.add(h, text[:w.length], 0, 0)
	last := &w.targets[len(w.targets)-1]
	last.rest, last.restLength = h.sum([]byte(text[w.length:])), len(text)-w.length
}

func (w *window) isLikely(sum uint64) bool { return w.likely[sum>>58]>>(sum>>52%64)&1 != 0 }

// windowsFor are the windows that find a value: as it is, in base64, in base64 of
// that, in hexadecimal digits of either case. There are as many targets for every value of a length.
func windowsFor(h *hash, value string) []*window {
	once, twice := base64Window(h, len(value)), base64Window(h, base64Length(len(value)))
	for _, alphabet := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for _, text := range once.addBase64(h, alphabet, value) {
			twice.addBase64(h, base64.RawStdEncoding, text[:once.length])
		}
	}
	digits := newWindow(h, hex.EncodedLen(len(value)))
	digits.isBase64 = true
	digits.add(h, hex.EncodeToString([]byte(value)), 0, 0)
	digits.add(h, strings.ToUpper(hex.EncodeToString([]byte(value))), 0, 0)
	windows := []*window{once, twice, digits}
	if length := settled(value); length >= minDecoded {
		windows = append(windows, rawWindow(h, decoded(value), length))
	}
	return windows
}

// rawWindow finds a decoded value, of which so many bytes are settled, in its own case, in
// lower and in upper case.
func rawWindow(h *hash, plain string, length int) *window {
	w := newWindow(h, length)
	w.addWithRest(h, plain)
	for _, first := range [...]byte{'A', 'a'} {
		other := []byte(plain)
		flip(other, first, first+25)
		w.addWithRest(h, string(other))
	}
	return w
}

func base64Window(h *hash, length int) *window {
	w := newWindow(h, base64Length(length))
	w.isBase64 = true
	return w
}

// base64Length is how many characters of base64 hold nothing but a text of so many
// bytes, whatever is before it and behind it.
func base64Length(length int) int { return (length*8 - 4) / 6 }

// addBase64 adds what every base64 text contains that encodes the text with anything
// before it and behind it, and returns it.
func (w *window) addBase64(h *hash, alphabet *base64.Encoding, text string) []string {
	var cores []string
	for before := range 3 {
		encoded := alphabet.EncodeToString([]byte("\x00\x00"[:before] + text))
		first, last := (before*8+5)/6, (before+len(text))*8/6
		w.add(h, encoded[first:last], first-before*8/6, len(encoded)-last)
		cores = append(cores, encoded[first:last])
	}
	return cores
}

// endings end what may be an escape's beginning: of a percent-encoding, of JSON's, of a
// character reference. They are all there are, as far as their outcome differs.
func endings() []string {
	return []string{"0", "00", "000", "0000", ";", "0;", "lt;", "mp;", "p;", "os;", "s;", "t;", "uot;", "ot;"}
}

// settled is the length of what a value is decoded to, as far as nothing that comes after
// it in an answer can change it by ending an escape that its last bytes begin.
func settled(value string) int {
	plain := decoded(value)
	length := len(plain)
	for _, ending := range endings() {
		other := decoded(value + ending)
		length = min(length, len(other))
		for i := range length {
			if other[i] != plain[i] {
				length = i
				break
			}
		}
	}
	if length == len(plain) {
		return length
	}
	// What such an escape stands for may in turn end one that begins before it.
	return settled(value[:new(decoder).sourceLength([]byte(value), length)])
}

// isBase64 knows the characters of both alphabets.
func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// flip changes the case of the letters from first to last, of ASCII alone, so that the length stays.
func flip(text []byte, first, last byte) {
	for i, c := range text {
		if first <= c && c <= last {
			text[i] ^= 'a' ^ 'A'
		}
	}
}
