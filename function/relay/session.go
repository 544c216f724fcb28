package relay

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// maxIntrospections is how many tokens of one batch an endpoint is asked about: one
// request of a caller must not become a thousand of the relay.
const maxIntrospections = 100

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
// request, and mostly from one session. A token that is revoked meanwhile is refused at
// the next request.
type batchSessions struct {
	ask sessionCheck
	// verdicts holds for each batchSession a func() error that asks at its first call.
	verdicts sync.Map
	asked    atomic.Int64
}

// A batchSession is a token of a batch at one of the destinations that its records' paths lead to.
type batchSession struct {
	destination *destination.Destination
	token       string
}

// check is a sessionCheck.
func (b *batchSessions) check(ctx context.Context, d *destination.Destination, token string) error {
	verdict, _ := b.verdicts.LoadOrStore(batchSession{d, token}, sync.OnceValue(func() error {
		if d.Session.IntrospectionURL != nil && b.asked.Add(1) > maxIntrospections {
			return errTooManyTokens
		}
		return b.ask(ctx, d, token)
	}))
	once, _ := verdict.(func() error)
	return once()
}

var errTooManyTokens error = &gateway.Refusal{
	Reason: errRecordTooLarge,
	Detail: fmt.Sprintf("The batch holds more than %d different session tokens, each of which has to be asked about. Send this record in another batch.", maxIntrospections),
}
