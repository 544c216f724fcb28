package plan

import (
	"errors"
	"slices"
	"strconv"

	"keyrelay/function/gateway"
)

// refuse makes a refusal. detail says what to do, and fields are those of the record that
// it is about.
func refuse(reason error, detail string, fields ...string) error {
	return &gateway.Refusal{Reason: reason, Detail: detail, Fields: fields}
}

// inOperation adds to a refusal which operation was called, as far as that is known.
func (d *directives) inOperation(err error) error {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok || d.location.Path == "" {
		return err
	}
	operation, unknown := d.unfilled()
	if unknown != nil {
		return err
	}
	located := *refusal
	located.Destination, located.Operation = operation.Destination.Name, operation.Path
	return &located
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
	return refuse(ErrFieldMissing, "The record lacks fields that a header of yours, the operation's parameters or its body template asks for. Send them; in a header, field? is one that may be absent. Missing: "+gateway.Quoted(fields...)+"."+hint, fields...)
}

func errNotScalar(fields []string) error {
	return refuse(ErrFieldNotScalar, "Fields that are to be taken from the record hold an object or a nested array. Send a string, a number, true, false, null or an array of these: "+gateway.Quoted(fields...)+".", fields...)
}

// maxMoved is how many bytes the fields that move may make each of the URL's query,
// its path and the header: more than any server reads. Each element of an array
// brings its parameter's name along, so that much can come of little.
const maxMoved = 64 << 10

func errTooMuchMoved(field string) error {
	return refuse(ErrRecordTooLarge, "The fields that are to move make more than "+strconv.Itoa(maxMoved)+" bytes of the outbound URL or of its header. Leave this one in the record: "+gateway.Quoted(field)+".", field)
}

func errHalfPair(field string) error {
	return refuse(ErrRecord, "A field holds half of a surrogate pair, which is no text (RFC 8259 section 8.2). Correct it: "+gateway.Quoted(field)+".", field)
}

func errHeaderValue(field, name string) error {
	return refuse(ErrHeader, "The value of the field "+gateway.Quoted(field)+" cannot stand in the header "+gateway.Quoted(name)+": control characters, and white space at either end, are not allowed there (RFC 9110 section 5.5).", field)
}
