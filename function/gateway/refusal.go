package gateway

import (
	"strconv"
	"strings"
)

// A Refusal says why a request was not relayed, or not answered by its
// destination. It is the one error type of all packages: Reason is a sentinel of
// the package that found it, which the relay maps to a status; everything but Note,
// Destination, Operation, Scheme, Answered and Cause is meant for the caller's eyes.
type Refusal struct {
	// Reason is one of the sentinel errors of the packages.
	Reason error
	// Status is the HTTP status of the answer if HTTP has a special one for the case; 0 for
	// the problem's usual one.
	Status int
	// Detail tells the caller in full sentences what to do. It names fields,
	// headers, files and secret references, never their values.
	Detail string
	// Note tells the operator more, only in the log: hosts, statuses and error codes.
	Note string
	// Destination is the name of the document whose operation was called, and Operation its
	// path, as far as the refusing package knows them.
	Destination, Operation string
	// Fields names every field of the record, or member of the event, that the refusal is about.
	Fields []string
	// Allowed lists what would have been accepted: methods, servers or operations.
	Allowed []string
	// Scheme names the security scheme whose credential cannot be made, if that is the
	// reason.
	Scheme string
	// Answered is the status with which the endpoint of a credential answered; 0 for no answer.
	Answered int
	// RetryAfter is the number of whole seconds after which trying again makes
	// sense; 0 when that is unknown.
	RetryAfter int
	// Cause is the private error behind the refusal; it is never shown or logged
	// as a text, only inspected with errors.Is and errors.As.
	Cause error
}

// Error returns the detail, which is safe to show.
func (r *Refusal) Error() string { return r.Detail }

// Unwrap makes errors.Is and errors.As see both Reason and Cause.
func (r *Refusal) Unwrap() []error {
	if r.Cause == nil {
		return []error{r.Reason}
	}
	return []error{r.Reason, r.Cause}
}

// Quoted lists names for a refusal's detail, each in quotation marks.
func Quoted(names ...string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return strings.Join(list, ", ")
}
