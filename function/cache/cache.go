// Package cache keeps the results of expensive fetches: secrets, retrieved
// credentials, discovery documents, key sets, answers about session tokens.
//
//	tokens := &cache.Cache[Key, *Token]{Fetch: retrieve, Timeout: timeout, OnCancel: cancelled}
//	got, err := tokens.Get(ctx, key)        // waits for a fetch if there is none yet
//	got, err = tokens.Renew(ctx, key, used) // used was refused: get another one
//
// One fetch per key runs at a time, on its own goroutine and context, so a caller who
// leaves ends only its own wait. Usually the caller that started a fetch waits for it,
// and the goroutine ends within that call. It outlives a caller that gave up, but only
// until its timeout. After a frozen machine wakes, nobody waits for a fetch past its
// timeout: another one is made.
//
// Failures are remembered for 1 s to 30 s. Meanwhile, and while a refresh fails, an old
// value is served until it expires. Ages are measured on the wall clock, because the
// monotonic clock of a frozen Lambda function stops.
//
// Instances share values in a DynamoDB Table, in which each value is sealed:
//
//	unshared, err := table.Share(ctx, cache.Turn{ID: id, Use: use, Make: make})
//
// One instance makes a value under a lease of 15 s, which it extends, and which ends by
// itself if the instance dies. The others wait for the value. A table that fails costs a
// second, and then nothing for 10 s: each instance makes its own value.
package cache

import (
	"context"
	"runtime/debug"
	"sync"
	"time"
)

// A FetchFunc reads the value of a key. previous is the value kept so far, or the zero
// value; return it if nothing has changed. If the error is a *gateway.Refusal, its
// RetryAfter is respected and passed on.
type FetchFunc[K, V any] = func(ctx context.Context, key K, previous V) (V, Life, error)

// A Cache keeps the values of keys. Its fields are set before its first use; then
// it is safe for concurrent use.
type Cache[K comparable, V comparable] struct {
	// Fetch reads the value of a key.
	Fetch FetchFunc[K, V]
	// Timeout bounds one fetch.
	Timeout func(K) time.Duration
	// OnCancel makes the error of a caller whose context ended while it waited.
	OnCancel func(key K, cause error) error
	// RenewInterval is the least time between two fetches that Renew asks for.
	RenewInterval time.Duration
	// ServeDuringRefresh says that a value is served while another caller waits for its successor.
	ServeDuringRefresh bool
	// ForgetFailures says that the next Get after a failure fetches again at once.
	ForgetFailures bool
	// Limit is the least number of latest keys that are kept. At most twice as many are
	// kept, because the older half is dropped at once. Zero means that something else
	// bounds the number of keys.
	Limit int

	mutex         sync.RWMutex
	recent, older map[K]*entry[V]
}

// A Result is what a Cache returns.
type Result[V comparable] struct {
	Value V
	// Waited says that the caller waited for a fetch.
	Waited bool
	// Stale says that the value is due for a refresh, which failed.
	Stale bool
	// Failure says why the last fetch gave nothing; nil if it gave the value.
	Failure error

	entry *entry[V]
}

// Fresh reports whether Get would still return this value without a fetch.
func (r Result[V]) Fresh(now time.Time) bool {
	current := r.entry.current.Load()
	return current.fresh(now) && current.value == r.Value
}

// Now is the time on the wall clock. It lacks the monotonic reading, which stops
// while a Lambda function is frozen.
func Now() time.Time { return time.Now().Round(0) }

// Sleep waits until the pause is over, or returns the reason of ctx if that ends first.
func Sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Get returns the value of a key. It waits for a fetch if there is no value, or only one
// that is too old.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (Result[V], error) {
	return c.GetBy(ctx, key, c.Fetch)
}

