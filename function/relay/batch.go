package relay

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
	"keyrelay/function/session"
)

// A delivery is what became of one record of a batch.
type delivery struct {
	// result is what the downstream answered; its status is 0 if it gave no answer.
	result
	// err is why the record was not sent or not answered; nil with a status of 0
	// means that no time was left to send it.
	err error
	// refused says that the downstream refused the credential, and that there was no better one.
	refused bool
}

// accepted says that the downstream took the record.
func (d *delivery) accepted() bool { return d.status >= 200 && d.status < 300 }

// discarded says that the record has no valid session, by which the batch does not fail.
func (d *delivery) discarded() bool {
	return errors.Is(d.err, plan.ErrSession) || errors.Is(d.err, session.ErrInvalid)
}

// blame says whose fault it is that the record was not accepted.
func (d *delivery) blame(method string) blame {
	if d.err != nil {
		return blameFor(d.err)
	}
	if d.refused {
		return blameCredential
	}
	if blamed := blameForStatus(method, d.status); blamed != blameNobody {
		return blamed
	}
	return blameDownstream
}

// A batchRun is a split batch in progress.
type batchRun struct {
	relay      *Relay
	request    *gateway.Request
	batch      *plan.Batch
	deliveries []delivery
	sessions   batchSessions
	// messages are the records that are to be delivered later; nil if all are sent at once.
	messages []*later.Message
	// header is what the messages keep of the request's.
	header http.Header
	// memory is what the bodies of answers take, those that are being read included.
	memory atomic.Int64

	mutex sync.Mutex
	// begun is how many records were begun, and longest how long the longest delivery took.
	begun   int
	longest time.Duration
	// kept is how many bytes of answers are kept for that of the batch; dropped says that they
	// were too many, and that none but statuses are kept any more.
	kept    int64
	dropped bool
	// told is how much the refusals of records say.
	told int
	// entry is a copy, so that the usual request, which is no batch, keeps its own on the stack.
	entry logEntry
}

// batch sends every record of a batch, some at once, or, where they are deferred, queues
// them to be sent later, and answers for all of them. One record's failure does not
// stop the others.
func (r *Relay) batch(ctx context.Context, request *gateway.Request, outbound *plan.Plan, entry *logEntry, deferred bool) (_ *gateway.Response, err error) {
	run := &batchRun{relay: r, request: request, batch: outbound.Batch, deliveries: make([]delivery, outbound.Batch.Len()), entry: *entry}
	run.sessions.ask = r.sessions.Check
	if deferred {
		run.messages = make([]*later.Message, len(run.deliveries))
		if run.header, err = plan.Kept(request.Header); err != nil {
			return nil, err
		}
		gateway.DeleteDigests(run.header) // of the whole batch
	}
	var workers sync.WaitGroup
	for range min(outbound.Operation.BatchConcurrency, len(run.deliveries)) {
		workers.Go(func() { run.work(ctx) })
	}
	workers.Wait()
	if deferred {
		run.enqueue(ctx, outbound.Destination.Name)
	}
	answer := run.answer()
	*entry = run.entry
	return answer, nil
}

