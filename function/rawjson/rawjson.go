// Package rawjson reads JSON text (RFC 8259) without building values: it says
// where each part of a text is, byte for byte. It knows nothing about keyrelay.
//
// A Cursor walks a text from left to right, one element after the other:
//
//	var c rawjson.Cursor
//	c.Reset(text)
//	for more := c.Enter('{'); more; more = c.Next() {
//		switch string(c.Name()) {
//		case "id":
//			id = c.String()
//		default:
//			c.Skip() // any value, and everything in it
//		}
//	}
//	err := c.End()
//
// A fault is sticky: after it there are no more elements and every value is empty,
// so you only need to check End. Its error is an *Error.
//
// An Object is the one object of a text, with its members by position and by name:
//
//	var o rawjson.Object
//	err := o.Read(text) // also refuses what is not UTF-8
//	index := o.Find("id") // -1 if there is none
//	value := o.Value(index).Of(text)
//
// ScalarText returns what such a value says, Members and Elements its parts, and a Pointer
// finds a value deep in a text. Escape writes a string, and Encode a whole value.
//
// Limits: a text is shorter than 4 GB and nests at most as deep as the cursor's
// Depth, and the objects that are open at one position have at most MaxNames members.
package rawjson

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// MaxDepth is how deep a text may nest unless a cursor says otherwise. RFC 8259
// section 9 leaves the limit to the parser; it is Jackson's default, which most
// servers share.
const MaxDepth = 1000

// MaxNames is how many members the objects that are open at one place of a text
// may have together. To know more by name takes more memory than the text itself.
const MaxNames = 50_000

// The reasons for which a text is refused.
var (
	// ErrSyntax says that the text is not JSON.
	ErrSyntax = errors.New("the text is not JSON")
	// ErrEncoding says that the text is not UTF-8, RFC 8259 section 8.1.
	ErrEncoding = errors.New("the text is not UTF-8")
	// ErrDepth says that the text nests deeper than the limit.
	ErrDepth = errors.New("the text nests too deeply")
	// ErrNames says that there are more than MaxNames members.
	ErrNames = errors.New("the text has too many members")
	// ErrDuplicate says that a name occurs twice in one object.
	ErrDuplicate = errors.New("a member name occurs twice in one object")
	// ErrNotObject says that the text is JSON, but not an object.
	ErrNotObject = errors.New("the text is not a JSON object")
)

// An Error says what is wrong with a text and where.
type Error struct {
	// Reason is one of the sentinel errors of this package.
	Reason error
	// At is the place of the fault, in bytes from the start of the text.
	At int
	// Name is, for ErrDuplicate, the name that occurs twice in the outermost object;
	// empty where it was a deeper one.
	Name string
}

// Error says what is wrong, and holds nothing of the text.
func (e *Error) Error() string { return e.Reason.Error() }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

// Position returns the line and the column, in characters, of the byte at an offset of any
// text, both from 1: what an editor shows.
func Position(text []byte, at int) (line, column int) {
	before := text[:min(at, len(text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// A Span is a part of a text, from the byte at Start to the byte before End.
type Span struct{ Start, End uint32 }

// Of returns the part of the text.
func (s Span) Of(text []byte) []byte { return text[s.Start:s.End] }
