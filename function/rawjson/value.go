package rawjson

import "iter"

// ScalarText returns what a sound scalar says: a string without its escapes, anything
// else as it is written. whole is false where a string holds half a surrogate pair
// and so is no text. A string with escapes is decoded after scratch.
func ScalarText(scratch, scalar []byte) (text []byte, whole bool) {
	if scalar[0] != '"' {
		return scalar, true
	}
	return unescaped(scratch, scalar[1:len(scalar)-1])
}

// Plain returns the text of a sound string, and a number, true or false as it is
// written; ok is false for null and for what has parts. Half a surrogate pair
// becomes U+FFFD.
func Plain(value []byte) (text string, ok bool) {
	if value[0] == 'n' || IsContainer(value) {
		return "", false
	}
	says, _ := ScalarText(nil, value)
	return string(says), true
}

// IsObject reports whether a document is a JSON object, names that repeat allowed.
func IsObject(document []byte) bool {
	found, ok := Pointer("").Find(document)
	return ok && found[0] == '{'
}

// Members returns the names and values of a sound object, as the text writes them. The
// elements of an array have no name, and a scalar is its own only element.
func Members(value []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, element []byte) bool) {
		if !IsContainer(value) {
			yield(nil, value)
			return
		}
		c := Cursor{AnyNames: true, Depth: len(value)}
		c.Reset(value)
		for more := c.Enter(value[0]); more; more = c.Next() {
			var name []byte
			if value[0] == '{' {
				name = value[c.last.Start-1 : c.last.End+1]
			}
			if !yield(name, c.Skip()) {
				return
			}
		}
	}
}

// Elements returns the values alone of what Members returns.
func Elements(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, element := range Members(value) {
			if !yield(element) {
				return
			}
		}
	}
}

// IsContainer reports whether a sound value is an object or an array.
func IsContainer(value []byte) bool { return value[0] == '{' || value[0] == '[' }
