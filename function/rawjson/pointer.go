package rawjson

import (
	"bytes"
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

// PointerTo returns the pointer to a member of the document's top.
func PointerTo(name string) Pointer {
	return Pointer("/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1"))
}

// Tokens returns the reference tokens with their escapes undone, ~1 before ~0 as
// RFC 6901 section 4 asks.
func (p Pointer) Tokens() []string {
	if p == "" {
		return nil
	}
	tokens := strings.Split(string(p[1:]), "/")
	for i, token := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens
}

// maxDocumentDepth is how deep a document may nest: the limit of encoding/json.
const maxDocumentDepth = 10_000

// Find returns the value that the pointer selects, as the document writes it: no
// number loses a digit. ok is false when there is none or when the document is
// not JSON. Of a member that an object repeats the last one counts, as in
// encoding/json.
func (p Pointer) Find(document []byte) (value []byte, ok bool) {
	c := Cursor{AnyNames: true, Depth: maxDocumentDepth}
	c.Reset(document)
	value = c.Skip()
	if c.End() != nil {
		return nil, false
	}
	for _, token := range p.Tokens() {
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

func findMember(object []byte, name string) (value []byte, ok bool) {
	for written, each := range Members(object) {
		if says, _ := ScalarText(nil, written); string(says) == name {
			value, ok = each, true
		}
	}
	return value, ok
}

// findItem returns an array's item; an index has no leading zeros (RFC 6901 section 4).
func findItem(array []byte, token string) (value []byte, ok bool) {
	index, err := strconv.Atoi(token)
	if err != nil || strconv.Itoa(index) != token {
		return nil, false
	}
	for each := range Elements(array) {
		if index == 0 {
			return each, true
		}
		index--
	}
	return nil, false
}

// WithMember returns a JSON document with a value at a path of names and of indexes of
// arrays, whose objects are made where they are missing; the document itself where no object can be there, or
// where it has a name of the path twice.
// What is there already is replaced; everything else stays byte for byte.
func WithMember(document []byte, path []string, value []byte) []byte {
	if len(path) == 0 {
		return value
	}
	var found Span
	members, ofName := 0, 0
	c := Cursor{AnyNames: true, checksText: true}
	c.Reset(document)
	opening := byte('{')
	if c.Peek() == '[' {
		opening = '['
	}
	for more := c.Enter(opening); more; more = c.Next() {
		named := opening == '[' && strconv.Itoa(members) == path[0] || opening == '{' && string(c.Name()) == path[0]
		at := c.Value()
		if members++; named {
			found = at
			ofName++
		}
	}
	switch {
	case c.End() != nil || ofName > 1 || ofName == 0 && opening == '[':
		return document
	case ofName == 1:
		inner := WithMember(found.Of(document), path[1:], value)
		return bytes.Join([][]byte{document[:found.Start], inner, document[found.End:]}, nil)
	}
	member := bytes.Join([][]byte{Encode(path[0]), WithMember([]byte("{}"), path[1:], value)}, []byte(":"))
	if members > 0 {
		member = append([]byte(","), member...)
	}
	end := bytes.LastIndexByte(document, '}')
	return bytes.Join([][]byte{document[:end], member, document[end:]}, nil)
}
