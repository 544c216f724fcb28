package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"keyrelay/function/gateway"
)

const (
	// leaseTime is how long a turn lasts unless it is prolonged: when its holder is gone, another has it then.
	leaseTime = 15 * time.Second
	// leaseRenewal is how often who has a turn prolongs it.
	leaseRenewal = 5 * time.Second
	// maxSkew is how far the clocks of instances may be apart: a lease that ended longer ago
	// has ended by all of them.
	maxSkew = 5 * time.Minute
	// TurnTime is how long a turn is waited for at most while its holder is gone.
	TurnTime = leaseTime + 3*tableTimeout
	// firstWait and longestWait are how soon those who wait look again.
	firstWait   = 20 * time.Millisecond
	longestWait = 500 * time.Millisecond
)

// ErrFailedElsewhere says that another instance failed to make a value just now.
var ErrFailedElsewhere = errors.New("another instance failed to make the value")

// A Turn is work that one instance does at a time.
type Turn struct {
	// ID names it in the table.
	ID string
	// Use receives the value that another instance made, and reports whether it accepts it.
	// It is nil if there is no value to share, only work that must not run twice at once.
	Use func(value []byte) bool
	// Make makes the value, which is kept until expiry; a zero expiry keeps it as long as
	// it is used.
	Make func(ctx context.Context) (value []byte, expiry time.Time, err error)
	// Concerns reports whether the other instances would get the same error of Make, so
	// that they wait for a while; nil means that no error concerns them.
	Concerns func(error) bool
}

// Share passes the table's value to Use. If Use accepts none, Make makes one while no other
// instance does. unshared says in a word why the table could not be used, so that only this
// instance has the value; it is empty if the table was used. The error is that of Make, a
// *gateway.Refusal with the reason ErrFailedElsewhere, or says that ctx has ended.
func (t *Table) Share(ctx context.Context, turn Turn) (unshared string, err error) {
	s := &sharing{table: t, turn: turn, holder: rand.Text(), worked: Now(), wait: firstWait}
	if err = s.readKey(ctx, nil); err == nil {
		s.there, err = t.read(ctx, turn.ID, s.exclusive())
	}
	for err == nil || s.insists(err) {
		now := Now()
		switch {
		case err != nil:
			err = s.lookAgain(ctx)
		case s.usable(ctx):
			return "", nil
		case now.Before(s.there.failure) && turn.Use != nil:
			return "", &gateway.Refusal{Reason: ErrFailedElsewhere, RetryAfter: int(math.Ceil(s.there.failure.Sub(now).Seconds()))}
		case s.held(now):
			s.worked = now
			err = s.lookAgain(ctx)
		default:
			var taken bool
			before := s.there
			if taken, err = s.take(ctx, now); taken {
				return s.make(ctx)
			}
			if err == nil && s.there.lease.Equal(before.lease) && s.there.version == before.version {
				err = broken // else what kept this one from the lease would be there
			}
		}
	}
	if trouble, ok := errors.AsType[fault](err); ok {
		_, _, err = turn.Make(ctx) // without the other instances
		return trouble.Error(), err
	}
	return "", err
}

// Look passes the table's value to use, and reports whether there is one that use accepts.
func (t *Table) Look(ctx context.Context, id string, use func(value []byte) bool) bool {
	s := &sharing{table: t, turn: Turn{ID: id, Use: use}}
	if s.readKey(ctx, nil) != nil {
		return false
	}
	var err error
	s.there, err = t.read(ctx, id, false)
	return err == nil && s.usable(ctx)
}

// A sharing is one call of Share.
type sharing struct {
	table  *Table
	turn   Turn
	holder string
	key    []byte
	there  item
	// worked is when the table last did all that was asked of it, at first when it was to be
	// asked: one that can be read and not be written does not. wait is how long to wait before
	// it is asked again.
	worked time.Time
	wait   time.Duration
	// watched is another's lease as it was last seen, and since is when it was first.
	watched string
	since   time.Time
	// note is what was wrong though the table can be asked.
	note fault
}

// exclusive reports whether the work must not run twice at once, as the use of a refresh
// token: a provider takes that for theft.
func (s *sharing) exclusive() bool { return s.turn.Use == nil }

// insists reports whether a table that failed is asked again, for as long as a lease lasts: it
// often does so for a moment only, where it is throttled.
func (s *sharing) insists(err error) bool {
	trouble, ok := errors.AsType[fault](err)
	return ok && s.exclusive() && !trouble.lasts() && Now().Sub(s.worked) < leaseTime
}

func (s *sharing) lookAgain(ctx context.Context) error {
	if err := pause(ctx, s.wait); err != nil {
		return err
	}
	s.wait = min(2*s.wait, longestWait)
	there, err := s.table.read(ctx, s.turn.ID, s.exclusive())
	if err == nil {
		s.there = there
	}
	return err
}

// change changes the item as Table.change does.
func (s *sharing) change(ctx context.Context, changed change) (there item, done bool, err error) {
	return s.table.change(ctx, s.turn.ID, s.exclusive(), changed)
}

