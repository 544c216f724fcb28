package plan

import "bytes"

// maxDepth is how deep a record may nest. RFC 8259 section 9 leaves the limit to
// the parser; it is Jackson's default, which most of the APIs behind a relay share.
const maxDepth = 1000

// A span is a part of a text. Bodies are at most gateway.MaxRecordBytes long.
type span struct{ start, end uint32 }

func (s span) of(text []byte) []byte { return text[s.start:s.end] }

// A flaw is what makes a text no record.
type flaw int

const (
	noFlaw flaw = iota
	badSyntax
	badUTF8
	tooDeep
	tooManyNames
	duplicateName
)

// A scanner walks JSON text (RFC 8259) once, without recursion. Positions go in
// and come out of its methods; a negative one means that flaw and at are set.
type scanner struct {
	text []byte
	// names holds the member names of all open objects, outermost first.
	names []name
	// frames holds, for each open container, where its names begin; -1 for an array.
	frames []int32
	// limit is how deep the text may nest.
	limit int
	// escaped says that a string held an escape; name looks at it.
	escaped bool
	// anyNames lets duplicate member names pass.
	anyNames bool
	table    nameTable

	flaw flaw
	at   int
}

func (s *scanner) fail(flaw flaw, at int) int {
	s.flaw, s.at = flaw, at
	return -1
}

// space returns the position of the next byte that is not white space.
func (s *scanner) space(at int) int {
	for at < len(s.text) && isSpace(s.text[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// peek returns the byte at a position, 0 at the end of the text.
func (s *scanner) peek(at int) byte {
	if at < len(s.text) {
		return s.text[at]
	}
	return 0
}

// value moves past one value of any kind.
func (s *scanner) value(at int) int {
	base := len(s.frames)
	for {
		at = s.space(at)
		switch s.peek(at) {
		case '{', '[':
			next, empty := s.open(at)
			if next < 0 || !empty {
				at = next
				break
			}
			at = s.close(next, base)
		default:
			if at = s.scalar(at); at >= 0 {
				at = s.close(at, base)
			}
		}
		if at < 0 || len(s.frames) == base {
			return at
		}
	}
}

// open enters a container. The position is that of its first value, or, for an
// empty one, that of its closing bracket.
func (s *scanner) open(at int) (next int, empty bool) {
	if len(s.frames) >= s.limit {
		return s.fail(tooDeep, at), false
	}
	next = s.space(at + 1)
	if s.text[at] == '[' {
		s.frames = append(s.frames, -1)
		return next, s.peek(next) == ']'
	}
	s.frames = append(s.frames, int32(len(s.names)))
	if s.peek(next) == '}' {
		return next, true
	}
	return s.name(next), false
}

// close moves past what may follow a value: the brackets that it ends, or a comma
// and, in an object, the next member's name. It stops outside the frame base.
func (s *scanner) close(at, base int) int {
	for len(s.frames) > base {
		at = s.space(at)
		top := s.frames[len(s.frames)-1]
		switch c := s.peek(at); {
		case c == ',' && top < 0:
			return at + 1
		case c == ',':
			return s.name(s.space(at + 1))
		case c == ']' && top < 0:
		case c == '}' && top >= 0:
			if at = s.unique(int(top), at); at < 0 {
				return at
			}
			s.names = s.names[:top]
		default:
			return s.fail(badSyntax, at)
		}
		s.frames = s.frames[:len(s.frames)-1]
		at++
	}
	return at
}

// name moves past a member's name and its colon, and remembers the name.
func (s *scanner) name(at int) int {
	s.escaped = false
	end := s.string(at)
	if end < 0 {
		return end
	}
	if !s.anyNames {
		if len(s.names) == maxNames {
			return s.fail(tooManyNames, at)
		}
		s.names = append(s.names, newName(s.text, at+1, end-1, s.escaped))
	}
	if end = s.space(end); s.peek(end) != ':' {
		return s.fail(badSyntax, end)
	}
	return end + 1
}

// scalar moves past a string, a number or a literal.
func (s *scanner) scalar(at int) int {
	switch c := s.peek(at); {
	case c == '"':
		return s.string(at)
	case c == 't':
		return s.literal(at, "true")
	case c == 'f':
		return s.literal(at, "false")
	case c == 'n':
		return s.literal(at, "null")
	default:
		return s.number(at)
	}
}

func (s *scanner) literal(at int, word string) int {
	if !bytes.HasPrefix(s.text[at:], []byte(word)) {
		return s.fail(badSyntax, at)
	}
	return at + len(word)
}

// string moves past a string. That the text is UTF-8 is known already.
func (s *scanner) string(at int) int {
	if s.peek(at) != '"' {
		return s.fail(badSyntax, at)
	}
	text := s.text
	for at++; at < len(text); at++ {
		switch c := text[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			if at = s.escape(at); at < 0 {
				return at
			}
		case c < ' ':
			return s.fail(badSyntax, at)
		}
	}
	return s.fail(badSyntax, at)
}

// escape moves to the last byte of an escape sequence (RFC 8259 section 7).
func (s *scanner) escape(at int) int {
	s.escaped = true
	switch s.peek(at + 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1
	case 'u':
		if at+6 <= len(s.text) && hexadecimal(s.text[at+2:at+6]) >= 0 {
			return at + 5
		}
	}
	return s.fail(badSyntax, at)
}

// number moves past a number (RFC 8259 section 6).
func (s *scanner) number(at int) int {
	if s.peek(at) == '-' {
		at++
	}
	if s.peek(at) == '0' {
		at++
	} else if at = s.digits(at); at < 0 {
		return at
	}
	if s.peek(at) == '.' {
		if at = s.digits(at + 1); at < 0 {
			return at
		}
	}
	if s.peek(at)|0x20 != 'e' {
		return at
	}
	at++
	if c := s.peek(at); c == '+' || c == '-' {
		at++
	}
	return s.digits(at)
}

// digits moves past one digit or more.
func (s *scanner) digits(at int) int {
	first := at
	for c := s.peek(at); '0' <= c && c <= '9'; c = s.peek(at) {
		at++
	}
	if at == first {
		return s.fail(badSyntax, at)
	}
	return at
}
