package relay

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/plan"
)

// The bounds of deliveries.
const (
	// deliveriesAtOnce is how many messages of one event are delivered side by side: as
	// many as an event source gives at once unless it waits for more.
	deliveriesAtOnce = 10
	// leastTime is the time that a try needs before its invocation ends, unless the API
	// is given less.
	leastTime = 10 * time.Second
	// longestWait is how long a record waits for an API's pace where it holds up others.
	longestWait = 5 * time.Second
	// credentialTime is for what a try does besides its outbound calls.
	credentialTime = 30 * time.Second
)

// The problems that dead letters have besides those of answers: the API's status says
// that no other try will help, or this program did not write the message.
const (
	statusProblem  = "downstream-status"
	messageProblem = "message-invalid"
)

// errPostponed says that a message comes again without having been tried.
var errPostponed = errors.New("the message is postponed")

// A try is one receipt of a message, and what became of it.
type try struct {
	received *gateway.QueueMessage
	// age is how long the message has been in the queue.
	age     time.Duration
	outcome outcome
	// pause is after how long it comes again.
	pause time.Duration
	// messageID is the ID that the relay gave the message.
	messageID string
	// within is for how long after it was sent the message is tried: as its operation says
	// once it is planned, which a fault of the relay may prevent.
	within time.Duration
}

// An outcome is what became of a try.
type outcome string

const (
	delivered outcome = "delivered"
	// retried says that the message comes again since it could not be delivered.
	retried outcome = "retried"
	// postponed says that it comes again without having been tried.
	postponed outcome = "postponed"
	dead      outcome = "dead"
)

// Deliver delivers the messages of one queue event at the same time, and returns the IDs of
// those that must come again. It is a gateway.DeliverFunc.
func (r *Relay) Deliver(ctx context.Context, messages []gateway.QueueMessage) (again []string) {
	settling, cancel := settlingContext(ctx)
	defer cancel()
	comeAgain := make([]bool, len(messages))
	slots := make(chan struct{}, deliveriesAtOnce)
	var deliveries sync.WaitGroup
	for i := range messages {
		slots <- struct{}{}
		deliveries.Go(func() {
			defer func() { <-slots }()
			var pause time.Duration
			if comeAgain[i], pause = r.deliver(ctx, &messages[i]); comeAgain[i] {
				r.config.Queue.Postpone(settling, messages[i].Receipt, pause)
			}
		})
	}
	deliveries.Wait()
	for i := range messages {
		if comeAgain[i] {
			again = append(again, messages[i].ID)
		}
	}
	return again
}

// settlingContext is for telling the queues what became of a message. It outlives ctx,
// but not the invocation, which would fail with all of its messages.
func settlingContext(ctx context.Context) (context.Context, context.CancelFunc) {
	settling := context.WithoutCancel(ctx)
	if own, ok := ctx.Deadline(); ok {
		return context.WithDeadline(settling, own.Add(-answerMargin/4))
	}
	return context.WithCancel(settling)
}

// Poll delivers what it receives from the queue until stop ends, and then waits at most
// drain for the deliveries in progress. It calls failed with each error of the queue.
func (r *Relay) Poll(stop context.Context, drain time.Duration, failed func(err error)) {
	r.config.Queue.Poll(stop, later.Poller{Deliver: r.deliver, Failed: failed, Drain: drain})
}

// deliver tries one message once: it is done, or comes again after the pause.
func (r *Relay) deliver(ctx context.Context, received *gateway.QueueMessage) (again bool, pause time.Duration) {
	entry := newLogEntry(&gateway.Request{})
	entry.try = &try{received: received, age: max(0, cache.Now().Sub(received.Sent)), within: destination.DefaultDeliverWithin}
	defer func() { r.write(&entry) }()
	answer, err := r.tryMessage(ctx, &entry)
	if errors.Is(err, errPostponed) {
		entry.try.outcome, entry.try.pause = postponed, max(entry.try.pause, later.LeastPause(entry.try.age))
		return true, entry.try.pause
	}
	status, answered := errors.AsType[statusError](err)
	switch {
	case answered:
		answer = &gateway.Response{Status: int(status)}
	case errors.Is(err, later.ErrMessage):
		answer = &gateway.Response{Status: http.StatusBadRequest}
		entry.failed(Problem{Name: messageProblem, blame: blameKeyrelay}, "")
		entry.explain(err)
	case err != nil:
		answer = refuse(err, &entry)
	}
	entry.finish(answer)
	switch {
	case entry.accepted():
		entry.try.outcome = delivered
	case entry.transient() && entry.mayRetry(answer):
		entry.try.outcome = retried
	default:
		r.bury(ctx, &entry)
	}
	return entry.try.outcome == retried, entry.try.pause
}

// tryMessage plans the request anew and sends it, unless the message has to be postponed.
// A panic is an error like any other fault of the relay.
func (r *Relay) tryMessage(ctx context.Context, entry *logEntry) (answer *gateway.Response, err error) {
	defer func() {
		if recover() != nil {
			r.reach.Left(entry.destination)
			answer, err = nil, &cache.Panic{Stack: debug.Stack()}
		}
	}()
	outbound, err := r.planAgain(entry)
	if err != nil {
		return nil, err
	}
	if err := r.awaitReach(entry); err != nil {
		return nil, err
	}
	if !r.awaitTurn(ctx, outbound, entry) {
		r.reach.Left(entry.destination)
		return nil, errPostponed
	}
	entry.limit = beforeEnd(ctx, answerMargin, cache.Now().Add(2*outbound.Operation.Timeout+credentialTime))
	memory := gateway.Share{All: &r.answers, Most: maxAnswerMemory}
	defer memory.GiveBack()
	entry.take = memory.Take
	began := time.Now()
	answer, err = r.send(ctx, outbound, entry)
	if err != nil && ctx.Err() != nil {
		r.reach.Left(entry.destination)
		return nil, errPostponed // the program ends
	}
	r.noteReach(answer, err, entry, time.Since(began))
	return answer, err
}