// work sends one record after the other until none is left or time is short.
func (b *batchRun) work(ctx context.Context) {
	own := logEntry{limit: b.entry.limit}
	for took := time.Duration(0); ctx.Err() == nil; {
		began := time.Now()
		index, ok := b.begin(began, took)
		if !ok {
			break
		}
		b.deliveries[index].err = b.bounded(b.deliver(ctx, index, &own))
		took = time.Since(began)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.entry.add(&own)
}

// begin takes the next record, after a delivery that took so long; ok is false if there is
// none, or less time than the longest delivery took.
func (b *batchRun) begin(now time.Time, took time.Duration) (index int, ok bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.longest = max(b.longest, took)
	if b.begun == len(b.deliveries) || now.Add(b.longest).After(b.entry.limit) {
		return 0, false
	}
	b.begun++
	return b.begun - 1, true
}

// deliver sends one record and notes what became of it. A panic ends this record alone,
// and is reported like any other fault of the relay.
func (b *batchRun) deliver(ctx context.Context, index int, own *logEntry) (err error) {
	defer catch(&err)
	outbound, err := b.batch.Record(index)
	if err != nil {
		return err
	}
	b.reaches(outbound.Destination.Name)
	if err := checkSession(ctx, outbound, own, b.sessions.check); err != nil {
		return err
	}
	if b.messages != nil {
		b.messages[index] = newMessage(b.request, b.header, outbound)
		return nil
	}
	memory := gateway.Share{All: &b.memory, Most: maxAnswerMemory}
	defer memory.GiveBack()
	own.take, own.refused = memory.Take, false
	answer, err := b.relay.send(ctx, outbound, own)
	made := &b.deliveries[index]
	made.refused = own.refused
	if err == nil {
		b.keep(made, answer, memory.Exceeded)
	}
	return err
}

// reaches notes for the log a destination that a record's path leads to, which may be another
// than the one that the path unfilled finds.
func (b *batchRun) reaches(name string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !slices.Contains(strings.Split(b.entry.destination, ","), name) {
		b.entry.destination += "," + name
	}
}

// maxTold is what the refusals of a batch's records may say together: each could name every
// field that the request does.
const maxTold = gateway.MaxAnswerBytes / 8

// bounded is a record's error without what there is no room for beside those of other records.
// What is no fault of the caller's is said in full, and of a length that no caller chooses.
func (b *batchRun) bounded(err error) error {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok || blameFor(err) != blameCaller {
		return err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.told += len(refusal.Detail) + len(strings.Join(refusal.Fields, "")) + len(strings.Join(refusal.Allowed, ""))
	if b.told <= maxTold {
		return err
	}
	short := *refusal
	short.Detail, short.Fields, short.Allowed = "See what the problems of other records of this batch say: there is no room to say it of each.", nil, nil
	return &short
}

// maxAnswerMemory is what the bodies of a batch's answers take at most, however many are
// read at once, and those of the answers to deliveries. What no gateway could carry
// together is not kept: then a batch's answer has statuses alone.
const maxAnswerMemory = 8 << 20

// largeBatch is how many bytes of bodies are worth a collection before the answer is made of them.
const largeBatch = 2 << 20

// keep keeps an answer for that of the batch, with what may be long unless that is too much.
func (b *batchRun) keep(made *delivery, answer *gateway.Response, tooMuch bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if cap(answer.Body) > len(answer.Body)*5/4 {
		answer.Body = bytes.Clone(answer.Body)
	}
	read := newResult(answer)
	b.kept += int64(len(read.body) + len(read.location) + len(read.contentType))
	if !b.dropped && (tooMuch || b.kept > gateway.MaxAnswerBytes) {
		b.dropped = true
		for i := range b.deliveries {
			b.memory.Add(-int64(cap(b.deliveries[i].body)))
			b.deliveries[i].result = b.deliveries[i].brief()
		}
	}
	if made.result = read; b.dropped {
		made.result = read.brief()
	}
	b.memory.Add(int64(cap(made.body)))
}

// answer says what became of each record, without bodies where they do not fit.
func (b *batchRun) answer() *gateway.Response {
	b.count()
	if b.memory.Load() > largeBatch {
		runtime.GC() // frees what the reading of answers threw away
	}
	if !b.dropped {
		if response := b.response(false); response != nil && b.request.Fits(response) {
			return response
		}
	}
	return b.response(true)
}

// count notes how many records were refused, how many were not sent, and whose
// fault that is.
func (b *batchRun) count() {
	b.entry.records = len(b.deliveries)
	for i := range b.deliveries {
		made := &b.deliveries[i]
		if made.accepted() {
			continue
		}
		if made.status == 0 && made.err == nil {
			b.entry.unsent++
		} else {
			b.entry.recordsRefused++
		}
		if !made.discarded() {
			b.entry.panicked(made.err)
			b.entry.incomplete(made)
		}
	}
}

// retryAfter is the longest of what the records were refused with: then all of them
// can be sent again.
func (b *batchRun) retryAfter() int {
	longest := 0
	for i := range b.deliveries {
		if made := &b.deliveries[i]; !made.accepted() {
			longest = max(longest, made.retryAfter, refusalFrom(made.err).RetryAfter)
		}
	}
	return longest
}

// response makes the answer, briefly without bodies; nil if it gets too long with them.
func (b *batchRun) response(briefly bool) *gateway.Response {
	if b.messages != nil && b.entry.problemName == "" {
		return b.accepted()
	}
	results := appendResults(b.deliveries, briefly)
	if !briefly && len(results) > gateway.MaxAnswerBytes {
		return nil
	}
	if b.entry.problemName == "" {
		return &gateway.Response{
			Status: http.StatusOK,
			Header: http.Header{"Content-Type": {"application/json"}, "Proxy-Status": b.relay.received[http.StatusOK], "Vary": b.relay.vary},
			Body:   results,
		}
	}
	problem, proxyError := problemFor(errBatchIncomplete)
	header := ownHeader("application/problem+json", proxyError)
	addRefusalHeaders(header, problem, &gateway.Refusal{RetryAfter: b.retryAfter()})
	return &gateway.Response{Status: problem.Status, Header: header, Body: incompleteJSON(problem, results)}
}

// incompleteJSON is the problem of a batch, with the results behind its other members.
func incompleteJSON(problem Problem, results []byte) []byte {
	const detail = "Not every record was accepted. results has one entry for each record in its order: the API's status, a problem, or sent: false where no time was left. Fix those with a 4xx status or a problem, and send again only what was not accepted."
	document := rawjson.Encode(newProblemDocument(problem, &gateway.Refusal{Detail: detail}))
	out := make([]byte, 0, len(document)+len(results)+len(`,"results":}`))
	out = append(out, document[:len(document)-1]...)
	out = append(out, `,"results":`...)
	out = append(out, results...)
	return append(out, '}')
}
