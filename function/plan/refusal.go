package plan

import (
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/gateway"
)

// quoted lists names of fields or headers for a detail.
func quoted(names ...string) string {
	var list strings.Builder
	for i, name := range names {
		if i > 0 {
			list.WriteString(", ")
		}
		list.WriteString(strconv.Quote(name))
	}
	return list.String()
}

// distinct leaves out names that are in a list already.
func distinct(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(names, func(name string) bool {
		before := seen[name]
		seen[name] = true
		return before
	})
}

func errMissing(fields []string, hint string) error {
	return &gateway.Refusal{
		Reason: ErrFieldMissing,
		Detail: "The record lacks fields that a header of yours, the operation's parameters or its body template asks for. Send them; in a header, field? is one that may be absent. Missing: " + quoted(fields...) + "." + hint,
		Fields: fields,
	}
}

func errNotScalar(fields []string) error {
	return &gateway.Refusal{
		Reason: ErrFieldNotScalar,
		Detail: "Fields that are to be taken from the record hold an object or a nested array. Send a string, a number, true, false, null or an array of these: " + quoted(fields...) + ".",
		Fields: fields,
	}
}

// maxMoved is how many bytes the fields that move may make each of the URL's query,
// its path and the header: more than any server reads. Each element of an array
// brings its parameter's name along, so that much can come of little.
const maxMoved = 64 << 10

func errTooMuchMoved(field string) error {
	return &gateway.Refusal{
		Reason: ErrRecordTooLarge,
		Detail: "The fields that are to move make more than " + strconv.Itoa(maxMoved) + " bytes of the outbound URL or of its header. Leave this one in the record: " + quoted(field) + ".",
		Fields: []string{field},
	}
}

func errHalfPair(field string) error {
	return &gateway.Refusal{
		Reason: ErrRecord,
		Detail: "A field holds half of a surrogate pair, which is no text (RFC 8259 section 8.2). Correct it: " + quoted(field) + ".",
		Fields: []string{field},
	}
}

func errHeaderValue(field, name string) error {
	return &gateway.Refusal{
		Reason: ErrHeader,
		Detail: "The value of the field " + quoted(field) + " cannot stand in the header " + quoted(name) + ": control characters, and white space at either end, are not allowed there (RFC 9110 section 5.5).",
		Fields: []string{field},
	}
}
