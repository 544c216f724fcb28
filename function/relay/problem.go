package relay

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/upstream"
)

// A Problem is one kind of answer that the relay itself makes. Its name never changes.
type Problem struct {
	// Name is the last part of the problem's type, urn:keyrelay:problem:NAME.
	Name string
	// Status is the HTTP status code.
	Status int
	// Title says what happened, in the same words each time (RFC 9457 section 3.1.4).
	Title string
	blame blame
	// Remedy says what to do in general; an answer's detail says it for its case.
	Remedy string
	causes []cause
}

// A cause is one reason for a problem and the error type that Proxy-Status gives
// it (RFC 9209 section 2.3).
type cause struct {
	reason     error
	proxyError string
}

// The reasons that this package itself has.
var (
	// errInternal stands for every error without a row of its own.
	errInternal = errors.New("the relay failed")
	// errBatchIncomplete says that not every record of a batch was accepted.
	errBatchIncomplete = errors.New("the batch is incomplete")
	// errRecordTooLarge says that a record or a batch asks for more than the relay can do.
	errRecordTooLarge = errors.New("the record is too large")
	// errAnswerTooLarge says that the caller's gateway cannot carry the answer once it is encoded.
	errAnswerTooLarge = errors.New("the answer is too large for the gateway")
)

// A blame says whose fault an answer is, for the operator's metrics.
type blame string

const (
	blameNobody        blame = "nobody"
	blameCaller        blame = "caller"
	blameKeyrelay      blame = "keyrelay"
	blameCredential    blame = "credential"
	blameTokenEndpoint blame = "token-endpoint"
	blameDownstream    blame = "downstream"
)

// severity orders blames by how much an operator of the relay can do about them.
func severity(found blame) int {
	return slices.Index([]blame{blameNobody, blameCaller, blameDownstream, blameTokenEndpoint, blameCredential, blameKeyrelay}, found)
}

// problemFor finds the problem of an error and its error type for Proxy-Status. Of a
// refusal only the reason counts, not the cause behind it. An error that no package
// of ours names is internal.
func problemFor(err error) (Problem, string) {
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		err = refusal.Reason
	}
	for _, problem := range problems {
		for _, cause := range problem.causes {
			if errors.Is(err, cause.reason) {
				return problem, cause.proxyError
			}
		}
	}
	return problemFor(errInternal)
}

// blameFor says whose fault an error is: its problem's, but for what only the operator can
// mend. No caller can take away a trigger that is of no gateway, and no API can open the
// network that its document closes.
func blameFor(err error) blame {
	if errors.Is(err, gateway.ErrTrigger) || errors.Is(err, upstream.ErrProhibited) {
		return blameKeyrelay
	}
	problem, _ := problemFor(err)
	return problem.blame
}

// answerTooLarge refuses an answer that the caller's gateway cannot carry. That of a dry
// run is too large because of the record, not because of an API.
func answerTooLarge(entry *logEntry) error {
	if entry.dryRun {
		return &gateway.Refusal{
			Reason: errRecordTooLarge,
			Detail: "The record could be sent, but its dry run is longer than Lambda can hand back (6,291,556 bytes, encoded). Try a shorter one, or send it without X-Relay-Dry-Run.",
		}
	}
	return &gateway.Refusal{
		Reason: errAnswerTooLarge,
		Detail: "The downstream's answer is longer than Lambda can hand back (6,291,556 bytes, encoded). Ask the API for less, for example a smaller page.",
	}
}

// longestTimeout is the longest time that an API can be given.
const longestTimeout = gatewayLimit - answerMargin - (gatewayLimit-answerMargin)%time.Second

// adviseOnTime adds to the refusal of a downstream that took too long what helps; more
// time only where there is more.
func adviseOnTime(err error, hasMore bool) error {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok || !errors.Is(refusal.Reason, upstream.ErrTimeout) {
		return err
	}
	advised := *refusal
	if hasMore {
		advised.Detail += " Try again later, or give it longer, " + strconv.Itoa(int(longestTimeout.Seconds())) + " seconds at most, with x-keyrelay-timeout in the destination's document."
	} else {
		advised.Detail += " The gateway in front of the relay gives no more time, so that a longer x-keyrelay-timeout does not help: the API has to answer faster, or be asked for less at once."
	}
	return &advised
}

// refuse turns an error into the answer to the caller.
func refuse(err error, entry *logEntry) *gateway.Response {
	problem, proxyError := problemFor(err)
	entry.failed(problem, proxyError)
	entry.blame = blameFor(err)
	entry.explain(err)
	entry.panicked(err)
	refusal := refusalFrom(err)
	if refusal.Status != 0 {
		problem.Status = refusal.Status
	}
	header := ownHeader("application/problem+json", proxyError)
	addRefusalHeaders(header, problem, refusal)
	return &gateway.Response{Status: problem.Status, Header: header, Body: rawjson.Encode(newProblemDocument(problem, refusal))}
}

// refusalFrom is what the caller may see of an error.
func refusalFrom(err error) *gateway.Refusal {
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		return refusal
	}
	return &gateway.Refusal{Detail: "This is a fault of the relay itself, not of the request. Give its operator the X-Relay-Request-Id of this answer: the log has an entry with it that says where."}
}
