package rawjson

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// wideObject is from how many members on names are looked up in a hash table.
const wideObject = 16

// nameSeed makes the hashes of this process unforeseeable, so that no text can be
// written whose names all collide.
var nameSeed = maphash.MakeSeed()

// A name is a member's name as the text writes it, without its quotes. Most names
// of an object differ in their mark: the sketch of what they say, or, in a wide
// object, the hash.
type name struct {
	Span
	mark uint32
}

// sketch tells most names apart by their length and their last letters.
func sketch(says []byte) uint32 {
	sketched := uint32(len(says)) << 24
	if n := len(says); n >= 4 {
		return sketched ^ binary.LittleEndian.Uint32(says[n-4:])
	}
	for _, c := range says {
		sketched = sketched<<8 ^ uint32(c)
	}
	return sketched
}

func hash(says []byte) uint32 { return uint32(maphash.Bytes(nameSeed, says)) }

// says returns the name without its escapes.
func (n name) says(text []byte) []byte {
	says, _ := unescaped(nil, n.Of(text))
	return says
}

// same reports whether two names say the same.
func (n name) same(text []byte, other name) bool {
	return n.mark == other.mark && bytes.Equal(n.says(text), other.says(text))
}

// unique makes sure that the names of the object that ends at a position differ.
func (c *Cursor) unique(first, at int) int {
	names := c.names[first:]
	if len(names) > wideObject {
		return c.uniqueWide(names, at)
	}
	for i, n := range names {
		for _, earlier := range names[:i] {
			if n.same(c.text, earlier) {
				return c.failTwice(n)
			}
		}
	}
	return at
}

func (c *Cursor) uniqueWide(names []name, at int) int {
	c.table.reset(len(names))
	for i, n := range names {
		names[i].mark = hash(n.says(c.text))
		if c.table.add(c.text, names, i) != i {
			return c.failTwice(n)
		}
	}
	return at
}

func (c *Cursor) failTwice(n name) int {
	c.fail(ErrDuplicate, int(n.Start)-1)
	if len(c.frames) == 1 {
		c.err.Name = string(n.says(c.text))
	}
	return -1
}

// A nameTable finds the names of a wide object by their hash: open addressing, each slot one more than
// an index, 0 when free.
type nameTable struct{ slots []uint16 }

// reset empties the table and makes it fit for a number of names.
func (t *nameTable) reset(names int) {
	size := 1
	for size < 2*names {
		size *= 2
	}
	if size > cap(t.slots) {
		t.slots = make([]uint16, size)
		return
	}
	t.slots = t.slots[:size]
	clear(t.slots)
}

// add puts a name into the table unless an equal one is there, and returns the
// index of the one that is in it.
func (t *nameTable) add(text []byte, names []name, index int) int {
	mask := uint32(len(t.slots) - 1)
	for slot := names[index].mark & mask; ; slot = (slot + 1) & mask {
		found := t.slots[slot]
		if found == 0 {
			t.slots[slot] = uint16(index + 1)
			return index
		}
		if names[index].same(text, names[found-1]) {
			return int(found - 1)
		}
	}
}

// find returns the index of the name that says what is sought, -1 when it is not there.
func (t *nameTable) find(text []byte, names []name, sought string) int {
	if len(names) <= wideObject {
		mark := sketch([]byte(sought))
		for i, n := range names {
			if n.mark == mark && string(n.says(text)) == sought {
				return i
			}
		}
		return -1
	}
	mark, mask := hash([]byte(sought)), uint32(len(t.slots)-1)
	for slot := mark & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if i := int(t.slots[slot] - 1); names[i].mark == mark && string(names[i].says(text)) == sought {
			return i
		}
	}
	return -1
}
