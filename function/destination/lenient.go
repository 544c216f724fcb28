package destination

import (
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
	return strings.Map(compatible, overlong().Replace(string(undone)))
}

func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c == '%' || c >= utf8.RuneSelf })
}

// overlong replaces a dot and slashes in two bytes of UTF-8 (RFC 3629 section 10).
func overlong() *strings.Replacer {
	return strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", `\`)
}

// compatible returns the ASCII character to which NFKC takes another one, as far as such
// characters stand in names and steps (Unicode Standard Annex #15).
func compatible(c rune) rune {
	const first, last = '\uff01', '\uff5e' // full width
	switch {
	case first <= c && c <= last:
		return c - first + '!'
	case c == '\u2024':
		return '.'
	case c >= utf8.RuneSelf && unicode.IsSpace(c):
		return ' '
	}
	return c
}

// Climbs reports whether an escaped path holds what servers could read as a step to
// another one, however often it is encoded: a segment . or .., with path parameters
// or white space around it or not, or a control character, at which some end the path.
func Climbs(path string) bool {
	for range mostEscapes {
		for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			segment, _, _ = strings.Cut(segment, ";")
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
	if at := strings.IndexAny(segment, ";?#"); at >= 0 {
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
