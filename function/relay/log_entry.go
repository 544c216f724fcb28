package relay

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/credential"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// A logEntry is all that the log may hold of one request. It has no field for a body, a
// query, a header value or a secret, so that none is logged by mistake.
type logEntry struct {
	start time.Time
	// take asks for memory for an answer; nil if it does not share it with others.
	take func(size int64) error
	// limit is when the relay itself must have an answer.
	limit         time.Time
	requestID     string
	caller        string
	address       string
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
	retrieval     time.Duration
	cached        bool
	dryRun        bool
	// withheld says that a request was not sent again, since the answer that refuses its
	// credential may only repeat what the request said.
	withheld bool
	replayed bool
	sent     bool
	// detail says why the request failed, as the operator may know it.
	detail string
	// schemes and version are of the credential that was used.
	schemes, version string
	// faulty names the schemes whose credential was refused, as refused says, or could not
	// be made.
	faulty  string
	refused bool
	stale   []string
	// unshared and doubts are as in credential.Stats.
	unshared []string
	doubts   []string
	// retrievalStatus is what the endpoint of a credential answered that could not be had.
	retrievalStatus int
	masked          []string
	// records is how many records a split batch held, recordsRefused how many of them were
	// not accepted, unsent how many were not sent at all.
	records, recordsRefused, unsent int
	// queued is how many records were accepted to be delivered later.
	queued int
	// try is that of a message from the queue; nil for the request of a caller.
	try *try
	// stack is where the relay itself panicked: names of functions and places in the code.
	stack []byte
}

func newLogEntry(request *gateway.Request) logEntry {
	request.ID = requestID(request)
	return logEntry{start: time.Now(), requestID: request.ID, address: request.Address, method: knownMethod(request.Method), blame: blameNobody}
}

// received restarts the clock once the body has arrived: how long that took was up to
// the caller.
func (e *logEntry) received(ctx context.Context, request *gateway.Request) {
	e.start = time.Now()
	e.limit = beforeEnd(ctx, answerMargin, e.start.Add(gatewayLimit-answerMargin))
	e.requestBytes = len(request.Body)
}

// knownMethod keeps what else a caller may send as a method out of the log.
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
	e.unshared = union(e.unshared, used.Stats.Unshared)
	e.doubts = union(e.doubts, used.Stats.Doubts)
	e.wait += used.Stats.Wait
	e.retrieval += used.Stats.Call
	e.schemes, e.version = used.Schemes, used.Version
}

// refuses notes that the API refuses a credential for which there is no better one.
func (e *logEntry) refuses(used *credential.Credential, answer *gateway.Response, renewal string) {
	e.refused, e.faulty = true, used.Schemes
	e.detail = "The API answered " + strconv.Itoa(answer.Status) + ", which means that it refuses the credential, " + renewal + "."
}

// adds notes why there is no other credential than the one that was refused, or else what
// to look at.
func (e *logEntry) adds(failure error) {
	if refusal, ok := errors.AsType[*gateway.Refusal](failure); ok {
		e.detail += " " + strings.TrimSpace(refusal.Detail+" "+refusal.Note)
		return
	}
	e.detail += " Check its secret and where the document puts it, and of a signature also the clock."
}

// explain notes why a request failed.
func (e *logEntry) explain(err error) {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok {
		return // a panic, whose stack the entry has
	}
	e.detail = refusal.Detail
	if e.blame == blameCaller {
		e.detail = withoutQuotations(refusal)
	}
	if refusal.Note != "" {
		e.detail += " " + refusal.Note
	}
	e.destination, e.operation = cmp.Or(e.destination, refusal.Destination), cmp.Or(e.operation, refusal.Operation)
	e.retrievalStatus = refusal.Answered
	if refusal.Scheme != "" {
		e.faulty, e.schemes, e.version = refusal.Scheme, refusal.Scheme, ""
	}
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

// panicked notes where the relay itself panicked, if that is what the error says.
func (e *logEntry) panicked(err error) {
	if panicked, ok := errors.AsType[*cache.Panic](err); ok {
		e.stack = panicked.Stack
	}
}

// finish notes what was answered.
func (e *logEntry) finish(response *gateway.Response) {
	e.status = response.Status
	e.responseBytes = len(response.Body)
	e.duration = time.Since(e.start)
	if e.problemName != "" {
		return
	}
	e.blame = blameForStatus(e.method, e.status)
	switch {
	case e.refused:
		e.blame = blameCredential
	case e.blame == blameNobody && e.try != nil && !e.accepted():
		e.blame = blameDownstream // any redirect is the end of a delivery
	}
	if e.blame != blameNobody && e.detail == "" {
		e.detail = statusError(e.status).Error() + meaning(e.status, e.schemes != "")
	}
}

// succeeded says that the relay did its part: whatever went wrong was the caller's doing.
func (e *logEntry) succeeded() bool {
	return e.blame == blameNobody || e.blame == blameCaller
}

// withoutQuotations returns a detail without what it quotes of the caller's request,
// names of fields excepted.
func withoutQuotations(refusal *gateway.Refusal) string {
	var text strings.Builder
	rest := refusal.Detail
	for {
		before, after, found := strings.Cut(rest, `"`)
		text.WriteString(before)
		if !found {
			return text.String()
		}
		quoted, err := strconv.QuotedPrefix(`"` + after)
		if err != nil {
			return text.String() + "..." // a quotation that does not end
		}
		if name, _ := strconv.Unquote(quoted); slices.Contains(refusal.Fields, name) {
			text.WriteString(quoted)
		} else {
			text.WriteString(`"..."`)
		}
		rest = after[len(quoted)-1:]
	}
}

// add takes over what one worker of a batch noted.
func (e *logEntry) add(worker *logEntry) {
	if !worker.sent {
		return
	}
	e.cached = worker.cached && (e.cached || !e.sent)
	e.sent = true
	e.replayed = e.replayed || worker.replayed
	e.withheld = e.withheld || worker.withheld
	e.wait += worker.wait
	e.retrieval += worker.retrieval
	e.downstream += worker.downstream
	e.stale = union(e.stale, worker.stale)
	e.unshared = union(e.unshared, worker.unshared)
	e.doubts = union(e.doubts, worker.doubts)
	e.masked = union(e.masked, worker.masked)
	e.schemes, e.version = worker.schemes, worker.version
	if worker.faulty != "" {
		e.faulty, e.detail = worker.faulty, worker.detail
	}
}

func union(texts, more []string) []string {
	for _, text := range more {
		if !slices.Contains(texts, text) {
			texts = append(texts[:len(texts):len(texts)], text)
		}
	}
	return texts
}

// incomplete notes that a batch failed because of one delivery. Of several that are to
// blame the one counts about which an operator can do most.
func (e *logEntry) incomplete(made *delivery) {
	blamed, first := made.blame(e.method), e.problemName == ""
	if first {
		e.failed(problemFor(errBatchIncomplete))
	}
	if !first && severity(blamed) <= severity(e.blame) {
		return
	}
	e.blame = blamed
	switch {
	case made.err != nil:
		e.explain(made.err)
	case made.status > 0 && !made.refused:
		e.detail = "The API answered " + strconv.Itoa(made.status) + " to a record." + meaning(made.status, e.schemes != "")
	}
}
