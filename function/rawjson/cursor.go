package rawjson

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// A Cursor walks JSON text once, without recursion. The zero Cursor is ready for
// Reset, and can be used for one text after the other. Inside, positions go in and
// come out of the methods; a negative one means that there was a fault.
type Cursor struct {
	// Depth is how deep the text may nest; 0 stands for MaxDepth.
	Depth int
	// AnyNames lets names pass that occur twice in one object.
	AnyNames bool
	// checksText says that strings have to be UTF-8.
	checksText bool

	text []byte
	at   int
	err  *Error
	// names holds the member names of all open objects, outermost first.
	names []name
	// frames holds, for each open container, where its names begin; -1 for an array.
	frames []int32
	table  nameTable
	// last is the name that was read last.
	last Span
	// saved is how many bytes shorter the string that was read last is without its escapes.
	saved int
}

// maxKept is the most names that a cursor keeps memory for from text to text.
const maxKept = 1 << 10

// Reset begins a text.
func (c *Cursor) Reset(text []byte) {
	if cap(c.names) > maxKept {
		c.names, c.table.slots = nil, nil
	}
	if cap(c.frames) > maxKept {
		c.frames = nil
	}
	c.text, c.at, c.err, c.last = text, 0, nil, Span{}
	c.names, c.frames = c.names[:0], c.frames[:0]
}

// Enter reads the opening of an object or an array, which is '{' or '[', and
// reports whether it has an element. An object's first name is read with it.
func (c *Cursor) Enter(opening byte) bool {
	at := c.space(c.at)
	if c.peek(at) != opening {
		return c.move(c.fail(ErrSyntax, at))
	}
	next, empty := c.open(at)
	if !empty {
		return c.move(next)
	}
	c.move(c.close(next, len(c.frames)-1))
	return false
}

// Next goes past what follows an element of the container entered last, and
// reports whether there is another. An object's next name is read with it.
func (c *Cursor) Next() bool {
	if c.err != nil {
		return false
	}
	depth := len(c.frames)
	return c.move(c.close(c.at, depth-1)) && len(c.frames) == depth
}

// Name returns the name of the member that Enter or Next went to, without its
// escapes. It is good until the text changes.
func (c *Cursor) Name() []byte {
	says, _ := unescaped(nil, c.last.Of(c.text))
	return says
}

// Peek returns the first byte of what comes next; 0 at the end of the text.
func (c *Cursor) Peek() byte {
	c.at = c.space(c.at)
	return c.peek(c.at)
}

// String reads a string.
func (c *Cursor) String() Text {
	start := c.space(c.at)
	if !c.move(c.string(start)) {
		return Text{}
	}
	raw := c.text[start+1 : c.at-1]
	return Text{Raw: raw, Size: len(raw) - c.saved}
}

// Null reads null if it is there.
func (c *Cursor) Null() bool { return c.Peek() == 'n' && c.move(c.literal(c.at, "null")) }

// Skip reads any value and returns it as the text writes it.
func (c *Cursor) Skip() []byte {
	span := c.Value()
	return span.Of(c.text)
}

// Value reads any value and tells where it stands.
func (c *Cursor) Value() Span {
	start := c.space(c.at)
	if !c.move(c.value(start)) {
		return Span{}
	}
	return Span{uint32(start), uint32(c.at)}
}

