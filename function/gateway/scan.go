package gateway

import "unicode/utf8"

// maxDepth is how deep an event may be nested: the limit of encoding/json.
const maxDepth = 10_000

// A scanner reads one JSON text (RFC 8259) from left to right and builds nothing.
// A fault is sticky: after fail every method finds the end of the text, so that
// only the last caller needs to look at broken.
type scanner struct {
	data   []byte
	at     int
	depth  int
	broken bool
}

func (s *scanner) fail() {
	s.broken = true
	s.at = len(s.data)
}

// peek goes to the next byte that is no white space; 0 is the end of the text.
func (s *scanner) peek() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// end expects that nothing but white space follows, and reports whether the
// whole text was sound.
func (s *scanner) end() bool {
	s.peek()
	return s.at == len(s.data) && !s.broken
}

// enter reads the opening of an object or array.
func (s *scanner) enter(opening byte) {
	if s.peek() != opening || s.depth == maxDepth {
		s.fail()
		return
	}
	s.at++
	s.depth++
}

// next goes to the next element of the object or array that closing ends, and
// reports whether there is one. What it finds may still turn out to be broken.
func (s *scanner) next(closing byte, first bool) bool {
	c := s.peek()
	switch {
	case s.broken:
		return false
	case c == closing:
		s.at++
		s.depth--
		return false
	case first:
		return true
	case c == ',':
		s.at++
		return true
	}
	s.fail()
	return false
}

// name reads a member's name and its colon.
func (s *scanner) name() []byte {
	name := s.text()
	if s.peek() != ':' {
		s.fail()
		return nil
	}
	s.at++
	if name.size == len(name.raw) {
		return name.raw
	}
	return name.appendTo(nil)
}

// text reads a string.
func (s *scanner) text() text {
	if s.peek() != '"' {
		s.fail()
		return text{}
	}
	start := s.at + 1
	saved := 0
	for i := start; ; {
		i = indexSpecial(s.data, i)
		if i == len(s.data) || s.data[i] < ' ' {
			s.fail()
			return text{}
		}
		if s.data[i] == '"' {
			s.at = i + 1
			return text{raw: s.data[start:i], size: i - start - saved}
		}
		r, n := decodeEscape(s.data[i:])
		if n == 0 {
			s.fail()
			return text{}
		}
		saved += n - utf8.RuneLen(r)
		i += n
	}
}

// null reads null if it is there.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.literal("null")
	return true
}

func (s *scanner) literal(word string) {
	if len(s.data)-s.at < len(word) || string(s.data[s.at:s.at+len(word)]) != word {
		s.fail()
		return
	}
	s.at += len(word)
}

// skip reads any value and returns its JSON text.
func (s *scanner) skip() []byte {
	c := s.peek()
	start := s.at
	switch c {
	case '{':
		s.skipObject()
	case '[':
		s.skipArray()
	case '"':
		s.text()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
	return s.data[start:s.at]
}

func (s *scanner) skipObject() {
	s.enter('{')
	for first := true; s.next('}', first); first = false {
		s.text()
		if s.peek() != ':' {
			s.fail()
			return
		}
		s.at++
		s.skip()
	}
}

func (s *scanner) skipArray() {
	s.enter('[')
	for first := true; s.next(']', first); first = false {
		s.skip()
	}
}

// number reads a number by the grammar of RFC 8259 section 6.
func (s *scanner) number() {
	s.optional('-', '-')
	if s.at < len(s.data) && s.data[s.at] == '0' {
		s.at++
	} else {
		s.digits()
	}
	if s.optional('.', '.') {
		s.digits()
	}
	if s.optional('e', 'E') {
		s.optional('+', '-')
		s.digits()
	}
}

// optional reads one of two characters if it is there.
func (s *scanner) optional(a, b byte) bool {
	if s.at < len(s.data) && (s.data[s.at] == a || s.data[s.at] == b) {
		s.at++
		return true
	}
	return false
}

func (s *scanner) digits() {
	start := s.at
	for s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9' {
		s.at++
	}
	if s.at == start {
		s.fail()
	}
}
