package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// maxBatchDepth is how deep a batch may nest as a whole. A record in it that nests
// deeper than rawjson.MaxDepth is refused alone.
const maxBatchDepth = 100_000

const idempotencyKey = "Idempotency-Key"

// A Batch is an array of records that are sent one by one. It is safe for concurrent use.
// It reads the caller's request, so it is valid only as long as that is.
type Batch struct {
	directives *directives
	moves      []move
	names      []string
	records    []batchRecord
}

// A batchRecord is where a record is in the body, and what tells it from all
// others but not from itself in a later attempt.
type batchRecord struct {
	rawjson.Span
	// equals is how many equal records came before it.
	equals uint32
	digest [sha256.Size]byte
}

// Len returns the number of records.
func (b *Batch) Len() int { return len(b.records) }

// Record makes the plan of one record, counted from 0. The error is the *gateway.Refusal of
// that record, whose detail names it. Header holds an Idempotency-Key, unless a field of
// the record is moved there: a hash of the caller's own, the record's bytes and how many
// equal records came before it (draft-ietf-httpapi-idempotency-key-header), so a record
// that is sent again, alone or in another batch, has the same one. Who sends it where is in
// the hash too: to an API, all callers are one client, and an equal record of another caller,
// or for another operation, would be answered with what came of this one.
func (b *Batch) Record(index int) (*Plan, error) {
	var store [16]move
	moves := append(store[:0], b.moves...)
	record := &b.records[index]
	made, err := b.directives.plan(moves, b.names, record.Of(b.directives.body))
	if err == nil {
		err = b.admits(made.Operation)
	}
	if err != nil {
		return nil, inRecord(err, index)
	}
	if made.Header[idempotencyKey] == nil {
		made.BatchKey = b.key(record)
		made.Header[idempotencyKey] = []string{made.BatchKey}
	}
	return made, nil
}

// admits refuses a record whose path leads it to an operation that takes no such batch: the
// path unfilled finds another one, which says how many records there may be, and whether they
// are delivered later.
func (b *Batch) admits(operation *destination.Operation) error {
	switch {
	case operation.Batch != destination.Split:
		return refuse(ErrBatchNotDeclared, "The operation that its path leads to takes one record at a time. Send it alone, or have x-keyrelay-batch: split declared there in the destination's document.")
	case operation.Later && !b.directives.async:
		return refuse(ErrBatchNotDeclared, "The operation that its path leads to delivers later, and that of the batch does not. Send it alone, or all of the batch with Prefer: respond-async.")
	case len(b.records) > operation.BatchMax:
		return errManyRecords(operation.BatchMax)
	}
	return nil
}

// key returns a record's Idempotency-Key.
func (b *Batch) key(record *batchRecord) string {
	request, text := b.directives.request, make([]byte, 0, 512)
	own := strings.Join(request.Header[idempotencyKey], ", ")
	location := &b.directives.location
	for _, part := range [...]string{own, request.Caller, request.Method, location.Path, location.RawQuery} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	text = append(text, record.digest[:]...)
	text = binary.BigEndian.AppendUint32(text, record.equals)
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:16])
}

// isBatch reports whether the body is an array of records.
func (d *directives) isBatch() bool {
	var body rawjson.Cursor
	body.Reset(d.body)
	return d.isJSON && body.Peek() == '['
}

