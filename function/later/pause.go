package later

import (
	"math/rand/v2"
	"sync"
	"time"
)

// The pauses between tries, and for how long an API that cannot be reached is left alone at most.
const (
	firstPause = 2 * time.Second
	mostPause  = 30 * time.Minute
	mostReach  = 5 * time.Minute
)

// Pause is how long a message waits after a failed try. It was received so often, and is so
// old: twice as long each time, but no more than a quarter of its age, since receipts
// without a try count too, so that what an outage delayed comes soon after its end; and
// less by chance, up to half, so that what failed together does not come again together.
func Pause(receives int, age time.Duration) time.Duration {
	return pause(receives, min(max(age/4, firstPause), mostPause))
}

// LeastPause is how long a message of an age waits at least, tried or not: a queue counts
// its receipts, and takes it away, without a reason, after 1,000.
func LeastPause(age time.Duration) time.Duration { return age / 100 }

func pause(failures int, most time.Duration) time.Duration {
	full := most
	if doublings := max(failures, 1) - 1; doublings < 30 {
		full = min(firstPause<<doublings, most)
	}
	return full - rand.N(full/2) // #nosec G404 -- no secret
}

// failuresInRow is after how many failures in a row an API counts as not reached.
const failuresInRow = 5

// Reach keeps this instance from trying an API that cannot be reached with every record
// that is for it: after some failures in a row it lets one through, a probe, and the
// next after a growing pause. The zero Reach is ready. It is safe for concurrent use.
type Reach struct {
	mutex sync.Mutex
	apis  map[string]*reached
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

// Admit reports whether a record may be tried. If so, one of Reached, Failed and Left is
// to be called; if not, it comes again after the pause, and last is why the API was not reached.
func (r *Reach) Admit(name string, now time.Time) (ok bool, pause time.Duration, last error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	api := r.api(name)
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

// spread makes a pause longer by chance, by up to a second more than half.
func spread(pause time.Duration) time.Duration {
	return pause + rand.N(pause/2+time.Second) // #nosec G404 -- no secret
}

// Reached notes that the API was.
func (r *Reach) Reached(name string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	*r.api(name) = reached{}
}

// Failed notes that it was not, in a try that took so long, and for how long the API asked
// to be left alone; 0 where it did not. Probes of an API that is silent take a quarter of an
// instance's time at most.
func (r *Reach) Failed(name string, now time.Time, why error, took, asked time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	api := r.api(name)
	api.probing, api.last = false, why
	if now.Before(api.until) {
		return // it was under way when the others failed
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
	r.api(name).probing = false
}

func (r *Reach) api(name string) *reached {
	if r.apis == nil {
		r.apis = map[string]*reached{}
	}
	if r.apis[name] == nil {
		r.apis[name] = &reached{}
	}
	return r.apis[name]
}

// maxHint is the longest time for which a record is postponed because of an API's pace.
const maxHint = 5 * time.Minute

// Pace gives out turns, so that an API gets no more records than it takes. The zero
// Pace is ready. It is safe for concurrent use.
type Pace struct {
	mutex sync.Mutex
	apis  map[string]*turns
}

type turns struct {
	// next is the first turn that nobody has; hint is when a record that got none may come again.
	next, hint time.Time
}

// Turn gives the next turn of an API that takes one record each interval, where it is not
// after latest. Else ok is false, and wait says when to ask again.
func (p *Pace) Turn(name string, interval time.Duration, now, latest time.Time) (wait time.Duration, ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.apis == nil {
		p.apis = map[string]*turns{}
	}
	if p.apis[name] == nil {
		p.apis[name] = &turns{}
	}
	api := p.apis[name]
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
