package relay

import (
	"context"
	"crypto/sha256"
	"sync"

	"keyrelay/function/destination"
	"keyrelay/function/plan"
)

// A sessionCheck says whether a destination's session token is valid; see credential.Store.CheckSession.
type sessionCheck func(ctx context.Context, d *destination.Destination, token string) error

// checkSession checks the session token of a record, where the destination wants one.
func checkSession(ctx context.Context, outbound *plan.Plan, record *record, check sessionCheck) error {
	if outbound.SessionToken == nil {
		return nil
	}
	limited, cancel := context.WithDeadline(ctx, record.limit)
	defer cancel()
	return check(limited, outbound.Destination, outbound.SessionToken())
}

// sessionVerdicts asks once for each token of a batch: its records come in one
// request, and most often from one session. A token that is revoked is refused at
// the next request all the same.
type sessionVerdicts struct {
	check sessionCheck

	mutex    sync.Mutex
	verdicts map[[sha256.Size]byte]*sessionVerdict
}

// A sessionVerdict is what the check of one token said.
type sessionVerdict struct {
	once sync.Once
	err  error
}

// of is a sessionCheck.
func (s *sessionVerdicts) of(ctx context.Context, d *destination.Destination, token string) error {
	verdict := s.verdict(sha256.Sum256([]byte(token)))
	verdict.once.Do(func() {
		verdict.err = errInternal // stands where the check panics
		verdict.err = s.check(ctx, d, token)
	})
	return verdict.err
}

func (s *sessionVerdicts) verdict(key [sha256.Size]byte) *sessionVerdict {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.verdicts == nil {
		s.verdicts = make(map[[sha256.Size]byte]*sessionVerdict)
	}
	verdict := s.verdicts[key]
	if verdict == nil {
		verdict = &sessionVerdict{}
		s.verdicts[key] = verdict
	}
	return verdict
}
