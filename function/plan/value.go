package plan

import "bytes"

// scalars walks the scalars of a scanned value: the value itself, or the elements
// of an array.
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

// next returns the next scalar as the text writes it, nil at the end.
func (s *scalars) next() []byte {
	if s.text[0] != '[' {
		if s.done {
			return nil
		}
		s.done = true
		return s.text
	}
	for isSpace(s.text[s.at]) || s.text[s.at] == ',' {
		s.at++
	}
	start := s.at
	if s.text[start] == ']' {
		return nil
	}
	s.at = scalarEnd(s.text, start)
	return s.text[start:s.at]
}

// scalarEnd returns where the scalar ends that begins at a position of a scanned text.
func scalarEnd(text []byte, at int) int {
	if text[at] != '"' {
		for text[at] != ',' && text[at] != ']' && !isSpace(text[at]) {
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
		if scalar[0] == '{' || scalar[0] == '[' {
			return false
		}
	}
	return true
}

func isNull(scalar []byte) bool { return scalar[0] == 'n' }

// A textBuilder writes values of the record into one text, from which the query
// and the header values of a plan are cut.
type textBuilder struct {
	text    []byte
	decoded []byte
	// broken says that a string was no text: it holds half a surrogate pair.
	broken bool
}

// decode returns what a scalar says: a string decoded, anything else as it is
// written. The bytes are good until the next call.
func (b *textBuilder) decode(scalar []byte) []byte {
	if scalar[0] != '"' {
		return scalar
	}
	inside := scalar[1 : len(scalar)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	var whole bool
	b.decoded, whole = appendDecoded(b.decoded[:0], inside)
	b.broken = b.broken || !whole
	return b.decoded
}

// query appends a query parameter for each scalar of a value that is not null.
func (b *textBuilder) query(field string, value []byte) {
	walk := scalarsOf(value)
	for scalar := walk.next(); scalar != nil; scalar = walk.next() {
		if isNull(scalar) {
			continue
		}
		if last := len(b.text) - 1; last >= 0 && b.text[last] != '&' {
			b.text = append(b.text, '&')
		}
		b.text = appendPercentEncoded(b.text, []byte(field))
		b.text = append(b.text, '=')
		b.text = appendPercentEncoded(b.text, b.decode(scalar))
	}
}

// header appends the scalars of a value that are not null, joined with commas;
// present is false when there are none.
func (b *textBuilder) header(value []byte) (present bool) {
	walk := scalarsOf(value)
	for scalar := walk.next(); scalar != nil; scalar = walk.next() {
		if isNull(scalar) {
			continue
		}
		if present {
			b.text = append(b.text, ',')
		}
		present = true
		b.text = append(b.text, b.decode(scalar)...)
	}
	return present
}

// path appends the scalars of a value that are not null, percent-encoded and
// joined with commas (RFC 6570 section 3.2.2). A value that is empty, or that a
// server could take for a step in the path, is not ok.
func (b *textBuilder) path(value []byte) (ok bool) {
	start, first := len(b.text), true
	walk := scalarsOf(value)
	for scalar := walk.next(); scalar != nil; scalar = walk.next() {
		if isNull(scalar) {
			continue
		}
		if !first {
			b.text = append(b.text, ',')
		}
		first = false
		b.text = appendPercentEncoded(b.text, b.decode(scalar))
	}
	switch string(b.text[start:]) {
	case "", ".", "..":
		return false
	}
	return true
}
