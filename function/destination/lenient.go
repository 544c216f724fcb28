package destination

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is here reads parts of a URL as the most lenient servers do. Nothing of it is
// sent: it is compared with what a caller may not say.

// mostEscapes is how often the servers of a path undo escapes, one after the other.
const mostEscapes = 4

// undo undoes escapes once: %41, %u0041 as IIS has it, and what is a dot or a slash to
// those who normalise Unicode or decode UTF-8 that is longer than it need be.
func undo(text string) string {
	if isPlain(text) {
		return text
	}
	undone := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if value, ok := unhex(text[i:]); ok {
			undone = append(undone, value)
			i += len("%41")
			continue
		}
		if code := text[i:min(len(text), i+len("%u0041"))]; len(code) == len("%u0041") && strings.EqualFold(code[:2], "%u") {
			if value, err := strconv.ParseUint(code[2:], 16, 16); err == nil {
				undone = utf8.AppendRune(undone, rune(value))
				i += len(code)
				continue
			}
		}
		undone = append(undone, text[i])
		i++
	}
	return asASCII(undone)
}

func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c == '%' || c >= utf8.RuneSelf })
}

// asASCII takes characters for those of ASCII that some servers take them for.
func asASCII(text []byte) string {
	read := make([]byte, 0, len(text))
	for len(text) > 0 {
		if c, length := overlong(text); length > 0 {
			read, text = append(read, c), text[length:]
			continue
		}
		c, length := utf8.DecodeRune(text)
		read, text = append(read, compatible(c)...), text[length:]
	}
	return string(read)
}

// overlong returns the character of ASCII with which a text begins in more bytes of UTF-8 than
// it takes (RFC 3629 section 10), and their number; 0 if there is none.
func overlong(text []byte) (c byte, length int) {
	length = bits.LeadingZeros8(^text[0])
	if length < 2 || length > 6 || length > len(text) {
		return 0, 0
	}
	value := rune(text[0] & (0x7f >> length))
	for _, next := range text[1:length] {
		if next&0xc0 != 0x80 {
			return 0, 0
		}
		value = value<<6 | rune(next&0x3f)
	}
	if value >= utf8.RuneSelf {
		return 0, 0
	}
	return byte(value), length
}

// compatible returns what NFKC makes of a character, as far as such stand in names and steps
// (Unicode Standard Annex #15). What is invisible, or is no character, is left out by some.
func compatible(c rune) string {
	const first, last = '\uff01', '\uff5e' // full width
	switch {
	case c < utf8.RuneSelf:
	case first <= c && c <= last:
		return string(c - first + '!')
	case c == '\u2024', c == '\ufe52':
		return "."
	case c == '\u2025', c == '\ufe30':
		return ".."
	case c == '\u2026', c == '\ufe19':
		return "..."
	case c == '\ufe68':
		return `\`
	case unicode.IsSpace(c):
		return " "
	case c == utf8.RuneError, unicode.Is(unicode.Cf, c):
		return ""
	}
	return string(c)
}

// endsOfSegment end a segment for servers that look for parameters, a query or a fragment once
// escapes are undone.
const endsOfSegment = ";?#"

// Climbs reports whether an escaped path holds what servers could read as a step to
// another one, however often it is encoded: a segment . or .., with path parameters
// or white space around it or not, or a control character, at which some end the path.
func Climbs(path string) bool {
	for range mostEscapes {
		for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if at := strings.IndexAny(segment, endsOfSegment); at >= 0 {
				segment = segment[:at]
			}
			if segment = strings.TrimSpace(segment); segment == "." || segment == ".." {
				return true
			}
		}
		decoded := undo(path)
		if decoded == path {
			return false
		}
		if path = decoded; strings.ContainsFunc(path, isControl) {
			return true
		}
	}
	return true
}

// fold returns what servers may make of a segment: they ignore letter case, cut path
// parameters off, and what is a query or a fragment once escapes are undone, undo escapes
// once more, and take white space off both ends, and dots and slashes off the last one.
// Control characters do not get here.
func fold(segment string) string {
	segment = undo(segment)
	if at := strings.IndexAny(segment, endsOfSegment); at >= 0 {
		segment = segment[:at]
	}
	return strings.ToLower(strings.ToUpper(strings.TrimLeft(strings.TrimRight(segment, `./\ +`), " +")))
}

// ParameterName returns the name of a parameter in a query or a form, as servers may read
// it: with escapes decoded, nested ones too.
func ParameterName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	for range mostEscapes {
		undone := undo(strings.ReplaceAll(name, "+", " "))
		if undone == name {
			break
		}
		name = undone
	}
	return name
}