// held reports whether another instance makes the value. Its clock may be off, and so its
// lease, which is another whenever it is prolonged, has not ended before it has stayed the same
// for as long as one lasts, by the clock here.
func (s *sharing) held(now time.Time) bool {
	if s.there.lease.IsZero() || s.there.holder == s.holder || s.there.lease.Add(maxSkew).Before(now) {
		return false
	}
	if lease := s.there.holder + " until " + s.there.lease.String(); lease != s.watched {
		s.watched, s.since = lease, now
	}
	return now.Sub(s.since) < leaseTime
}

// readKey reads the key that values are sealed with, where there are values.
func (s *sharing) readKey(ctx context.Context, refused []byte) error {
	if s.turn.Use == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	key, err := s.table.config.Key(limited, refused)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return noKey
	case len(key) < MinKey:
		return shortKey
	}
	s.key = key
	return nil
}

// usable opens the value and offers it. One that does not open may be sealed with a key
// that is newer than the one at hand.
func (s *sharing) usable(ctx context.Context) bool {
	if s.turn.Use == nil || s.there.sealed == nil {
		return false
	}
	value, err := open(s.key, s.turn.ID, s.there.sealed)
	if err != nil && s.note == "" {
		s.note = sealed
		if s.readKey(ctx, s.key) == nil {
			value, err = open(s.key, s.turn.ID, s.there.sealed)
		}
	}
	if err != nil {
		return false
	}
	s.note = ""
	return s.turn.Use(value)
}

// take takes the lease if the item is still the one that was read.
func (s *sharing) take(ctx context.Context, now time.Time) (taken bool, err error) {
	taking := change{
		update:    "SET lease = :until, holder = :me, expires = :expires",
		condition: "attribute_not_exists(lease)",
		values:    attributes{":until": milliseconds(now.Add(leaseTime)), ":me": text(s.holder), ":expires": number(now.Add(tryLife).Unix())},
	}
	if !s.there.lease.IsZero() {
		taking.condition = "lease = :ended"
		taking.values[":ended"] = milliseconds(s.there.lease)
	}
	if s.there.version == "" {
		taking.condition += " AND attribute_not_exists(version)"
	} else {
		taking.condition += " AND version = :seen"
		taking.values[":seen"] = text(s.there.version)
	}
	there, taken, err := s.change(ctx, taking)
	if err == nil && !taken {
		s.there = there
		taken = there.holder == s.holder // the answer of an attempt before was lost
	}
	return taken, err
}

func (s *sharing) make(ctx context.Context) (unshared string, err error) {
	value, expiry, err := s.underLease(ctx)
	writeErr := s.finish(context.WithoutCancel(ctx), value, expiry, err)
	if trouble, ok := errors.AsType[fault](writeErr); ok && s.note == "" {
		s.note = trouble
	}
	return s.note.Error(), err
}

func (s *sharing) underLease(ctx context.Context) (value []byte, expiry time.Time, err error) {
	kept, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() { s.prolong(kept) })
	return s.turn.Make(ctx)
}

// prolong keeps the lease until ctx ends. Where it cannot be kept the value is made all
// the same, since its call may be in progress.
func (s *sharing) prolong(ctx context.Context) {
	for pause(ctx, leaseRenewal) == nil {
		_, _, _ = s.change(ctx, change{
			update: "SET lease = :until", condition: "holder = :me",
			values: attributes{":until": milliseconds(Now().Add(leaseTime)), ":me": text(s.holder)},
		})
	}
}

// finish writes the value and gives the lease up, at once, if it is still held.
func (s *sharing) finish(ctx context.Context, value []byte, expiry time.Time, failure error) error {
	now := Now()
	done := change{
		update: "SET version = :me", condition: "holder = :me",
		values: attributes{":me": text(s.holder)},
	}
	remove := " REMOVE lease, holder"
	var content []byte
	if failure == nil && s.turn.Use != nil {
		content = seal(s.key, s.turn.ID, value)
	}
	switch {
	case content != nil:
		done.update += ", sealed = :sealed, expires = :expires"
		remove += ", failure, failures"
		if expiry.IsZero() || expiry.After(now.Add(itemLife)) {
			expiry = now.Add(itemLife)
		}
		done.values[":sealed"], done.values[":expires"] = binary(content), number(expiry.Unix()+1)
	case failure != nil && s.turn.Concerns != nil && s.turn.Concerns(failure):
		done.update += ", failure = :failure, failures = :failures"
		done.values[":failure"] = milliseconds(now.Add(pauseAfter(failure, s.there.failures+1)))
		done.values[":failures"] = number(int64(s.there.failures + 1))
	}
	done.update += remove
	_, _, err := s.change(ctx, done)
	return err
}

// pause waits unless ctx ends; a little less than asked for, so that those who wait do not ask in step.
func pause(ctx context.Context, most time.Duration) error {
	return Sleep(ctx, most-mathrand.N(most/4+1)) // #nosec G404 -- jitter, which nobody gains by guessing
}
