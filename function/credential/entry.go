package credential

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"keyrelay/function/gateway"
)

// A life says how long a value is good: from refresh on another one is wanted,
// from expiry on it is not served. A zero time is never.
type life struct {
	refresh, expiry time.Time
}

// An entry is one key of a cache.
type entry[V comparable] struct {
	current atomic.Pointer[held[V]]

	mutex    sync.Mutex
	flight   *flight[V]
	failures int
	failure  *gateway.Refusal
	// retry is when a fetch may follow the last failure.
	retry time.Time
	// renew is when renew may ask for the next fetch.
	renew time.Time
}

// A held value is what an entry keeps.
type held[V comparable] struct {
	value V
	life
}

// fresh reports whether the value is served without a look at its source.
func (h *held[V]) fresh(now time.Time) bool {
	return h != nil && (h.refresh.IsZero() || now.Before(h.refresh)) && h.good(now)
}

// good reports whether the value may be served where there is no other.
func (h *held[V]) good(now time.Time) bool {
	return h != nil && (h.expiry.IsZero() || now.Before(h.expiry))
}

// A flight is a fetch under way. value and err are set when done is closed.
type flight[V comparable] struct {
	// until is when it is given up for another.
	until time.Time
	// alone says that it is one caller's alone.
	alone bool
	done  chan struct{}
	value V
	err   error
}

// land notes how a fetch ended. What is one caller's alone is not kept, nor
// anything of a fetch that was given up for another.
func (e *entry[V]) land(f *flight[V], value V, span life, err error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	defer close(f.done)
	f.value, f.err = value, err
	if e.flight != f && !f.alone {
		return
	}
	if err != nil {
		e.fail(asRefusal(err))
	} else {
		e.failures, e.failure, e.retry = 0, nil, time.Time{}
	}
	if e.flight == f {
		e.flight = nil
		if err == nil {
			e.current.Store(&held[V]{value, span})
		}
	}
}

// fail remembers a failure until another try makes sense.
func (e *entry[V]) fail(failure *gateway.Refusal) {
	e.failures++
	e.failure = failure
	pause := max(backOff(e.failures), time.Duration(failure.RetryAfter)*time.Second)
	e.retry = wallClock().Add(pause)
}

// backOff is how long a failure is remembered: a random part of 1 s to 2 s at
// first, of 15 s to 30 s in the end, so that many functions do not ask in step.
func backOff(failures int) time.Duration {
	most := min(time.Second<<min(failures, 5), 30*time.Second)
	return most/2 + rand.N(most/2) // #nosec G404 -- jitter, which nobody gains by guessing
}

// fallback is what is left while no fetch succeeds: the old value while it is
// good, else the failure. The entry is locked.
func (e *entry[V]) fallback(now time.Time, failure *gateway.Refusal) (result[V], error) {
	if current := e.current.Load(); current.good(now) {
		r := e.result(current.value)
		r.stale, r.failure = !current.fresh(now), failure
		return r, nil
	}
	return result[V]{}, withRetryAfter(failure, e.retry.Sub(now))
}

func (e *entry[V]) result(value V) result[V] {
	return result[V]{value: value, lease: tenancy[V]{e, value}}
}
