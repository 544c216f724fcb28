package cache_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/fake"
)

// use does on a table what must not run twice at once, for a second, and says how long it waited.
func use(ctx context.Context, t *testing.T, table *cache.Table, running *atomic.Int64) (unshared string, waited time.Duration) {
	start := cache.Now()
	unshared, err := table.Share(ctx, cache.Turn{ID: "refresh", Make: func(context.Context) ([]byte, time.Time, error) {
		waited = cache.Now().Sub(start)
		if running.Add(1) > 1 {
			t.Error("it runs twice at once")
		}
		time.Sleep(time.Second)
		running.Add(-1)
		return nil, time.Time{}, nil
	}})
	if err != nil {
		t.Error(err)
	}
	return unshared, waited
}

// TestInsists has what must not run twice at once wait for a table that fails for a while,
// for all instances.
func TestInsists(t *testing.T) {
	for _, code := range []string{"ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError"} {
		synctest.Test(t, func(t *testing.T) {
			table, running := fake.NewTable(), atomic.Int64{}
			table.Fail(fake.Fault(code, http.StatusBadRequest))
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					if unshared, waited := use(t.Context(), t, instance(table, firstKey), &running); unshared != "" || waited < 10*time.Second {
						t.Errorf("%s: %q after %s", code, unshared, waited)
					}
				})
			}
			time.Sleep(10 * time.Second)
			table.Fail(nil)
			group.Wait()
		})
	}
}

// TestInsistsSoon has it go on soon after the table does, though the table is left alone by all else.
func TestInsistsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, running := fake.NewTable(), atomic.Int64{}
		table.Fail(fake.Fault("ThrottlingException", http.StatusBadRequest))
		time.AfterFunc(2*time.Second, func() { table.Fail(nil) })
		if unshared, waited := use(t.Context(), t, instance(table, firstKey), &running); unshared != "" || waited > 8*time.Second {
			t.Errorf("%q after %s", unshared, waited)
		}
	})
}

// TestInsistsNoLonger does it without a table that fails on, or that will not work before
// somebody changes something.
func TestInsistsNoLonger(t *testing.T) {
	for code, most := range map[string]time.Duration{"InternalServerError": 18 * time.Second, "AccessDeniedException": 0, "ResourceNotFoundException": 0} {
		synctest.Test(t, func(t *testing.T) {
			table, running := fake.NewTable(), atomic.Int64{}
			table.Fail(fake.Fault(code, http.StatusBadRequest))
			if unshared, waited := use(t.Context(), t, instance(table, firstKey), &running); unshared != code || waited > most || waited < most-4*time.Second {
				t.Errorf("%s: %q after %s", code, unshared, waited)
			}
		})
	}
}

// TestInsistsOnWrites does so too for a table that can be read and not be written.
func TestInsistsOnWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, running, throttled := fake.NewTable(), atomic.Int64{}, "ProvisionedThroughputExceededException"
		half := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.UpdateItem" {
				fake.Fault(throttled, http.StatusBadRequest)(w, r)
				return
			}
			table.ServeHTTP(w, r)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if unshared, waited := use(ctx, t, instance(half, firstKey), &running); unshared != throttled || waited < 14*time.Second || waited > 18*time.Second {
			t.Errorf("%q after %s", unshared, waited)
		}
	})
}
