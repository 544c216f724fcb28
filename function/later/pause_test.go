package later_test

import (
	"errors"
	"testing"
	"time"

	"keyrelay/function/later"
)

// TestPause sees that pauses double up to a quarter of a message's age and half an hour, and
// are up to half shorter by chance.
func TestPause(t *testing.T) {
	for _, test := range []struct {
		receives int
		age      time.Duration
		full     time.Duration
	}{
		{0, time.Hour, 2 * time.Second}, {1, time.Hour, 2 * time.Second}, {2, time.Hour, 4 * time.Second}, {9, time.Hour, 512 * time.Second}, {10, time.Hour, 15 * time.Minute},
		{10, 0, 2 * time.Second}, {10, 40 * time.Second, 10 * time.Second}, {11, 24 * time.Hour, 30 * time.Minute}, {1 << 20, 24 * time.Hour, 30 * time.Minute},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			got := later.Pause(test.receives, test.age)
			if seen[got] = true; got > test.full || got < test.full/2 {
				t.Errorf("%+v: the pause is %s", test, got)
			}
		}
		if len(seen) < 50 {
			t.Errorf("%+v: the pauses are much the same: %d of 100 differ", test, len(seen))
		}
	}
}

// TestReceipts sees that no message is received a thousand times within the most hours for
// which a document can have it tried, though its API is never reached or always busy.
func TestReceipts(t *testing.T) {
	for name, next := range map[string]func(int, time.Duration) time.Duration{
		"tried each time": func(receives int, age time.Duration) time.Duration {
			return max(later.Pause(receives, age), later.LeastPause(age))
		},
		"postponed each time": func(_ int, age time.Duration) time.Duration { return max(2*time.Second, later.LeastPause(age)) },
	} {
		receives := 0
		for age := time.Duration(0); age < 312*time.Hour; age += next(receives, age) {
			receives++
		}
		if receives > 990 {
			t.Errorf("%s, it is received %d times", name, receives)
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
