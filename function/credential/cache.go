package credential

import (
	"context"
	"runtime/debug"
	"time"

	"keyrelay/function/gateway"
)

// A cache keeps what fetch gives. Secrets and retrieved credentials are two of
// its uses.
//
// One fetch per key is under way at a time, on a goroutine and a context of its
// own: a caller who leaves ends its own wait only. As a rule the caller that
// started a fetch waits for it, so that the goroutine ends within that call; it
// outlives a caller that gave up, and then by its timeout at most. After a frozen
// machine wakes, a fetch past that bound is not waited for: another one is made.
type cache[K comparable, V comparable] struct {
	// fetch reads the value of a key. previous is the one kept so far, or the zero
	// value; fetch returns it where nothing has changed. The error is a *gateway.Refusal.
	fetch func(ctx context.Context, key K, previous V) (V, life, error)
	// timeout bounds one fetch.
	timeout func(K) time.Duration
	// left is the error of a caller whose context ended while it waited.
	left func(key K, cause error) error
	// renewInterval is the least time between two fetches that renew asks for.
	renewInterval time.Duration
	// dropRefused says that a value that was refused is of no more use, even where
	// no other can be had.
	dropRefused bool
	// serveDuringRefresh says that a value is served while another caller waits for its successor.
	serveDuringRefresh bool

	entries index[K, *entry[V]]
}

// A result is what a cache answers with.
type result[V comparable] struct {
	value V
	// lease tells later whether the value is still the one to use.
	lease lease
	// waited says that a fetch was waited for.
	waited bool
	// stale says that the value is past its time and no other can be had.
	stale bool
	// failure says why the last fetch gave nothing; nil where it gave the value.
	failure *gateway.Refusal
}

// A lease tells whether a value is still the one to use.
type lease interface {
	fresh(now time.Time) bool
}

// A tenancy is the lease of one value of a cache.
type tenancy[V comparable] struct {
	entry *entry[V]
	value V
}

func (t tenancy[V]) fresh(now time.Time) bool {
	current := t.entry.current.Load()
	return current.fresh(now) && current.value == t.value
}

// wallClock is the time without the monotonic reading, which stops while a Lambda
// function is frozen.
func wallClock() time.Time { return time.Now().Round(0) }

func (c *cache[K, V]) entry(key K) *entry[V] {
	return c.entries.getOrPut(key, func() *entry[V] { return &entry[V]{} })
}

// get returns the value of a key, and waits for a fetch where the one at hand is too old.
func (c *cache[K, V]) get(ctx context.Context, key K) (result[V], error) {
	e := c.entry(key)
	now := wallClock()
	if current := e.current.Load(); current.fresh(now) {
		return e.result(current.value), nil
	}
	e.mutex.Lock()
	current := e.current.Load()
	underWay := e.flight != nil && now.Before(e.flight.until)
	switch {
	case current.fresh(now), underWay && c.serveDuringRefresh && current.good(now):
		e.mutex.Unlock()
		return e.result(current.value), nil
	case !underWay && now.Before(e.retry):
		defer e.mutex.Unlock()
		return e.fallback(now, e.failure)
	}
	var previous V
	if current != nil {
		previous = current.value
	}
	f := c.join(ctx, key, e, now, previous)
	e.mutex.Unlock()
	return c.wait(ctx, key, e, f)
}

// renew returns another value than the one used, which was refused. Where there is
// none, result holds the value used, or err says why there is none at all.
func (c *cache[K, V]) renew(ctx context.Context, key K, used V) (result[V], error) {
	e := c.entry(key)
	now := wallClock()
	e.mutex.Lock()
	current := e.current.Load()
	if current.good(now) && current.value != used {
		e.mutex.Unlock()
		return e.result(current.value), nil
	}
	if c.dropRefused {
		e.current.Store(nil)
	}
	underWay := e.flight != nil && now.Before(e.flight.until)
	if !underWay && (now.Before(e.retry) || now.Before(e.renew) && current.good(now)) {
		defer e.mutex.Unlock()
		return e.fallback(now, e.failure)
	}
	e.renew = now.Add(c.renewInterval)
	f := c.join(ctx, key, e, now, used)
	e.mutex.Unlock()
	return c.wait(ctx, key, e, f)
}

// once fetches a value for one caller, who alone gets it. It is not kept, but a
// failure is, as from get.
func (c *cache[K, V]) once(ctx context.Context, key K) (result[V], error) {
	e := c.entry(key)
	now := wallClock()
	e.mutex.Lock()
	if now.Before(e.retry) {
		defer e.mutex.Unlock()
		return e.fallback(now, e.failure)
	}
	e.mutex.Unlock()
	f := &flight[V]{alone: true, done: make(chan struct{})}
	var none V
	c.start(ctx, key, e, f, none)
	return c.wait(ctx, key, e, f)
}

// join returns the fetch that is under way, or starts one. The entry is locked.
func (c *cache[K, V]) join(ctx context.Context, key K, e *entry[V], now time.Time, previous V) *flight[V] {
	if e.flight == nil || !now.Before(e.flight.until) {
		e.flight = &flight[V]{until: now.Add(c.timeout(key)), done: make(chan struct{})}
		c.start(ctx, key, e, e.flight, previous)
	}
	return e.flight
}

// start starts a fetch.
func (c *cache[K, V]) start(ctx context.Context, key K, e *entry[V], f *flight[V], previous V) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout(key))
	go func() {
		defer cancel()
		value, span, err := c.safely(ctx, key, previous)
		e.land(f, value, span, err)
	}()
}

// safely fetches. A panic on this goroutine, which no caller's recover sees, would
// end the process.
func (c *cache[K, V]) safely(ctx context.Context, key K, previous V) (value V, span life, err error) {
	defer func() {
		if recover() != nil {
			err = &gateway.Panic{Stack: debug.Stack()}
		}
	}()
	return c.fetch(ctx, key, previous)
}

// wait waits for a fetch, or for the caller to leave.
func (c *cache[K, V]) wait(ctx context.Context, key K, e *entry[V], f *flight[V]) (result[V], error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return result[V]{waited: true}, c.left(key, context.Cause(ctx))
	}
	if f.err == nil {
		r := e.result(f.value)
		r.waited = true
		return r, nil
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	r, err := e.fallback(wallClock(), asRefusal(f.err))
	r.waited = true
	return r, err
}
