package cache

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"keyrelay/function/gateway"
)

// A Life says how long a value is good. From Refresh on, another one is fetched; from
// Expiry on, it is not served. A zero time means never.
type Life struct {
	Refresh, Expiry time.Time
	// Renew is when Renew may ask for another; zero leaves that to Cache.RenewInterval.
	Renew time.Time
}

// An entry is one key of a Cache.
type entry[V comparable] struct {
	current atomic.Pointer[kept[V]]

	mutex    sync.Mutex
	flight   *flight[V]
	failures int
	failure  error
	// retry is when a fetch may follow the last failure.
	retry time.Time
	// renew is when Renew may ask for the next fetch.
	renew time.Time
}

// A kept value is what an entry has.
type kept[V comparable] struct {
	value V
	life  Life
}

// fresh reports whether the value is served without a look at its source.
func (k *kept[V]) fresh(now time.Time) bool {
	return k != nil && (k.life.Refresh.IsZero() || now.Before(k.life.Refresh)) && k.good(now)
}

// good reports whether the value may be served if there is no other.
func (k *kept[V]) good(now time.Time) bool {
	return k != nil && (k.life.Expiry.IsZero() || now.Before(k.life.Expiry))
}

// A flight is a fetch in progress. value and err are set when done is closed.
type flight[V comparable] struct {
	// until is when it is given up for another.
	until time.Time
	// private says that its value is one caller's alone.
	private bool
	done    chan struct{}
	value   V
	err     error
}

// finish notes how a fetch ended. What is one caller's alone is not kept, nor
// anything of a fetch that was given up for another.
func (e *entry[V]) finish(f *flight[V], value V, life Life, err error, remember bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	defer close(f.done)
	f.value, f.err = value, err
	if e.flight != f && !f.private {
		return
	}
	switch {
	case err == nil:
		e.failures, e.failure, e.retry = 0, nil, time.Time{}
	case remember:
		e.failures++
		e.failure, e.retry = err, Now().Add(pauseAfter(err, e.failures))
	}
	if e.flight == f {
		e.flight = nil
		if err == nil {
			e.current.Store(&kept[V]{value, life})
		}
		if err == nil && !life.Renew.IsZero() {
			e.renew = life.Renew
		}
	}
}

// pauseAfter is how long no other try is made after so many failures: as long as the
// last one says, neither less nor more, where it says so; else a random part of 1 s to 2 s at
// first, of 15 s to 30 s in the end, so that many functions do not ask in step.
func pauseAfter(failure error, failures int) time.Duration {
	if refusal, ok := errors.AsType[*gateway.Refusal](failure); ok && refusal.RetryAfter > 0 {
		return time.Duration(refusal.RetryAfter) * time.Second
	}
	most := min(time.Second<<min(failures, 5), 30*time.Second)
	return most/2 + rand.N(most/2) // #nosec G404 -- jitter, which nobody gains by guessing
}

// fallback is what is left while no fetch succeeds: the old value while it is
// good, else the failure. The entry is locked.
func (e *entry[V]) fallback(now time.Time, failure error) (Result[V], error) {
	if current := e.current.Load(); current.good(now) {
		r := e.result(current.value)
		r.Stale, r.Failure = !current.fresh(now), failure
		return r, nil
	}
	return Result[V]{}, e.withRetryAfter(now, failure)
}

// withRetryAfter tells in a refusal how long the failure is still remembered.
func (e *entry[V]) withRetryAfter(now time.Time, failure error) error {
	refusal, ok := errors.AsType[*gateway.Refusal](failure)
	if e.retry.IsZero() || !ok {
		return failure
	}
	told := *refusal
	told.RetryAfter = max(1, int(math.Ceil(e.retry.Sub(now).Seconds())))
	return &told
}

func (e *entry[V]) result(value V) Result[V] { return Result[V]{Value: value, entry: e} }
