package rawjson

import "unicode/utf8"

// An Object is a text's one object, with its own members in the order of the text.
// The zero Object is ready for Read. It must not be copied after that: it holds
// what a small object takes, so that reading one allocates nothing.
type Object struct {
	cursor Cursor
	names  []name
	values []Span

	nameStore  [32]name
	valueStore [32]Span
	frameStore [8]int32
	slotStore  [64]uint16
}

// Read reads a whole text. The error is an *Error: the text is not UTF-8, not
// JSON, beyond a limit, has a name twice in one object at any depth, or is not an
// object. The object keeps the text.
func (o *Object) Read(text []byte) error {
	c := &o.cursor
	c.names, c.frames, c.table.slots = o.nameStore[:0], o.frameStore[:0], o.slotStore[:0]
	o.names, o.values = nil, o.valueStore[:0]
	c.checksText = true
	c.Reset(text)
	err := o.read()
	if err != nil && !utf8.Valid(text) {
		return &Error{Reason: ErrEncoding}
	}
	return err
}

func (o *Object) read() error {
	c := &o.cursor
	if c.Peek() != '{' {
		start := c.at
		c.Skip()
		if err := c.End(); err != nil {
			return err
		}
		return &Error{Reason: ErrNotObject, At: start}
	}
	for more := c.Enter('{'); more; more = c.Next() {
		o.values = append(o.values, c.Value())
	}
	if err := c.End(); err != nil {
		return err
	}
	o.names = c.names[:len(o.values)]
	return nil
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.names) }

// Find returns the index of the member of a name, -1 when there is none.
func (o *Object) Find(name string) int { return o.cursor.table.find(o.cursor.text, o.names, name) }

// Member tells where a member begins, which is at the opening quote of its name,
// and ends.
func (o *Object) Member(index int) Span { return Span{o.names[index].Start - 1, o.values[index].End} }

// Name returns what a member's name says. Half a surrogate pair is U+FFFD in it.
func (o *Object) Name(index int) string {
	return string(o.names[index].says(o.cursor.text))
}

// Value tells where a member's value stands.
func (o *Object) Value(index int) Span { return o.values[index] }
