package plan

import (
	"bytes"
	"hash/maphash"
)

// wideObject is from how many members on names are looked up by hash table.
const wideObject = 16

// maxNames is how many members the objects may have that are open at one place of
// a record. To know them all by name takes more memory than the record itself.
const maxNames = 50_000

// nameSeed makes the hashes of this process unforeseeable, so that no record can
// be written whose names all collide.
var nameSeed = maphash.MakeSeed()

// A name is a member's name as the text writes it, without its quotes, and the
// hash of what it decodes to.
type name struct {
	span
	hash uint32
}

func newName(text []byte, start, end int, escaped bool) name {
	says := text[start:end]
	if escaped {
		says, _ = appendDecoded(nil, says)
	}
	return name{span{uint32(start), uint32(end)}, uint32(maphash.Bytes(nameSeed, says))}
}

// is reports whether the name decodes to a field's name.
func (n name) is(text []byte, field string) bool {
	raw := n.of(text)
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == field
	}
	decoded, _ := appendDecoded(nil, raw)
	return string(decoded) == field
}

// same reports whether two names with one hash decode to the same.
func (n name) same(text []byte, other name) bool {
	a, b := n.of(text), other.of(text)
	if bytes.Equal(a, b) {
		return true
	}
	decodedA, _ := appendDecoded(nil, a)
	decodedB, _ := appendDecoded(nil, b)
	return bytes.Equal(decodedA, decodedB)
}

// unique makes sure that the names of the object that ends at a position differ.
func (s *scanner) unique(first, at int) int {
	names := s.names[first:]
	if len(names) > wideObject {
		return s.uniqueWide(names, at)
	}
	for i, n := range names {
		for _, earlier := range names[:i] {
			if n.hash == earlier.hash && n.same(s.text, earlier) {
				return s.fail(duplicateName, int(n.start)-1)
			}
		}
	}
	return at
}

func (s *scanner) uniqueWide(names []name, at int) int {
	s.table.reset(len(names))
	for i, n := range names {
		if s.table.add(s.text, names, i) != i {
			return s.fail(duplicateName, int(n.start)-1)
		}
	}
	return at
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

// find returns the index of a field among names, -1 when it is not there.
func (t *nameTable) find(text []byte, names []name, field string) int {
	hash := uint32(maphash.String(nameSeed, field))
	if len(names) <= wideObject {
		for i, n := range names {
			if n.hash == hash && n.is(text, field) {
				return i
			}
		}
		return -1
	}
	mask := uint32(len(t.slots) - 1)
	for slot := hash & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if i := int(t.slots[slot] - 1); names[i].hash == hash && names[i].is(text, field) {
			return i
		}
	}
	return -1
}
