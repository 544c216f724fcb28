// Package plan decides everything about the outbound request except the
// credential's value: destination and operation, method, URL, header fields and
// body. It is pure: no network, no clock, no secret.
//
//	outbound, err := plan.New(set, request)
//
// The record is scanned once, strictly by RFC 8259: UTF-8, no trailing data, and no
// duplicate member name in any object, after decoding escapes. The members that leave
// it are cut out as spans; the rest is sent byte for byte as it came. A body from which
// nothing is taken is not read at all.
//
// In moved names and values, everything but the unreserved characters of RFC 3986 is
// percent-encoded, a space as %20. A field that is named for the path, the query and a
// header goes to all of them and leaves the record once.
//
// If the operation declares parameters, the record's fields of those names are placed
// as OpenAPI says, unless the caller's URL, header or directives already give the
// parameter; then the field stays. A field may be placed and also appear in the
// operation's body template. A session token leaves first, and nothing else can use it.
// If the operation takes a form, the rest of the record becomes one.
//
// What is sent is the operation and no other: names by which servers see another
// request, and values by which they see another path, are refused or not forwarded.
//
// Limits, all inclusive: a record nests 1,000 levels deep and has 50,000 members in an
// object. A request names 1,000 fields, which make 65,536 bytes of a query, a path or a
// header, lists 1,024 bytes of header fields in Connection, and holds 16 placeholders. A
// split batch holds as many records as its operation says, 1,000 unless set. A form has
// 10 MB.
package plan

import (
	"errors"
	"net/http"
	"net/url"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// The reasons for which New and Batch.Record refuse a request.
var (
	ErrURLMissing         = errors.New("the outbound URL is missing")
	ErrURL                = errors.New("the outbound URL is invalid")
	ErrMethod             = errors.New("the method is not allowed")
	ErrRecord             = errors.New("the record is invalid")
	ErrRecordTooLarge     = errors.New("the record is too large")
	ErrRecordNotJSON      = errors.New("the record is not JSON")
	ErrFieldMissing       = errors.New("a field is missing")
	ErrFieldNotScalar     = errors.New("a field is not a scalar")
	ErrHeader             = errors.New("a header is invalid")
	ErrPlaceholder        = errors.New("a placeholder is unknown")
	ErrBatchNotDeclared   = errors.New("batches are not declared")
	ErrPathNotFound       = errors.New("the relay answers at / only")
	ErrPathExpressionFill = errors.New("a path expression cannot be filled")
	ErrSession            = errors.New("the session is invalid")
)

// A Plan is an outbound request without its credential. It shares only the bytes of Body
// with the caller's request, and nobody changes those.
type Plan struct {
	// Destination is the API that the outbound URL belongs to.
	Destination *destination.Destination
	// Operation is the document's operation that matched.
	Operation *destination.Operation
	// Method is the outbound method: the caller's.
	Method string
	// URL is rebuilt from the declared server and the caller's path and query.
	URL *url.URL
	// Header holds the forwarded and the moved header fields. Nothing else refers to it.
	Header http.Header
	// Body is the outbound body; nil for none.
	Body []byte
	// Fills are the header fields that wait for a credential.
	Fills []Fill
	// Placeless are the schemes of alternatives whose credential goes into the body, which has
	// no place for it; nil for none. See CheckPlace.
	Placeless []*destination.SecurityScheme
	// DryRun says that the caller asks to see the plan instead of having it sent.
	DryRun bool
	// Later says that the record is to be accepted now and delivered later, if there is a
	// queue: the caller prefers it, or the document says so.
	Later bool
	// Record is the caller's body without the session token, for a later plan, see Kept;
	// nil unless Later.
	Record []byte
	// BatchKey is the Idempotency-Key of a record of a batch; empty for any other record,
	// and if a field of the record is moved there.
	BatchKey string
	// Dropped names, in a dry run, the fields of the record that the operation's
	// body template leaves out.
	Dropped []string
	// Chosen maps the fields that choose a member of a scheme's secret to their values; nil
	// for none.
	Chosen map[string]string
	// SessionToken returns the token that the destination's x-keyrelay-session checks; nil
	// if it checks none. It is a func so that no print, log or encoder can show the token.
	SessionToken func() string
	// Batch holds the records if each is one outbound request (x-keyrelay-batch: split);
	// nil otherwise. Then URL, Header and Body are nil, because each record has its own.
	Batch *Batch
}

// New makes the plan for one request. An array of records that is split is only
// divided; each record is planned by Batch.Record. The error is a *gateway.Refusal whose
// reason is a sentinel of this package or of destination.
func New(set *destination.Set, request *gateway.Request) (*Plan, error) {
	if err := admit(request); err != nil {
		return nil, err
	}
	var namesStore [16]string
	d, names, err := readDirectives(set, request, namesStore[:0])
	if err != nil {
		return nil, d.inOperation(err)
	}
	made, err := d.newPlan(names)
	if err != nil {
		return nil, d.inOperation(err)
	}
	return made, nil
}

// newPlan makes the plan that the directives ask for.
func (d *directives) newPlan(names []string) (*Plan, error) {
	var store [8]move
	moves, err := d.moves(store[:0])
	switch {
	case err != nil:
		return nil, err
	case d.isBatch():
		return d.batch(moves, names)
	}
	return d.plan(moves, names, d.body)
}
