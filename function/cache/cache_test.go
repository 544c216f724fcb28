package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/gateway"
)

// counted is a cache whose values are the numbers of their fetches, good for a minute.
func counted(fail *error) (*cache.Cache[string, int], *int) {
	calls := new(int)
	return &cache.Cache[string, int]{
		Fetch: func(_ context.Context, _ string, _ int) (int, cache.Life, error) {
			*calls++
			until := cache.Now().Add(time.Minute)
			return *calls, cache.Life{Refresh: until, Expiry: until.Add(time.Minute)}, *fail
		},
		Timeout:  func(string) time.Duration { return time.Second },
		OnCancel: func(_ string, cause error) error { return cause },
	}, calls
}

// TestBackOffCap asks a source that goes on failing once in 30 s at the least, however
// the jitter falls.
func TestBackOffCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := error(&gateway.Refusal{Reason: errors.New("down"), Detail: "It is down."})
		kept, calls := counted(&down)
		before, last := 0, time.Now()
		for *calls < 200 {
			_, _ = kept.Get(t.Context(), "key")
			if pause := time.Since(last); *calls > before {
				if pause > 30*time.Second {
					t.Errorf("fetch %d came after %v", *calls, pause)
				}
				before, last = *calls, time.Now()
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// TestRetryAfter keeps to the pause that a refusal asks for, and tells what is left of it.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := error(&gateway.Refusal{Reason: errors.New("busy"), RetryAfter: 300})
		kept, calls := counted(&busy)
		_, _ = kept.Get(t.Context(), "key")
		time.Sleep(100 * time.Second)
		_, err := kept.Get(t.Context(), "key")
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || refusal.RetryAfter != 200 || *calls != 1 {
			t.Errorf("after %d fetches: %v", *calls, err)
		}
	})
}

// TestRetryAfterPasses fetches again as soon as the time is over that was asked for, and
// no sooner, however often it failed before.
func TestRetryAfterPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := error(&gateway.Refusal{Reason: errors.New("busy"), RetryAfter: 2})
		kept, calls := counted(&busy)
		for round := 1; round <= 10; round++ {
			_, _ = kept.Get(t.Context(), "key")
			time.Sleep(2*time.Second - time.Nanosecond)
			if _, err := kept.Get(t.Context(), "key"); err == nil || *calls != round {
				t.Errorf("round %d: %d fetches, %v", round, *calls, err)
			}
			time.Sleep(time.Nanosecond)
		}
		busy = nil
		if got, err := kept.Get(t.Context(), "key"); err != nil || got.Value != 11 {
			t.Errorf("got %v, %v", got.Value, err)
		}
	})
}

// TestForgetFailures fetches again at once where failures are not to be kept.
func TestForgetFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		kept, calls := counted(&down)
		kept.ForgetFailures = true
		if _, err := kept.Get(t.Context(), "key"); !errors.Is(err, down) {
			t.Fatal(err)
		}
		down = nil
		if got, err := kept.Get(t.Context(), "key"); err != nil || got.Value != 2 || *calls != 2 {
			t.Errorf("got %v, %v", got.Value, err)
		}
	})
}

// TestLimit keeps the latest keys, and no more than twice as many as it must.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := error(nil)
		kept, calls := counted(&none)
		kept.Limit = 2
		for _, key := range []string{"a", "b", "c", "b", "c", "a"} {
			_, _ = kept.Get(t.Context(), key)
		}
		if *calls != 3 {
			t.Errorf("%d fetches for three keys, two of them the latest", *calls)
		}
		for _, key := range []string{"d", "e", "a"} {
			_, _ = kept.Get(t.Context(), key)
		}
		if *calls != 6 {
			t.Errorf("%d fetches: the first key was kept too long", *calls)
		}
	})
}

// TestFresh tells a value that is still the one to use from one that was replaced or is past its time.
func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := error(nil)
		kept, _ := counted(&none)
		first, _ := kept.Get(t.Context(), "key")
		if !first.Fresh(cache.Now()) || first.Fresh(cache.Now().Add(time.Minute)) {
			t.Error("wrong about its time")
		}
		if second, err := kept.Renew(t.Context(), "key", first.Value); err != nil || first.Fresh(cache.Now()) || !second.Fresh(cache.Now()) {
			t.Error("wrong about its successor")
		}
	})
}

// TestOneFetch gives the callers of one key one value, and those of another key theirs.
func TestOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := error(nil)
		kept, calls := counted(&none)
		slow := kept.Fetch
		kept.Fetch = func(ctx context.Context, key string, previous int) (int, cache.Life, error) {
			time.Sleep(500 * time.Millisecond)
			return slow(ctx, key, previous)
		}
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if got, err := kept.Get(t.Context(), "key"); err != nil || got.Value != 1 || !got.Waited {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
		callers.Wait()
		if _, _ = kept.Get(t.Context(), "other"); *calls != 2 {
			t.Errorf("%d fetches", *calls)
		}
	})
}

// TestPanic makes an error of a panic, which would end the process on that goroutine.
func TestPanic(t *testing.T) {
	none := error(nil)
	kept, _ := counted(&none)
	kept.Fetch = func(context.Context, string, int) (int, cache.Life, error) { panic("out of order") }
	_, err := kept.Get(t.Context(), "key")
	var panicked *cache.Panic
	if !errors.As(err, &panicked) || len(panicked.Stack) == 0 {
		t.Errorf("got %v", err)
	}
}

// TestEnd serves a value past its time while no other can be had, but not past its end.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := error(nil)
		kept, _ := counted(&fail)
		_, _ = kept.Get(t.Context(), "key")
		fail = errors.New("down")
		time.Sleep(90 * time.Second)
		if got, err := kept.Get(t.Context(), "key"); err != nil || got.Value != 1 || !got.Stale || !errors.Is(got.Failure, fail) {
			t.Errorf("past its time: %+v, %v", got, err)
		}
		time.Sleep(31 * time.Second)
		if got, err := kept.Get(t.Context(), "key"); !errors.Is(err, fail) {
			t.Errorf("past its end: %+v, %v", got, err)
		}
	})
}

// TestFill fetches before anybody asks, on the caller's own context, and neither tells
// nor remembers that it failed.
func TestFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		kept, calls := counted(&down)
		if kept.Fill(t.Context(), "key", kept.Fetch) {
			t.Error("a failure counts as a value")
		}
		down = nil
		if got, err := kept.Get(t.Context(), "key"); err != nil || got.Value != 2 || !got.Waited {
			t.Errorf("after a failure: %v, %v", got.Value, err)
		}
		for range 2 {
			if !kept.Fill(t.Context(), "other", kept.Fetch) || *calls != 3 {
				t.Errorf("%d fetches", *calls)
			}
		}
		if got, err := kept.Get(t.Context(), "other"); err != nil || got.Value != 3 || got.Waited {
			t.Errorf("what was fetched before is waited for: %v, %v", got.Value, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		kept.Fetch = func(ctx context.Context, _ string, _ int) (int, cache.Life, error) {
			<-ctx.Done()
			return 0, cache.Life{}, ctx.Err()
		}
		go cancel()
		if kept.Fill(ended, "slow", kept.Fetch) {
			t.Error("it does not end with its context")
		}
	})
}
