package relay

import (
	"errors"
	"sync"

	"keyrelay/function/gateway"
	"keyrelay/function/upstream"
)

// A Problem is one kind of answer that the relay itself makes. Its name is stable.
type Problem struct {
	// Name is the last part of the problem's type, urn:keyrelay:problem:NAME.
	Name string
	// Status is the HTTP status code.
	Status int
	// Title says what happened, the same words each time (RFC 9457 section 3.1.4).
	Title string
	blame blame
	// Remedy says in general what to do about it; the detail of an answer says it for the case at hand.
	Remedy string
	causes []cause
}

// A cause is one reason for a problem and the error type that Proxy-Status gives
// it (RFC 9209 section 2.3).
type cause struct {
	reason     error
	proxyError string
}

// The reasons that this room finds itself.
var (
	// errInternal stands for every error without a row of its own.
	errInternal = errors.New("the relay failed")
	// errBatchIncomplete says that not every record of a batch was accepted.
	errBatchIncomplete = errors.New("the batch is incomplete")
)

// A blame says whose fault an answer is, for the operator's metrics.
type blame string

const (
	blameNobody        blame = "nobody"
	blameCaller        blame = "caller"
	blameKeyrelay      blame = "keyrelay"
	blameTokenEndpoint blame = "token-endpoint"
	blameDownstream    blame = "downstream"
)

// ProxyErrors lists the error types that Proxy-Status gives the problem.
func (p Problem) ProxyErrors() []string {
	var types []string
	for _, cause := range p.causes {
		if len(types) == 0 || types[len(types)-1] != cause.proxyError {
			types = append(types, cause.proxyError)
		}
	}
	return types
}

// listed is Problems, made once: a batch may ask for each of its records.
var listed = sync.OnceValue(Problems)

// problemOf finds the problem of an error and its error type for Proxy-Status. Of a
// refusal only the reason counts, not the cause behind it. An error that no room of
// ours names is internal.
func problemOf(err error) (Problem, string) {
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) {
		err = refusal.Reason
	}
	for _, problem := range listed() {
		for _, cause := range problem.causes {
			if errors.Is(err, cause.reason) {
				return problem, cause.proxyError
			}
		}
	}
	return problemOf(errInternal)
}

// answerTooLarge refuses an answer that the caller's door cannot carry once it is encoded.
func answerTooLarge() error {
	return &gateway.Refusal{
		Reason: upstream.ErrAnswerTooLarge,
		Detail: "The downstream's answer is longer than Lambda can hand back (6,291,556 bytes, encoded). Ask the API for less, for example a smaller page.",
	}
}

// refuse turns an error into the answer that tells it.
func refuse(err error, record *record) *gateway.Response {
	problem, proxyError := problemOf(err)
	record.problem(problem, proxyError)
	record.notePanic(err)
	refusal := refusalOf(err)
	header := ownHeader("application/problem+json", proxyError)
	addRefusalHeaders(header, problem, refusal)
	return &gateway.Response{Status: problem.Status, Header: header, Body: encodeJSON(documentOf(problem, refusal))}
}

// refusalOf is what of an error the caller may see.
func refusalOf(err error) *gateway.Refusal {
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return &gateway.Refusal{Detail: "This is a fault of the relay itself. Look for the internal problem of this time in its log."}
}
