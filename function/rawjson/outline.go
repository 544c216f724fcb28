package rawjson

import "strings"

// Bounds of an outline: what a person reads in a line.
const (
	maxOutline      = 12
	maxOutlineDepth = 4
	maxOutlineName  = 32
	// guessable is how long a name with digits may be: longer ones may be keys themselves.
	guessable = 16
)

// Outline returns the pointers of a document's values that are no containers, in the
// document's order, so that a message can say what there is without a value of it. Of an
// array only the first element is looked into. It is bounded, and leaves out members
// whose names are more than a word, since some APIs have tokens as names.
func Outline(document []byte) []Pointer {
	sound, ok := Pointer("").Find(document)
	if !ok {
		return nil
	}
	return outline(nil, "", sound, maxOutlineDepth)
}

func outline(found []Pointer, at Pointer, value []byte, depth int) []Pointer {
	var object Object
	switch {
	case len(found) >= maxOutline:
		return found
	case object.Read(value) == nil && depth > 0:
		for i := range object.Len() {
			if name := object.Name(i); isWord(name) {
				found = outline(found, at+PointerTo(name), object.Value(i).Of(value), depth-1)
			}
		}
		return found
	case value[0] == '[' && depth > 0:
		for element := range Elements(value) {
			return outline(found, at+"/0", element, depth-1)
		}
		return found
	case at == "":
		return found
	}
	return append(found, at)
}

// isWord reports whether a name says what a value is, and is none itself.
func isWord(name string) bool {
	other := func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.')
	}
	return name != "" && len(name) <= maxOutlineName && !strings.ContainsFunc(name, other) &&
		(len(name) < guessable || !strings.ContainsAny(name, "0123456789"))
}
