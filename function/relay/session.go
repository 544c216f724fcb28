package relay

import (
	"context"
	"sync"

	"keyrelay/function/destination"
	"keyrelay/function/plan"
)

// A sessionCheck says whether a destination's session token is valid; see session.Checker.Check.
type sessionCheck func(ctx context.Context, d *destination.Destination, token string) error

// checkSession checks the session token of a record, where the destination asks for one.
func checkSession(ctx context.Context, outbound *plan.Plan, entry *logEntry, check sessionCheck) error {
	if outbound.SessionToken == nil {
		return nil
	}
	limited, cancel := context.WithDeadline(ctx, entry.limit)
	defer cancel()
	return check(limited, outbound.Destination, outbound.SessionToken())
}

// batchSessions checks each session token of a batch once: its records come in one
// request, and most often from one session. A token that is revoked is refused at
// the next request all the same.
type batchSessions struct {
	ask sessionCheck
	// verdicts holds for each token a func() error that asks at its first call.
	verdicts sync.Map
}

// check is a sessionCheck.
func (b *batchSessions) check(ctx context.Context, d *destination.Destination, token string) error {
	verdict, _ := b.verdicts.LoadOrStore(token, sync.OnceValue(func() error { return b.ask(ctx, d, token) }))
	once, _ := verdict.(func() error)
	return once()
}
