package rawjson

import (
	"bytes"
	"hash/maphash"
)

// wideObject is from how many members on names are looked up by hash table.
const wideObject = 16

// nameSeed makes the hashes of this process unforeseeable, so that no text can be
// written whose names all collide.
var nameSeed = maphash.MakeSeed()

// A name is a member's name as the text writes it, without its quotes, and the
// hash of what it says.
type name struct {
	Span
	hash uint32
}

func newName(span Span, says []byte) name {
	return name{span, uint32(maphash.Bytes(nameSeed, says))}
}

// is reports whether the name says what other says.
func (n name) is(text []byte, other string) bool {
	raw := n.Of(text)
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == other
	}
	says, _ := AppendUnescaped(nil, raw)
	return string(says) == other
}

// same reports whether two names with one hash say the same.
func (n name) same(text []byte, other name) bool {
	a, b := n.Of(text), other.Of(text)
	if bytes.Equal(a, b) {
		return true
	}
	saysA, _ := AppendUnescaped(nil, a)
	saysB, _ := AppendUnescaped(nil, b)
	return bytes.Equal(saysA, saysB)
}

// unique makes sure that the names of the object that ends at a position differ.
func (c *Cursor) unique(first, at int) int {
	names := c.names[first:]
	if len(names) > wideObject {
		return c.uniqueWide(names, at)
	}
	for i, n := range names {
		for _, earlier := range names[:i] {
			if n.hash == earlier.hash && n.same(c.text, earlier) {
				return c.failTwice(n)
			}
		}
	}
	return at
}

func (c *Cursor) uniqueWide(names []name, at int) int {
	c.table.reset(len(names))
	for i, n := range names {
		if c.table.add(c.text, names, i) != i {
			return c.failTwice(n)
		}
	}
	return at
}

func (c *Cursor) failTwice(n name) int {
	c.fail(ErrDuplicate, int(n.Start)-1)
	if len(c.frames) == 1 {
		says, _ := AppendUnescaped(nil, n.Of(c.text))
		c.err.Name = string(says)
	}
	return -1
}

// A nameTable finds names by their hash: open addressing, each slot one more than
// an index, 0 when free.
type nameTable struct{ slots []uint32 }

// reset empties the table and makes it fit for a number of names.
func (t *nameTable) reset(names int) {
	size := 1
	for size < 2*names {
		size *= 2
	}
	if size > cap(t.slots) {
		t.slots = make([]uint32, size)
		return
	}
	t.slots = t.slots[:size]
	clear(t.slots)
}

// add puts a name into the table unless an equal one is there, and returns the
// index of the one that is in it.
func (t *nameTable) add(text []byte, names []name, index int) int {
	mask := uint32(len(t.slots) - 1)
	for slot := names[index].hash & mask; ; slot = (slot + 1) & mask {
		found := t.slots[slot]
		if found == 0 {
			t.slots[slot] = uint32(index + 1)
			return index
		}
		earlier := names[found-1]
		if earlier.hash == names[index].hash && earlier.same(text, names[index]) {
			return int(found - 1)
		}
	}
}

// find returns the index of the name that says what is sought, -1 when it is not there.
func (t *nameTable) find(text []byte, names []name, sought string) int {
	hash := uint32(maphash.String(nameSeed, sought))
	if len(names) <= wideObject {
		for i, n := range names {
			if n.hash == hash && n.is(text, sought) {
				return i
			}
		}
		return -1
	}
	mask := uint32(len(t.slots) - 1)
	for slot := hash & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if i := int(t.slots[slot] - 1); names[i].hash == hash && names[i].is(text, sought) {
			return i
		}
	}
	return -1
}
