package relay

import (
	"errors"
	"slices"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// A record is all that the log may know of one request. It has no field for a
// body, a query, a header value or a secret, so none can be logged by mistake.
type record struct {
	start time.Time
	// limit is when the relay itself must have an answer.
	limit         time.Time
	requestID     string
	method        string
	destination   string
	operation     string
	status        int
	problemName   string
	proxyError    string
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

func newRecord(request *gateway.Request) record {
	return record{
		start:        time.Now(),
		requestID:    request.ID,
		method:       knownMethod(request.Method),
		requestBytes: len(request.Body),
		blame:        blameNobody,
	}
}

// knownMethod keeps whatever else a caller may send as a method out of the log.
func knownMethod(method string) string {
	switch method {
	case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS":
		return method
	}
	return "other"
}

func (r *record) plan(outbound *plan.Plan) {
	r.destination = outbound.Destination.Name
	r.operation = outbound.Operation.Path
	r.dryRun = outbound.DryRun
}

func (r *record) credential(held *credential.Credential) {
	r.cached = held.Facts.Cached
	r.stale = held.Facts.Stale
	r.wait += held.Facts.Wait
}

// delivered notes one delivery and how long it took.
func (r *record) delivered(took time.Duration) {
	r.sent = true
	r.downstream += took
}

func (r *record) problem(problem Problem, proxyError string) {
	r.problemName = problem.Name
	r.proxyError = proxyError
	r.blame = problem.blame
}

// notePanic notes where the relay itself panicked, if that is what the error says.
func (r *record) notePanic(err error) {
	var panicked *gateway.Panic
	if errors.As(err, &panicked) {
		r.stack = panicked.Stack
	}
}

// finish notes what was answered. A downstream's own 5xx is the downstream's
// fault, its 4xx the caller's.
func (r *record) finish(response *gateway.Response) {
	r.status = response.Status
	r.responseBytes = len(response.Body)
	r.duration = time.Since(r.start)
	if r.problemName != "" {
		return
	}
	switch {
	case r.status >= 500:
		r.blame = blameDownstream
	case r.status >= 400:
		r.blame = blameCaller
	}
}

// add takes over what one worker of a batch noted.
func (r *record) add(worker *record) {
	if !worker.sent {
		return
	}
	r.cached = worker.cached && (r.cached || !r.sent)
	r.sent = true
	r.replayed = r.replayed || worker.replayed
	r.wait += worker.wait
	r.downstream += worker.downstream
	r.stale = union(r.stale, worker.stale)
	r.masked = union(r.masked, worker.masked)
}

func union(texts, more []string) []string {
	for _, text := range more {
		if !slices.Contains(texts, text) {
			texts = append(texts[:len(texts):len(texts)], text)
		}
	}
	return texts
}

// blameDelivery notes whose fault it is that a record was not accepted, and
// reports whether the batch has failed by it: a record without a valid session is
// discarded without failing the batch. Where more than one is to blame, what an
// operator can mend comes first.
func (r *record) blameDelivery(made *delivery) bool {
	if errors.Is(made.err, plan.ErrSession) {
		return false
	}
	r.notePanic(made.err)
	found := blameDownstream
	switch {
	case made.err != nil:
		problem, _ := problemOf(made.err)
		found = problem.blame
	case made.status >= 400 && made.status < 500:
		found = blameCaller
	}
	if r.problemName == "" {
		r.problem(problemOf(errBatchIncomplete))
		r.blame = found
	}
	if severity(found) > severity(r.blame) {
		r.blame = found
	}
	return true
}

// severity orders blames by how much an operator of the relay can do about them.
func severity(found blame) int {
	return slices.Index([]blame{blameNobody, blameCaller, blameDownstream, blameTokenEndpoint, blameKeyrelay}, found)
}
