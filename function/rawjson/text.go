package rawjson

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// A Text is a JSON string as it stands in a text: Raw is what is between its
// quotation marks, and Size how long that is without escapes.
type Text struct {
	Raw  []byte
	Size int
}

// Append appends the string without escapes, exactly Size bytes. Bytes that are
// not UTF-8 stay as they are; half a surrogate pair becomes U+FFFD, as in
// encoding/json.
func (t Text) Append(out []byte) []byte {
	if t.Size == len(t.Raw) {
		return append(out, t.Raw...)
	}
	start := len(out)
	out = slices.Grow(out, t.Size)[:start+t.Size]
	unescape(out[start:], t.Raw)
	return out
}

// unescaped returns what the inside of a sound string says: itself, or what it is
// without escapes, after scratch. Half a surrogate pair becomes U+FFFD, and whole
// is false: such a string is no text, RFC 8259 section 8.2.
func unescaped(scratch, raw []byte) (says []byte, whole bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, true
	}
	start := len(scratch)
	scratch = slices.Grow(scratch, len(raw))
	n, whole := unescape(scratch[start:start+len(raw)], raw)
	return scratch[:start+n], whole
}

// unescape writes what raw says into out, which has at least that length.
func unescape(out, raw []byte) (length int, whole bool) {
	i, j := 0, 0
	for whole = true; i < len(raw); {
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
		if i+1 < len(raw) && meaning[raw[i+1]] != 0 {
			out[j] = meaning[raw[i+1]]
			i, j = i+2, j+1
			continue
		}
		r, n := decodeUnicode(raw[i:])
		whole = whole && r >= 0
		i += n
		j += utf8.EncodeRune(out[j:], r)
	}
	return j, whole
}

// meaning holds what the letters after a backslash stand for, and letter the
// letters of the characters that are escaped so; 0 for all others.
var (
	meaning = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
	letter  = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}
)

// decodeUnicode returns the character that the escape \u at the start of raw stands for,
// -1 for half a surrogate pair, and the escape's length; 0 when it is none (RFC 8259
// section 7).
func decodeUnicode(raw []byte) (rune, int) {
	if len(raw) < 2 || raw[1] != 'u' {
		return 0, 0
	}
	first := hexadecimal(raw[2:])
	if first < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, len(`\u0000`)
	}
	if len(raw) >= len(`\ud83d\ude00`) && raw[6] == '\\' && raw[7] == 'u' {
		if r := utf16.DecodeRune(first, hexadecimal(raw[8:])); r != utf8.RuneError {
			return r, len(`\ud83d\ude00`)
		}
	}
	return -1, len(`\ud83d`)
}

// hexadecimal returns the number that four digits write, -1 when they are none.
func hexadecimal(raw []byte) rune {
	if len(raw) < 4 {
		return -1
	}
	var code [2]byte
	if _, err := hex.Decode(code[:], raw[:4]); err != nil {
		return -1
	}
	return rune(binary.BigEndian.Uint16(code[:]))
}

// Escape appends valid UTF-8 as the inside of a JSON string, within the capacity
// of out. It returns how many bytes of the text it took: all where out has at least
// eight bytes to spare in the end.
func Escape(out, text []byte) ([]byte, int) {
	i, j := 0, len(out)
	out = out[:cap(out)]
	for i < len(text) && j+8 <= len(out) {
		if i+8 <= len(text) {
			word := binary.LittleEndian.Uint64(text[i:])
			binary.LittleEndian.PutUint64(out[j:], word)
			n := firstSpecial(word)
			if i, j = i+n, j+n; n == 8 || j+8 > len(out) {
				continue
			}
		}
		j = len(AppendCharacter(out[:j], text[i]))
		i++
	}
	return out[:j], i
}

// AppendCharacter appends a byte as the inside of a JSON string: an ASCII
// character, escaped where it has to be, or a byte of another character as it is.
func AppendCharacter(out []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch {
	case letter[c] != 0:
		return append(out, '\\', letter[c])
	case c < ' ':
		return append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xF])
	}
	return append(out, c)
}

// Encode writes a value that always has an encoding: texts, numbers and what holds them.
// Nothing is escaped that JSON does not ask for.
func Encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
