package later

import (
	"math/rand/v2"
	"sync"
	"time"
)

// The bounds of the pauses between tries, and of how long an API that cannot be reached is
// left alone.
const (
	firstPause = 2 * time.Second
	mostPause  = 30 * time.Minute
	mostReach  = 5 * time.Minute
)

// Pause is how long a message of an age waits after a try that failed: twice as long at
// each receipt, but no more than a quarter of its age, since receipts without a try count
// too, so that what an outage delayed comes soon after its end. It is shortened at random,
// by up to half, so that what failed together does not come again together.
func Pause(receives int, age time.Duration) time.Duration {
	return pause(receives, min(max(age/4, firstPause), mostPause))
}

// LeastPause is how long a message of an age waits at least, tried or not: a queue counts
// receipts, and after 1,000 it moves a message away without a reason.
func LeastPause(age time.Duration) time.Duration { return age / 100 }

func pause(failures int, most time.Duration) time.Duration {
	full := min(firstPause<<min(max(failures, 1)-1, 30), most)
	return full - rand.N(full/2) // #nosec G404 -- no secret
}

// failuresInRow is after how many failures in a row an API counts as not reached.
const failuresInRow = 5

// Reach keeps this instance from trying an API that cannot be reached with every record
// that is for it: after some failures in a row it lets one through, a probe, and the
// next after a growing pause. The zero Reach is ready. It is safe for concurrent use.
type Reach struct {
	mutex sync.Mutex
	apis  byName[reached]
}

type reached struct {
	failures int
	// since is when the failures began.
	since time.Time
	// until is when the next record may be tried; probing says that one is under way.
	until   time.Time
	probing bool
	last    error
}

// Admit reports whether a record may be tried. If so, the caller calls one of Reached,
// Failed and Left next; if not, the record waits for the pause, and last says why the API
// was not reached.
func (r *Reach) Admit(name string, now time.Time) (ok bool, pause time.Duration, last error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	api := r.apis.get(name)
	switch {
	case api.failures < failuresInRow:
		return true, 0, nil
	case now.Before(api.until):
		return false, spread(api.until.Sub(now)), api.last
	case api.probing:
		return false, spread(firstPause), api.last
	}
	api.probing = true
	return true, 0, nil
}

// spread makes a pause longer at random, by up to a second more than half.
func spread(pause time.Duration) time.Duration {
	return pause + rand.N(pause/2+time.Second) // #nosec G404 -- no secret
}

// Reached notes that an API was reached.
func (r *Reach) Reached(name string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	*r.apis.get(name) = reached{}
}

// Failed notes that an API was not reached, why, how long the try took, and for how long
// the API asked to be left alone, 0 where it did not. Probes of an API that is silent take
// at most a quarter of an instance's time.
func (r *Reach) Failed(name string, now time.Time, why error, took, asked time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	api := r.apis.get(name)
	api.probing, api.last = false, why
	if now.Before(api.until) {
		return // this try was under way when others failed
	}
	if api.failures++; api.failures == 1 {
		api.since = now
	}
	if api.failures >= failuresInRow {
		most := min(max(now.Sub(api.since)/4, firstPause), mostReach)
		api.until = now.Add(max(pause(api.failures-failuresInRow+1, most), min(asked, mostReach), 3*took))
	}
}

// Left notes that a record that was let through was not tried.
func (r *Reach) Left(name string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.apis.get(name).probing = false
}

// byName holds what is known of each API.
type byName[T any] map[string]*T

// get returns what is known of an API, to be changed.
func (b *byName[T]) get(name string) *T {
	if *b == nil {
		*b = byName[T]{}
	}
	if (*b)[name] == nil {
		(*b)[name] = new(T)
	}
	return (*b)[name]
}

// maxHint is the longest time for which a record is postponed because of an API's pace.
const maxHint = 5 * time.Minute

// Pace gives out turns, so that an API gets no more records than it takes. The zero
// Pace is ready. It is safe for concurrent use.
type Pace struct {
	mutex sync.Mutex
	apis  byName[turns]
}

type turns struct {
	// next is the first free turn; hint is when the next record that gets none may ask again.
	next, hint time.Time
}

// Turn gives the next turn of an API that takes one record each interval, unless that is
// after latest: then ok is false, and wait says when to ask again.
func (p *Pace) Turn(name string, interval time.Duration, now, latest time.Time) (wait time.Duration, ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	api := p.apis.get(name)
	turn := later(api.next, now)
	if !turn.After(latest) {
		api.next = turn.Add(interval)
		return turn.Sub(now), true
	}
	hint := later(api.hint, turn)
	if hint.Sub(now) > maxHint {
		hint = turn
	}
	api.hint = hint.Add(interval)
	return min(hint.Sub(now), maxHint), false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
