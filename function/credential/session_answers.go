package credential

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"keyrelay/function/destination"
)

// maxAnswers is how many answers of one generation are kept, so that tokens made
// up by a caller fill no memory.
const maxAnswers = 5_000

// An answerKey names a token by its digest: the cache holds no token.
type answerKey struct {
	session *destination.Session
	digest  [sha256.Size]byte
}

// answers keeps what introspection endpoints said, in two generations: where the
// recent one is full it takes the place of the older one, which is dropped whole.
// One check per token is under way at a time, as in a cache. A check that could
// not be made is not kept.
type answers struct {
	mutex         sync.Mutex
	recent, older map[answerKey]answer
	underWay      map[answerKey]*check
}

// An answer is good until its time.
type answer struct {
	verdict verdict
	until   time.Time
}

// A check is one under way. found and err are set when done is closed.
type check struct {
	// until is when it is given up for another.
	until time.Time
	done  chan struct{}
	found verdict
	err   error
}

// get returns the answer of a token, and waits for ask where none is kept. ask runs
// on a context of its own, so that a caller who leaves fails nobody.
func (a *answers) get(ctx context.Context, key answerKey, d *destination.Destination, ask func(context.Context) (verdict, error)) (verdict, error) {
	now := wallClock()
	a.mutex.Lock()
	for _, generation := range [...]map[answerKey]answer{a.recent, a.older} {
		if kept, ok := generation[key]; ok && now.Before(kept.until) {
			a.mutex.Unlock()
			return kept.verdict, nil
		}
	}
	c := a.underWay[key]
	if c == nil || !now.Before(c.until) {
		c = a.start(ctx, key, d, now, ask)
	}
	a.mutex.Unlock()
	select {
	case <-c.done:
		return c.found, c.err
	case <-ctx.Done():
		return verdict{}, leftSession(d, context.Cause(ctx))
	}
}

// start starts a check. The answers are locked.
func (a *answers) start(ctx context.Context, key answerKey, d *destination.Destination, now time.Time, ask func(context.Context) (verdict, error)) *check {
	timeout := introspectionTimeout(d)
	c := &check{until: now.Add(timeout), done: make(chan struct{})}
	if a.underWay == nil {
		a.underWay = map[answerKey]*check{}
	}
	a.underWay[key] = c
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	go func() {
		defer cancel()
		found, err := ask(ctx)
		a.land(key, c, found, err)
	}()
	return c
}

// introspectionTimeout bounds a check with all that belongs to it: a credential for
// the call, the call, and both once more where the credential is refused.
func introspectionTimeout(d *destination.Destination) time.Duration {
	return 2 * (secretsManagerTimeout + 3*d.AuxiliaryTimeout)
}

// land notes how a check ended. An answer counts from when it came, and not past
// the token's own time (RFC 7662 section 4).
func (a *answers) land(key answerKey, c *check, found verdict, err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	defer close(c.done)
	c.found, c.err = found, err
	if a.underWay[key] != c {
		return
	}
	delete(a.underWay, key)
	if err != nil {
		return
	}
	until := wallClock().Add(key.session.CacheFor)
	if !found.until.IsZero() && found.until.Before(until) {
		until = found.until
	}
	if len(a.recent) >= maxAnswers || a.recent == nil {
		a.recent, a.older = map[answerKey]answer{}, a.recent
	}
	a.recent[key] = answer{found, until}
}
