package relay

import (
	"context"
	"errors"
	"slices"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/credential"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// A logEntry is all that the log may know of one request. It has no field for a
// body, a query, a header value or a secret, so none can be logged by mistake.
type logEntry struct {
	start time.Time
	// limit is when the relay itself must have an answer.
	limit       time.Time
	requestID   string
	caller      string
	address     string
	method      string
	destination string
	operation   string
	status      int
	problemName string
	proxyError  string
	// detail is what only the operator may know of the problem; of a batch's the first.
	detail        string
	blame         blame
	requestBytes  int
	responseBytes int
	duration      time.Duration
	downstream    time.Duration
	wait          time.Duration
	cached        bool
	dryRun        bool
	replayed      bool
	sent          bool
	stale         []string
	masked        []string
	// records is how many records a split batch held, refused how many of them were
	// not accepted, unsent how many were not sent at all.
	records, refused, unsent int
	// stack is where the relay itself panicked: names of functions and places in the code.
	stack []byte
}

func newLogEntry(request *gateway.Request) logEntry {
	request.ID = requestID(request)
	return logEntry{start: time.Now(), requestID: request.ID, address: request.Address, method: knownMethod(request.Method), blame: blameNobody}
}

// received begins to measure anew once the body is there: how long that takes is
// the caller's affair.
func (e *logEntry) received(ctx context.Context, request *gateway.Request) {
	e.start = time.Now()
	e.limit = deadline(ctx, e.start)
	e.requestBytes = len(request.Body)
}

// knownMethod keeps whatever else a caller may send as a method out of the log.
func knownMethod(method string) string {
	switch method {
	case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS":
		return method
	}
	return "other"
}

func (e *logEntry) planned(outbound *plan.Plan) {
	e.destination = outbound.Destination.Name
	e.operation = outbound.Operation.Path
	e.dryRun = outbound.DryRun
}

// used notes where the credential of a delivery came from.
func (e *logEntry) used(used *credential.Credential) {
	e.cached = used.Stats.Cached
	e.stale = used.Stats.Stale
	e.wait += used.Stats.Wait
}

// delivered notes one delivery and how long it took.
func (e *logEntry) delivered(took time.Duration) {
	e.sent = true
	e.downstream += took
}

func (e *logEntry) failed(problem Problem, proxyError string) {
	e.problemName = problem.Name
	e.proxyError = proxyError
	e.blame = problem.blame
}

// note keeps what only the operator may know of an error, in a batch of the first one.
func (e *logEntry) note(err error) {
	if err != nil && e.detail == "" {
		problem, _ := problemFor(err)
		_, e.detail = refusalFrom(err, problem)
	}
}

// panicked notes where the relay itself panicked, if that is what the error says.
func (e *logEntry) panicked(err error) {
	var panicked *cache.Panic
	if errors.As(err, &panicked) {
		e.stack = panicked.Stack
	}
}

// finish notes what was answered. A downstream's own 5xx is the downstream's
// fault, its 4xx the caller's.
func (e *logEntry) finish(response *gateway.Response) {
	e.status = response.Status
	e.responseBytes = len(response.Body)
	e.duration = time.Since(e.start)
	if e.problemName == "" {
		e.blame = blameForStatus(e.status)
	}
}

// succeeded says that the relay did what it is there for: whatever went wrong was
// the caller's doing.
func (e *logEntry) succeeded() bool {
	return e.blame == blameNobody || e.blame == blameCaller
}

// add takes over what one worker of a batch noted.
func (e *logEntry) add(worker *logEntry) {
	if !worker.sent {
		return
	}
	e.cached = worker.cached && (e.cached || !e.sent)
	e.sent = true
	e.replayed = e.replayed || worker.replayed
	e.wait += worker.wait
	e.downstream += worker.downstream
	e.stale = union(e.stale, worker.stale)
	e.masked = union(e.masked, worker.masked)
}

func union(texts, more []string) []string {
	for _, text := range more {
		if !slices.Contains(texts, text) {
			texts = append(texts[:len(texts):len(texts)], text)
		}
	}
	return texts
}

// incomplete notes that a batch failed by one delivery. Where more than one is to
// blame, what an operator can mend comes first.
func (e *logEntry) incomplete(blamed blame) {
	if e.problemName == "" {
		e.failed(problemFor(errBatchIncomplete))
		e.blame = blamed
	}
	if severity(blamed) > severity(e.blame) {
		e.blame = blamed
	}
}
