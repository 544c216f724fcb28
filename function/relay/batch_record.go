package relay

import (
	"errors"
	"slices"

	"keyrelay/function/plan"
)

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