// GetBy is Get with the caller's own fetch, for one that needs what the key must not hold.
func (c *Cache[K, V]) GetBy(ctx context.Context, key K, fetch FetchFunc[K, V]) (Result[V], error) {
	e := c.entry(key)
	now := Now()
	if current := e.current.Load(); current.fresh(now) {
		return e.result(current.value), nil
	}
	e.mutex.Lock()
	current := e.current.Load()
	underWay := e.flight != nil && now.Before(e.flight.until)
	switch {
	case current.fresh(now), underWay && c.ServeDuringRefresh && current.good(now):
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
	f := c.joinFlight(ctx, key, e, now, fetch, previous)
	e.mutex.Unlock()
	return c.wait(ctx, key, e, f)
}

// Renew returns another value than the one used, which was refused. Where there is
// none, the Result holds the value used, or the error says why there is none at all.
func (c *Cache[K, V]) Renew(ctx context.Context, key K, used V) (Result[V], error) {
	e := c.entry(key)
	now := Now()
	e.mutex.Lock()
	current := e.current.Load()
	if current.good(now) && current.value != used {
		e.mutex.Unlock()
		return e.result(current.value), nil
	}
	underWay := e.flight != nil && now.Before(e.flight.until)
	if !underWay && (now.Before(e.retry) || now.Before(e.renew) && current.good(now)) {
		defer e.mutex.Unlock()
		return e.fallback(now, e.failure)
	}
	e.renew = now.Add(c.RenewInterval)
	f := c.joinFlight(ctx, key, e, now, c.Fetch, used)
	e.mutex.Unlock()
	return c.wait(ctx, key, e, f)
}

// GetUncached fetches a value for one caller only. The value is not kept, but a failure is,
// as with Get.
func (c *Cache[K, V]) GetUncached(ctx context.Context, key K) (Result[V], error) {
	e := c.entry(key)
	now := Now()
	e.mutex.Lock()
	if now.Before(e.retry) {
		defer e.mutex.Unlock()
		return e.fallback(now, e.failure)
	}
	e.mutex.Unlock()
	f := &flight[V]{private: true, done: make(chan struct{})}
	var none V
	c.start(ctx, key, e, f, c.Fetch, none)
	return c.wait(ctx, key, e, f)
}

// Fill fetches the value of a key that has none yet, on the caller's own goroutine and
// context, and reports whether it could. A failure is not remembered.
func (c *Cache[K, V]) Fill(ctx context.Context, key K, fetch FetchFunc[K, V]) bool {
	e := c.entry(key)
	f := &flight[V]{until: Now().Add(c.Timeout(key)), done: make(chan struct{})}
	e.mutex.Lock()
	if e.flight != nil || e.current.Load() != nil {
		e.mutex.Unlock()
		return e.current.Load() != nil
	}
	e.flight = f
	e.mutex.Unlock()
	var none V
	value, life, err := recovered(func() (V, Life, error) { return fetch(ctx, key, none) })
	e.finish(f, value, life, err, false)
	return err == nil
}

// Put keeps a value that came without a fetch. A fetch in progress then serves only its own
// callers.
func (c *Cache[K, V]) Put(key K, value V, life Life) {
	e := c.entry(key)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.flight, e.failures, e.failure, e.retry = nil, 0, nil, time.Time{}
	e.current.Store(&kept[V]{value, life})
}

// entry returns the entry of a key, a new one if there is none.
func (c *Cache[K, V]) entry(key K) *entry[V] {
	c.mutex.RLock()
	e := c.find(key)
	c.mutex.RUnlock()
	if e != nil {
		return e
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if e = c.find(key); e != nil {
		return e
	}
	e = &entry[V]{}
	if c.recent == nil || c.Limit > 0 && len(c.recent) >= c.Limit {
		c.recent, c.older = map[K]*entry[V]{}, c.recent
	}
	c.recent[key] = e
	return e
}

// find returns the entry of a key, nil if there is none. The Cache is locked.
func (c *Cache[K, V]) find(key K) *entry[V] {
	if e := c.recent[key]; e != nil {
		return e
	}
	return c.older[key]
}

// joinFlight returns the fetch that is in progress, or starts one. The entry is locked.
func (c *Cache[K, V]) joinFlight(ctx context.Context, key K, e *entry[V], now time.Time, fetch FetchFunc[K, V], previous V) *flight[V] {
	if e.flight == nil || !now.Before(e.flight.until) {
		e.flight = &flight[V]{until: now.Add(c.Timeout(key)), done: make(chan struct{})}
		c.start(ctx, key, e, e.flight, fetch, previous)
	}
	return e.flight
}

func (c *Cache[K, V]) start(ctx context.Context, key K, e *entry[V], f *flight[V], fetch FetchFunc[K, V], previous V) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Timeout(key))
	go func() {
		defer cancel()
		value, life, err := recovered(func() (V, Life, error) { return fetch(ctx, key, previous) })
		e.finish(f, value, life, err, !c.ForgetFailures)
	}()
}

// A Panic is the error of a fetch that panicked. It is not a *gateway.Refusal.
type Panic struct {
	// Stack is the goroutine's stack as debug.Stack formats it. It holds names of functions
	// and positions in the code, but not the panic's value, which may come from the
	// caller's request.
	Stack []byte
}

// Error says only that there was a panic.
func (p *Panic) Error() string { return "the relay panicked" }

// recovered makes an error of a panic, which no caller's recover would see on a
// fetch's goroutine, so that it would end the process.
func recovered[V any](fetch func() (V, Life, error)) (value V, life Life, err error) {
	defer func() {
		if recover() != nil {
			err = &Panic{Stack: debug.Stack()}
		}
	}()
	return fetch()
}

// wait waits for a fetch, or for the caller to leave.
func (c *Cache[K, V]) wait(ctx context.Context, key K, e *entry[V], f *flight[V]) (Result[V], error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return Result[V]{Waited: true}, c.OnCancel(key, context.Cause(ctx))
	}
	r, err := e.result(f.value), f.err
	if err != nil {
		e.mutex.Lock()
		r, err = e.fallback(Now(), f.err)
		e.mutex.Unlock()
	}
	r.Waited = true
	return r, err
}