// End expects the end of the text. It returns nil or the *Error that was met first.
func (c *Cursor) End() error {
	if at := c.space(c.at); at != len(c.text) {
		c.fail(ErrSyntax, at)
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

// move goes to a position, and after a fault to the end.
func (c *Cursor) move(at int) bool {
	if at < 0 {
		c.at = len(c.text)
		return false
	}
	c.at = at
	return true
}

// fail notes the first fault.
func (c *Cursor) fail(reason error, at int) int {
	if c.err == nil {
		c.err = &Error{Reason: reason, At: at}
	}
	return -1
}

// space returns the position of the next byte that is no white space.
func (c *Cursor) space(at int) int {
	for at < len(c.text) && isSpace(c.text[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// peek returns the byte at a position, 0 at the end of the text.
func (c *Cursor) peek(at int) byte {
	if at < len(c.text) {
		return c.text[at]
	}
	return 0
}

// value moves past one value of any kind.
func (c *Cursor) value(at int) int {
	base := len(c.frames)
	for {
		at = c.space(at)
		switch c.peek(at) {
		case '{', '[':
			next, empty := c.open(at)
			if next < 0 || !empty {
				at = next
				break
			}
			at = c.close(next, base)
		default:
			if at = c.scalar(at); at >= 0 {
				at = c.close(at, base)
			}
		}
		if at < 0 || len(c.frames) == base {
			return at
		}
	}
}

// open enters a container. The position is that of its first value, or, for an
// empty one, that of its closing bracket.
func (c *Cursor) open(at int) (next int, empty bool) {
	limit := c.Depth
	if limit == 0 {
		limit = MaxDepth
	}
	if len(c.frames) >= limit {
		return c.fail(ErrDepth, at), false
	}
	next = c.space(at + 1)
	if c.text[at] == '[' {
		c.frames = append(c.frames, -1)
		return next, c.peek(next) == ']'
	}
	c.frames = append(c.frames, int32(len(c.names)))
	if c.peek(next) == '}' {
		return next, true
	}
	return c.name(next), false
}

// close moves past what may follow a value: the brackets that it ends, or a comma
// and, in an object, the next member's name. It stops outside the frame base.
func (c *Cursor) close(at, base int) int {
	for len(c.frames) > base {
		at = c.space(at)
		top := c.frames[len(c.frames)-1]
		switch b := c.peek(at); {
		case b == ',' && top < 0:
			return at + 1
		case b == ',':
			return c.name(c.space(at + 1))
		case b == ']' && top < 0:
		case b == '}' && top >= 0:
			if at = c.unique(int(top), at); at < 0 {
				return at
			}
			c.names = c.names[:top]
		default:
			return c.fail(ErrSyntax, at)
		}
		c.frames = c.frames[:len(c.frames)-1]
		at++
	}
	return at
}

// name moves past a member's name and its colon, and remembers the name.
func (c *Cursor) name(at int) int {
	end := c.string(at)
	if end < 0 {
		return end
	}
	c.last = Span{uint32(at + 1), uint32(end - 1)}
	if !c.AnyNames {
		if len(c.names) == MaxNames {
			return c.fail(ErrNames, at)
		}
		says := c.last.Of(c.text)
		if c.saved > 0 {
			says = c.Name()
		}
		c.names = append(c.names, name{c.last, sketch(says)})
	}
	if end = c.space(end); c.peek(end) != ':' {
		return c.fail(ErrSyntax, end)
	}
	return end + 1
}

// scalar moves past a string, a number or a literal.
func (c *Cursor) scalar(at int) int {
	switch c.peek(at) {
	case '"':
		return c.string(at)
	case 't':
		return c.literal(at, "true")
	case 'f':
		return c.literal(at, "false")
	case 'n':
		return c.literal(at, "null")
	default:
		return c.number(at)
	}
}

func (c *Cursor) literal(at int, word string) int {
	if !bytes.HasPrefix(c.text[at:], []byte(word)) {
		return c.fail(ErrSyntax, at)
	}
	return at + len(word)
}

// string moves past a string, and notes what its escapes take.
func (c *Cursor) string(at int) int {
	if c.peek(at) != '"' {
		return c.fail(ErrSyntax, at)
	}
	// In high the highest bit of a byte is set where one above ASCII was met.
	text, start, high := c.text, at+1, uint64(0)
	for at = start; at+8 <= len(text); at += 8 {
		word := binary.LittleEndian.Uint64(text[at:])
		high |= word
		if n := firstSpecial(word); n < 8 {
			at += n
			break
		}
	}
	c.saved = 0
	if c.peek(at) != '"' {
		if at = c.stringRest(at); at < 0 {
			return at
		}
		high = highs
	}
	if high&highs != 0 && c.checksText && !utf8.Valid(text[start:at]) {
		return c.fail(ErrEncoding, start)
	}
	return at + 1
}

// stringRest moves to the end of a string from its first escape on, or from the last
// bytes of the text.
func (c *Cursor) stringRest(at int) int {
	text, saved := c.text, 0
	for {
		if at+8 <= len(text) {
			at += firstSpecial(binary.LittleEndian.Uint64(text[at:]))
		}
		if at == len(text) || !isSpecial(text[at]) {
			at = indexSpecial(text, at)
		}
		switch c.peek(at) {
		case '"':
			c.saved = saved
			return at
		case '\\':
			if at+1 < len(text) && meaning[text[at+1]] != 0 {
				saved++
				at += 2
				continue
			}
			r, n := decodeUnicode(text[at:])
			if n == 0 {
				return c.fail(ErrSyntax, at)
			}
			saved += n - len(string(r))
			at += n
		default:
			return c.fail(ErrSyntax, at)
		}
	}
}

// number moves past a number (RFC 8259 section 6).
func (c *Cursor) number(at int) int {
	if c.peek(at) == '-' {
		at++
	}
	if c.peek(at) == '0' {
		at++
	} else if at = c.digits(at); at < 0 {
		return at
	}
	if c.peek(at) == '.' {
		if at = c.digits(at + 1); at < 0 {
			return at
		}
	}
	if c.peek(at)|0x20 != 'e' {
		return at
	}
	at++
	if b := c.peek(at); b == '+' || b == '-' {
		at++
	}
	return c.digits(at)
}

// digits moves past one digit or more.
func (c *Cursor) digits(at int) int {
	text, first := c.text, at
	for at < len(text) && isDigit(text[at]) {
		at++
	}
	if at == first {
		return c.fail(ErrSyntax, at)
	}
	return at
}
