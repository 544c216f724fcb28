package destination

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Pointer is a JSON Pointer (RFC 6901): empty for the whole document, or
// reference tokens that each begin with "/".
type Pointer string

// ParsePointer checks the syntax of RFC 6901 section 3. The error does not hold the text.
func ParsePointer(text string) (Pointer, error) {
	if !utf8.ValidString(text) {
		return "", errors.New("a JSON Pointer is UTF-8")
	}
	if text != "" && text[0] != '/' {
		return "", errors.New(`a JSON Pointer is empty or begins with "/"`)
	}
	for i := range len(text) {
		if text[i] == '~' && (i+1 == len(text) || text[i+1] != '0' && text[i+1] != '1') {
			return "", errors.New(`in a JSON Pointer "~" is written ~0 and "/" inside a name ~1`)
		}
	}
	return Pointer(text), nil
}

// pointerTo returns the pointer to a member of the document's top.
func pointerTo(name string) Pointer {
	return Pointer("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
}

// tokens returns the reference tokens with their escapes undone, ~1 before ~0 as
// RFC 6901 section 4 asks.
func (p Pointer) tokens() []string {
	if p == "" {
		return nil
	}
	tokens := strings.Split(string(p[1:]), "/")
	for i, token := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens
}

// Find returns the value that the pointer selects, as the document writes it: no
// number loses a digit. ok is false when there is none or when the document is
// not JSON. Of a member that an object repeats the last one counts, as in
// encoding/json.
func (p Pointer) Find(document []byte) (value []byte, ok bool) {
	if !json.Valid(document) {
		return nil, false
	}
	value = bytes.Trim(document, jsonSpace)
	for _, token := range p.tokens() {
		switch value[0] {
		case '{':
			value, ok = findMember(value, token)
		case '[':
			value, ok = findItem(value, token)
		default:
			ok = false
		}
		if !ok {
			return nil, false
		}
	}
	return value, true
}

// jsonSpace is the white space of RFC 8259 section 2.
const jsonSpace = " \t\r\n"

// findMember returns the value of an object's member. The object is valid JSON.
func findMember(object []byte, name string) (value []byte, ok bool) {
	rest := skip(object[1:], jsonSpace)
	for rest[0] != '}' {
		var key, each []byte
		key, rest = cutValue(rest)
		each, rest = cutValue(skip(rest, jsonSpace+":"))
		if unquote(key) == name {
			value, ok = each, true
		}
		rest = skip(rest, jsonSpace+",")
	}
	return value, ok
}

// findItem returns an array's item. The array is valid JSON; an index has no
// leading zeros (RFC 6901 section 4).
func findItem(array []byte, token string) (value []byte, ok bool) {
	index, err := strconv.Atoi(token)
	if err != nil || strconv.Itoa(index) != token || index < 0 {
		return nil, false
	}
	rest := skip(array[1:], jsonSpace)
	for position := 0; rest[0] != ']'; position++ {
		value, rest = cutValue(rest)
		if position == index {
			return value, true
		}
		rest = skip(rest, jsonSpace+",")
	}
	return nil, false
}

// skip takes leading bytes off that are in a set.
func skip(text []byte, set string) []byte { return bytes.TrimLeft(text, set) }

// cutValue splits text after the JSON value that it begins with. The text is valid JSON.
func cutValue(text []byte) (value, rest []byte) {
	depth, end := 0, 0
	for {
		switch text[end] {
		case '"':
			end += stringLength(text[end:])
		case '{', '[':
			depth, end = depth+1, end+1
		case '}', ']':
			depth, end = depth-1, end+1
		case ',', ':', ' ', '\t', '\r', '\n':
			end++
			continue
		default:
			for end < len(text) && !bytes.ContainsRune([]byte(",:{}[] \t\r\n"), rune(text[end])) {
				end++
			}
		}
		if depth == 0 {
			return text[:end], text[end:]
		}
	}
}

// stringLength returns the length of the JSON string that text begins with, quotes included.
func stringLength(text []byte) int {
	for end := 1; ; end++ {
		switch text[end] {
		case '\\':
			end++
		case '"':
			return end + 1
		}
	}
}

// unquote returns the text of a valid JSON string.
func unquote(quoted []byte) string {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return ""
	}
	return text
}
