package rawjson

import (
	"bytes"
	"encoding/json"
)

// WithMember returns a JSON document with a value at a path of names, whose objects
// are made where they are missing; the document itself where no object can be there.
// What is there already is replaced; everything else stays byte for byte.
func WithMember(document []byte, path []string, value []byte) []byte {
	if len(path) == 0 {
		return value
	}
	var object Object
	if object.Read(document) != nil {
		return document
	}
	if index := object.Find(path[0]); index >= 0 {
		span := object.Value(index)
		inner := WithMember(span.Of(document), path[1:], value)
		return bytes.Join([][]byte{document[:span.Start], inner, document[span.End:]}, nil)
	}
	name, _ := json.Marshal(path[0])
	member := bytes.Join([][]byte{name, WithMember([]byte("{}"), path[1:], value)}, []byte(":"))
	if object.Len() > 0 {
		member = append([]byte(","), member...)
	}
	end := bytes.LastIndexByte(document, '}')
	return bytes.Join([][]byte{document[:end], member, document[end:]}, nil)
}