// batch makes the plan of an array of records.
func (d *directives) batch(moves []move, names []string) (*Plan, error) {
	operation, err := d.unfilled()
	if err != nil {
		return nil, err
	}
	switch {
	case operation.Batch == destination.NoBatch:
		if err := d.checkArray(); err != nil {
			return nil, err
		}
		return nil, refuse(ErrBatchNotDeclared, "The operation takes one record at a time. Send a JSON object, or have x-keyrelay-batch declared in the destination's document.")
	case operation.Batch == destination.Split:
		return d.split(moves, names, operation)
	case operation.Destination.Session != nil:
		return nil, errNoSession(operation.Destination.Session.Field)
	case operation.BodyType != "":
		return nil, refuse(ErrBatchNotDeclared, "The operation takes a form, which is made of one record, and an array is sent whole. Send a JSON object, or have x-keyrelay-batch: split declared in the destination's document.")
	case operation.Body != nil:
		return nil, refuse(ErrBatchNotDeclared, "The operation's x-keyrelay-body shapes one record, and an array is sent whole. Send a JSON object, or have x-keyrelay-batch: split declared in the destination's document.")
	}
	if needed := slices.DeleteFunc(slices.Clone(moves), func(m move) bool { return m.optional }); len(needed) > 0 {
		return nil, refuse(ErrFieldMissing, "The array is sent whole, so that no field can be taken from its records. Name no fields, or have x-keyrelay-batch: split declared in the destination's document.", fieldNames(needed)...)
	}
	d.whole = true
	return d.plan(moves, names, d.body)
}

// checkArray refuses what begins as an array does and is no JSON.
func (d *directives) checkArray() error {
	cursor := rawjson.Cursor{Depth: maxBatchDepth, AnyNames: true}
	cursor.Reset(d.body)
	cursor.Skip()
	if err := cursor.End(); err != nil {
		return errRecord(d.body, err)
	}
	return nil
}

// split finds the records of an array.
func (d *directives) split(moves []move, names []string, operation *destination.Operation) (*Plan, error) {
	records, err := splitRecords(d.body, operation.BatchMax)
	if err != nil {
		return nil, err
	}
	shared := *d
	shared.inBatch = true
	shared.async = d.async || operation.Later // all of them, whichever operations their paths lead to
	return &Plan{
		Destination: operation.Destination,
		Operation:   operation,
		Method:      d.request.Method,
		DryRun:      d.dryRun,
		Later:       shared.async,
		Batch:       &Batch{directives: &shared, moves: slices.Clone(moves), names: slices.Clone(names), records: records},
	}, nil
}

// splitRecords reads an array as far as it takes to know where each record begins
// and ends. What is wrong inside a record is found when it is planned.
func splitRecords(body []byte, most int) ([]batchRecord, error) {
	if !utf8.Valid(body) {
		return nil, refuse(ErrRecord, "The batch is not UTF-8. Send it as UTF-8 (RFC 8259 section 8.1).")
	}
	var records []batchRecord
	seen := map[[sha256.Size]byte]uint32{}
	cursor := rawjson.Cursor{Depth: maxBatchDepth, AnyNames: true}
	cursor.Reset(body)
	for more := cursor.Enter('['); more; more = cursor.Next() {
		if len(records) == most {
			return nil, errManyRecords(most)
		}
		record := batchRecord{Span: cursor.Value()}
		record.digest = sha256.Sum256(record.Of(body))
		record.equals = seen[record.digest]
		seen[record.digest]++
		records = append(records, record)
	}
	if err := cursor.End(); err != nil {
		return nil, errBrokenBatch(body, max(len(records)-1, 0), err)
	}
	return records, nil
}

func errManyRecords(most int) error {
	return refuse(ErrRecordTooLarge, "The batch holds more than "+strconv.Itoa(most)+" records, which is as many as x-keyrelay-batch-max allows. Send it in parts.")
}

func errBrokenBatch(body []byte, record int, err error) error {
	found, _ := errors.AsType[*rawjson.Error](err)
	detail := "It or what follows it is not valid JSON (RFC 8259). Correct it"
	if errors.Is(found, rawjson.ErrDepth) {
		detail = "It nests too deeply. Send a flatter one"
	}
	return inRecord(refuse(ErrRecord, detail+" (byte "+strconv.Itoa(found.At)+" of the body)."+remedy(body, found.At)), record)
}

// inRecord names a record of a batch in a refusal.
func inRecord(err error, record int) error {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok {
		return err
	}
	named := *refusal
	named.Detail = "Record " + strconv.Itoa(record) + " of the batch, counted from 0: " + refusal.Detail
	return &named
}
