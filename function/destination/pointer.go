package destination

import "keyrelay/function/rawjson"

// A Pointer is a JSON Pointer.
type Pointer = rawjson.Pointer

// ParsePointer checks the syntax of a JSON Pointer.
func ParsePointer(text string) (Pointer, error) { return rawjson.ParsePointer(text) }
