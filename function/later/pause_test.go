package later_test

import (
	"errors"
	"testing"
	"time"

	"keyrelay/function/later"
)

// TestPause sees that pauses double up to half an hour, and are up to half shorter by chance.
func TestPause(t *testing.T) {
	for tries, full := range map[int]time.Duration{0: 2 * time.Second, 1: 2 * time.Second, 2: 4 * time.Second, 10: 1024 * time.Second, 11: 30 * time.Minute, 1 << 20: 30 * time.Minute} {
		seen := map[time.Duration]bool{}
		for range 100 {
			got := later.Pause(tries)
			if seen[got] = true; got > full || got < full/2 {
				t.Errorf("after %d tries the pause is %s", tries, got)
			}
		}
		if len(seen) < 50 {
			t.Errorf("after %d tries the pauses are much the same: %d of 100 differ", tries, len(seen))
		}
	}
}

// TestReach sees when an API is left alone, by how many records it is tried then, and that
// pauses grow to five minutes and end when it is reached.
func TestReach(t *testing.T) {
	var reach later.Reach
	now, why := time.Now(), errors.New("no answer")
	admit := func(name string) (bool, time.Duration) {
		ok, pause, _ := reach.Admit(name, now)
		return ok, pause
	}
	for range 4 {
		reach.Failed("api", now, why, 0, 0)
	}
	if ok, _ := admit("api"); !ok {
		t.Fatal("it is left alone after four failures")
	}
	reach.Reached("api")
	for range 5 {
		if ok, _ := admit("api"); !ok {
			t.Fatal("it is left alone too soon")
		}
		reach.Failed("api", now, why, 0, 0)
	}
	ok, pause, last := reach.Admit("api", now)
	if ok || pause < time.Second || pause > 4*time.Second || !errors.Is(last, why) {
		t.Errorf("%v %s %v", ok, pause, last)
	}
	if ok, _ := admit("other"); !ok {
		t.Error("another API is left alone")
	}
	reach.Failed("api", now, why, 0, 0) // one that was under way
	for round, most := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
		now = now.Add(most)
		if ok, _ := admit("api"); !ok {
			t.Fatalf("there is no probe in round %d", round)
		}
		if ok, pause := admit("api"); ok || pause < time.Second {
			t.Fatalf("there are two probes in round %d", round)
		}
		reach.Left("api") // it was not sent after all
		if ok, _ := admit("api"); !ok {
			t.Fatalf("nobody probes in round %d", round)
		}
		reach.Failed("api", now, why, 0, 0)
		if ok, _ := admit("api"); ok {
			t.Fatalf("it is not left alone in round %d", round)
		}
	}
	reach.Failed("busy", now, why, 0, time.Hour)
	for range 4 {
		reach.Failed("busy", now, why, 0, time.Minute)
	}
	if ok, pause := admit("busy"); ok || pause < time.Minute || pause > 2*time.Minute {
		t.Errorf("%v %s", ok, pause)
	}
	for range 5 {
		reach.Failed("silent", now, why, 25*time.Second, 0)
	}
	if ok, pause := admit("silent"); ok || pause < 75*time.Second {
		t.Errorf("%v %s", ok, pause)
	}
	for range 20 {
		now = now.Add(5 * time.Minute)
		if ok, _ := admit("api"); !ok {
			t.Fatal("it is left alone for more than five minutes")
		}
		reach.Failed("api", now, why, 0, 0)
	}
	now = now.Add(5 * time.Minute)
	admit("api")
	reach.Reached("api")
	for range 10 {
		if ok, _ := admit("api"); !ok {
			t.Error("it is left alone though it was reached")
		}
	}
}

// TestPace measures a rate by a clock of its own: a thousand records, some of which come
// again when they are told to, take as long as their API says, and none starves.
func TestPace(t *testing.T) {
	var pace later.Pace
	const records, interval, patience = 1000, 100 * time.Millisecond, time.Second
	start := time.Now()
	due := map[int]time.Time{}
	for record := range records {
		due[record] = start
	}
	sent := []time.Time{}
	asked := 0
	for now := start; len(due) > 0; now = now.Add(interval) {
		for record, at := range due {
			if at.After(now) {
				continue
			}
			asked++
			wait, ok := pace.Turn("api", interval, now, now.Add(patience))
			if !ok {
				due[record] = now.Add(wait)
				continue
			}
			sent = append(sent, now.Add(wait))
			delete(due, record)
		}
	}
	for i := range sent[1:] {
		if apart := sent[i+1].Sub(sent[i]); apart < interval {
			t.Fatalf("record %d was sent %s after the one before it", i+1, apart)
		}
	}
	took := sent[len(sent)-1].Sub(start)
	if least := (records - 1) * interval; took < least || took > least*11/10 {
		t.Errorf("%d records took %s, not %s", records, took, least)
	}
	if asked > 3*records {
		t.Errorf("they asked %d times for a turn", asked)
	}
	if _, ok := pace.Turn("other", interval, start, start); !ok {
		t.Error("another API has to wait")
	}
}