// planAgain reads the message and plans its request with the documents of this program. Its
// Idempotency-Key is the message's ID unless it has one
// (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
func (r *Relay) planAgain(entry *logEntry) (*plan.Plan, error) {
	message, err := later.Read(entry.try.received.Body)
	if err != nil {
		return nil, err
	}
	request := message.Request()
	entry.requestID, entry.caller, entry.method = message.RequestID, message.Caller, knownMethod(message.Method)
	entry.requestBytes, entry.try.messageID = len(message.Body), message.ID
	outbound, err := plan.New(r.config.Destinations, request)
	if err != nil {
		return nil, err
	}
	entry.planned(outbound)
	entry.try.within = outbound.Operation.DeliverWithin
	if outbound.Batch != nil || outbound.DryRun {
		return nil, &gateway.Refusal{Reason: later.ErrMessage, Detail: "The message is a dry run, or a batch of what the document says is sent one by one: nothing of it was sent. Send its records again."}
	}
	if outbound.Header["Idempotency-Key"] == nil { // neither the caller gave one nor the record
		outbound.Header["Idempotency-Key"] = []string{message.ID}
	}
	return outbound, nil
}

// awaitReach reports by an error that the API cannot be reached at present.
func (r *Relay) awaitReach(entry *logEntry) error {
	ok, pause, why := r.reach.Admit(entry.destination, cache.Now())
	switch {
	case ok:
		return nil
	case entry.try.age+pause > entry.try.within:
		return why
	}
	entry.try.pause = pause
	return errPostponed
}

// noteReach notes whether the API was reached in a try that took so long.
func (r *Relay) noteReach(answer *gateway.Response, err error, entry *logEntry, took time.Duration) {
	problem, _ := problemFor(err)
	switch {
	case err == nil && isUnreached(answer.Status):
		r.reach.Failed(entry.destination, cache.Now(), statusError(answer.Status), took, gateway.RetryAfter(answer.Header))
	case err == nil:
		r.reach.Reached(entry.destination)
	case problem.blame == blameDownstream && problem.Name != answerTooLargeName:
		r.reach.Failed(entry.destination, cache.Now(), err, took, 0)
	default:
		r.reach.Left(entry.destination)
	}
}

// isUnreached reports whether a status says that an API, or what stands in front of it,
// takes no requests for a while.
func isUnreached(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// awaitTurn waits until the API's pace allows another record. Where that or the try
// takes longer than there is time, it notes when the message is to come again.
func (r *Relay) awaitTurn(ctx context.Context, outbound *plan.Plan, entry *logEntry) bool {
	now := cache.Now()
	latest := beforeEnd(ctx, answerMargin+min(outbound.Operation.Timeout, leastTime), now.Add(longestWait))
	if latest.Before(now) {
		return false
	}
	if outbound.Destination.Pace == 0 {
		return true
	}
	wait, ok := r.pace.Turn(entry.destination, outbound.Destination.Pace*time.Duration(r.config.Queue.Instances()), now, latest)
	if !ok {
		entry.try.pause = wait
		return false
	}
	return cache.Sleep(ctx, wait) == nil
}

// bury makes a dead letter of the message, which comes again where that fails.
func (r *Relay) bury(ctx context.Context, entry *logEntry) {
	settling, cancel := settlingContext(ctx)
	defer cancel()
	detail := entry.detail
	if entry.problemName != messageProblem {
		detail += " Once the cause is fixed, move the message back to the queue."
	}
	err := r.config.Queue.Bury(settling, entry.try.received.Body, later.Reason{
		Problem: cmp.Or(entry.problemName, statusProblem), Status: entry.status, Detail: detail, Destination: entry.destination,
	})
	if err == nil {
		entry.try.outcome, entry.try.pause = dead, 0
		return
	}
	entry.try.outcome, entry.try.pause = retried, later.Pause(entry.try.received.Receives, entry.try.age)
	entry.detail += " It is no dead letter yet. " + refusalFrom(err).Note
}

// accepted says that the API took the record, and its credential.
func (e *logEntry) accepted() bool {
	return e.problemName == "" && e.status >= 200 && e.status < 300 && !e.refused && !e.withheld
}

// answerTooLargeName is the one problem of a downstream that sending again does not solve.
const answerTooLargeName = "downstream-answer-too-large"

// transient says that the record may be accepted when it is sent again: the API was not
// reached, or says so (RFC 9110 section 15.5.9, RFC 8470, RFC 6585), or the relay could
// not do its part.
func (e *logEntry) transient() bool {
	switch {
	case e.problemName != "":
		return e.status >= 500 && e.problemName != answerTooLargeName
	case e.status == http.StatusRequestTimeout, e.status == http.StatusTooEarly, e.status == http.StatusTooManyRequests:
		return true
	}
	return e.status >= 500
}

// mayRetry notes after which pause the message comes again, and reports whether that
// is within the time for which it is tried.
func (e *logEntry) mayRetry(answer *gateway.Response) bool {
	pause := max(later.Pause(e.try.received.Receives, e.try.age), later.LeastPause(e.try.age), gateway.RetryAfter(answer.Header))
	e.try.pause = min(pause, later.MaxPause)
	if e.try.age+e.try.pause <= e.try.within {
		return true
	}
	e.detail += " No more tries: its " + strconv.Itoa(int(e.try.within.Hours())) + " hours are over."
	return false
}
