package rawjson

import (
	"bytes"
	"encoding/json"
)

// WithMember returns a JSON document with a value at a path of names, whose objects
// are made where they are missing; the document itself where no object can be there, or
// where it has a name of the path twice.
// What is there already is replaced; everything else stays byte for byte.
func WithMember(document []byte, path []string, value []byte) []byte {
	if len(path) == 0 {
		return value
	}
	var found Span
	members, ofName := 0, 0
	c := Cursor{AnyNames: true, checksText: true}
	c.Reset(document)
	for more := c.Enter('{'); more; more = c.Next() {
		named := string(c.Name()) == path[0]
		at := c.Value()
		if members++; named {
			found = at
			ofName++
		}
	}
	switch {
	case c.End() != nil || ofName > 1:
		return document
	case ofName == 1:
		inner := WithMember(found.Of(document), path[1:], value)
		return bytes.Join([][]byte{document[:found.Start], inner, document[found.End:]}, nil)
	}
	name, _ := json.Marshal(path[0])
	member := bytes.Join([][]byte{name, WithMember([]byte("{}"), path[1:], value)}, []byte(":"))
	if members > 0 {
		member = append([]byte(","), member...)
	}
	end := bytes.LastIndexByte(document, '}')
	return bytes.Join([][]byte{document[:end], member, document[end:]}, nil)
}
