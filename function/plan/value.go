package plan

import "bytes"

// scalars walks the scalars of a scanned value: the value itself, the elements of
// an array, or the names and values of an object, in turn.
type scalars struct {
	text []byte
	at   int
	// done says that the only scalar was given out.
	done bool
}

func scalarsOf(value []byte) scalars {
	if value[0] == '[' {
		return scalars{text: value, at: 1}
	}
	return scalars{text: value}
}

// next returns the next scalar as the text writes it, nil at the end. Of a nested
// object or array it returns the beginning, and the walk is over.
func (s *scalars) next() []byte {
	if !isContainer(s.text) {
		if s.done {
			return nil
		}
		s.done = true
		return s.text
	}
	for isSpace(s.text[s.at]) || s.text[s.at] == ',' || s.text[s.at] == ':' {
		s.at++
	}
	start := s.at
	if s.text[start] == ']' || s.text[start] == '}' {
		return nil
	}
	s.at = scalarEnd(s.text, start)
	return s.text[start:s.at]
}

// scalarEnd returns where the scalar ends that begins at a position of a scanned text.
func scalarEnd(text []byte, at int) int {
	if text[at] != '"' {
		for c := text[at]; c != ',' && c != ']' && c != '}' && !isSpace(c); c = text[at] {
			at++
		}
		return at
	}
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// isFlat reports whether a value is a scalar or an array of scalars.
func isFlat(value []byte) bool {
	if value[0] == '{' {
		return false
	}
	walk := scalarsOf(value)
	for scalar := walk.next(); scalar != nil; scalar = walk.next() {
		if isContainer(scalar) {
			return false
		}
	}
	return true
}

func isNull(scalar []byte) bool { return scalar[0] == 'n' }

// scalarText returns what a scalar says: a string decoded, anything else as it is
// written. ok is false where a string holds half a surrogate pair and so is no
// text. An escaped string is decoded behind scratch.
func scalarText(scratch, scalar []byte) (text []byte, ok bool) {
	if scalar[0] != '"' {
		return scalar, true
	}
	inside := scalar[1 : len(scalar)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside, true
	}
	return appendDecoded(scratch, inside)
}
