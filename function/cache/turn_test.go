package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

const firstKey, secondKey = "the first key, of 32 bytes and more", "the second key, of 32 bytes and more"

// instance is one that shares a table.
func instance(table http.Handler, keys ...string) *cache.Table {
	return cache.NewTable(cache.TableConfig{
		Name:    "tokens",
		Connect: fake.ConnectTable("http://table.test", fake.Direct{Handler: table}),
		Key: func(_ context.Context, refused []byte) ([]byte, error) {
			if len(keys) == 0 {
				return nil, errors.New("no key")
			}
			if refused != nil && len(keys) > 1 {
				keys = keys[1:]
			}
			return []byte(keys[0]), nil
		},
	})
}

// A maker makes numbered values, each in the time it takes.
type maker struct {
	takes time.Duration
	fails error
	made  atomic.Int64
}

// share shares under an id what the maker makes, and returns what was had.
func (m *maker) share(ctx context.Context, table *cache.Table, id string) (value, unshared string, err error) {
	unshared, err = table.Share(ctx, cache.Turn{
		ID:  id,
		Use: func(found []byte) bool { value = string(found); return true },
		Make: func(context.Context) ([]byte, time.Time, error) {
			number := m.made.Add(1)
			time.Sleep(m.takes)
			value = fmt.Sprintf("value %d", number)
			return []byte(value), cache.Now().Add(time.Hour), m.fails
		},
		Concerns: func(error) bool { return true },
	})
	return value, unshared, err
}

// slow is a table that takes its time for a kind of call.
func slow(table http.Handler, call string, takes time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), call) {
			time.Sleep(takes)
		}
		table.ServeHTTP(w, r)
	})
}

// TestTurns has one instance of many make a value, also where that takes longer than a
// lease lasts, and the others use it.
func TestTurns(t *testing.T) {
	for _, takes := range []time.Duration{0, time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			table, m := fake.NewTable(), maker{takes: takes}
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					value, unshared, err := m.share(t.Context(), instance(slow(table, "", 10*time.Millisecond), firstKey), "id")
					if value != "value 1" || unshared != "" || err != nil {
						t.Errorf("a value that takes %s: %q, %q, %v", takes, value, unshared, err)
					}
				})
			}
			group.Wait()
			if made := m.made.Load(); made != 1 {
				t.Errorf("a value that takes %s was made %d times", takes, made)
			}
		})
	}
}

// TestTurnTooLate uses what another instance made between the look at the table and the
// turn, in the place of nothing and of a value that will not do any more.
func TestTurnTooLate(t *testing.T) {
	for _, before := range []string{"", "old"} {
		synctest.Test(t, func(t *testing.T) {
			table := fake.NewTable()
			share := func(through http.Handler, made string) (value string) {
				_, _ = instance(through, firstKey).Share(t.Context(), cache.Turn{
					ID:   "id",
					Use:  func(found []byte) bool { value = string(found); return value != "old" },
					Make: func(context.Context) ([]byte, time.Time, error) { value = made; return []byte(made), time.Time{}, nil },
				})
				return value
			}
			if before != "" {
				share(table, before)
			}
			var group sync.WaitGroup
			group.Go(func() {
				if got := share(slow(table, "UpdateItem", 100*time.Millisecond), "late"); got != "early" {
					t.Errorf("got %q after %q", got, before)
				}
			})
			time.Sleep(50 * time.Millisecond)
			share(table, "early")
			group.Wait()
		})
	}
}

// TestTurnOfTheGone takes the turn of a holder that is gone once its lease has ended, and not before.
func TestTurnOfTheGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, m, start := fake.NewTable(), maker{}, cache.Now()
		table.Put("id", fake.Item{"id": {"S": "id"}, "holder": {"S": "gone"}, "lease": {"N": strconv.FormatInt(start.Add(15*time.Second).UnixMilli(), 10)}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if value, _, err := m.share(ctx, instance(table, firstKey), "id"); value != "value 1" || err != nil {
					t.Errorf("%q, %v", value, err)
				}
				if waited := cache.Now().Sub(start); waited < 15*time.Second || waited > cache.TurnTime {
					t.Errorf("waited %s", waited)
				}
			})
		}
		group.Wait()
		if made := m.made.Load(); made != 1 {
			t.Errorf("made %d times", made)
		}
	})
}

// TestLostTurn keeps what the next holder wrote when one comes back whose lease has ended.
func TestLostTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := fake.NewTable()
		unshared, err := instance(table, firstKey).Share(t.Context(), cache.Turn{
			ID: "id", Use: func([]byte) bool { return false },
			Make: func(context.Context) ([]byte, time.Time, error) {
				table.Put("id", fake.Item{"id": {"S": "id"}, "version": {"S": "another's"}})
				return []byte("late"), time.Time{}, nil
			},
		})
		if item := table.Items()["id"]; unshared != "" || err != nil || item["version"]["S"] != "another's" || item["sealed"] != nil {
			t.Errorf("%q, %v, %v", unshared, err, item)
		}
	})
}

// TestFailedElsewhere has nobody try again what another instance failed at, for a while
// that grows with each failure, or for as long as the failure says.
func TestFailedElsewhere(t *testing.T) {
	down := errors.New("down")
	for _, test := range []struct {
		failure error
		// tries is how many there are in 10 minutes.
		least, most int64
	}{
		{down, 20, 50},
		{&gateway.Refusal{Reason: down, RetryAfter: 100}, 6, 7},
	} {
		synctest.Test(t, func(t *testing.T) {
			table, m := fake.NewTable(), maker{fails: test.failure, takes: time.Second}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for ctx.Err() == nil {
						_, _, err := m.share(ctx, instance(table, firstKey), "id")
						var refusal *gateway.Refusal
						if elsewhere := errors.Is(err, cache.ErrFailedElsewhere); !elsewhere && !errors.Is(err, down) && ctx.Err() == nil {
							t.Errorf("got %v", err)
						} else if errors.As(err, &refusal) && elsewhere && (refusal.RetryAfter < 1 || refusal.RetryAfter > 100) {
							t.Errorf("try again after %d s", refusal.RetryAfter)
						}
						time.Sleep(time.Second)
					}
				})
			}
			group.Wait()
			if made := m.made.Load(); made < test.least || made > test.most {
				t.Errorf("%d tries in 10 minutes", made)
			}
			m.fails = nil
			time.Sleep(2 * time.Minute)
			if _, _, err := m.share(t.Context(), instance(table, firstKey), "id"); err != nil {
				t.Errorf("fixed: %v", err)
			}
			if item := table.Items()["id"]; item["failures"] != nil || item["sealed"] == nil {
				t.Errorf("a success leaves %v", item)
			}
		})
	}
}

// TestTableFails makes the value for this instance alone where the table is of no use,
// in a second at most, and leaves the table alone for a while.
func TestTableFails(t *testing.T) {
	for _, test := range []struct {
		name string
		fail http.HandlerFunc
		told string
	}{
		{"access denied", fake.Fault("AccessDeniedException", http.StatusBadRequest), "AccessDeniedException"},
		{"no such table", fake.Fault("ResourceNotFoundException", http.StatusBadRequest), "ResourceNotFoundException"},
		{"throttled", fake.Fault("ProvisionedThroughputExceededException", http.StatusBadRequest), "ProvisionedThroughputExceededException"},
		{"a code that is none", fake.Fault("canary of aws", http.StatusBadRequest), "unreachable"},
		{"fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "UnknownError"},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "unreachable"},
		{"has no end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"Item": {"id": {"S": "` + strings.Repeat("x", 2<<20) + `"}}}`)) // more than is read
		}, "unreachable"},
		{"babbles", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "unreachable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				endpoint, m := fake.NewTable(), maker{}
				endpoint.Fail(test.fail)
				table, start := instance(endpoint, firstKey), cache.Now()
				value, unshared, err := m.share(t.Context(), table, "id")
				if took := cache.Now().Sub(start); value != "value 1" || unshared != test.told || err != nil || took > time.Second {
					t.Errorf("%q, %q, %v in %s", value, unshared, err, took)
				}
				endpoint.TakeCalls()
				endpoint.Fail(nil)
				time.Sleep(9 * time.Second)
				if value, unshared, err := m.share(t.Context(), table, "id"); value != "value 2" || unshared != test.told || err != nil || endpoint.TakeCalls() != 0 {
					t.Errorf("within the pause: %q, %q, %v", value, unshared, err)
				}
				time.Sleep(time.Second)
				for _, want := range []string{"value 3", "value 3"} {
					if value, unshared, err := m.share(t.Context(), table, "id"); value != want || unshared != "" || err != nil {
						t.Errorf("after the pause: %q, %q, %v", value, unshared, err)
					}
				}
			})
		})
	}
}

// TestTableFailsMeanwhile loses neither the value nor the wait where the table fails once a turn has begun.
func TestTableFailsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, m := fake.NewTable(), maker{takes: 3 * time.Second}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if value, unshared, err := m.share(t.Context(), instance(table, firstKey), "id"); value == "" || unshared != "InternalServerError" || err != nil {
					t.Errorf("%q, %q, %v", value, unshared, err)
				}
			})
		}
		time.Sleep(time.Second)
		table.Fail(fake.Fault("InternalServerError", http.StatusInternalServerError))
		group.Wait()
	})
}

// TestEndedWait ends with its context, at which neither the table nor a value is to blame.
func TestEndedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, m := fake.NewTable(), maker{takes: time.Minute}
		go func() { _, _, _ = m.share(t.Context(), instance(table, firstKey), "id") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, unshared, err := m.share(ctx, instance(table, firstKey), "id"); unshared != "" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", unshared, err)
		}
		time.Sleep(time.Minute)
	})
}

// TestAlone does what must not be done twice at once, though there is nothing to share.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := fake.NewTable()
		var group sync.WaitGroup
		var underWay, done atomic.Int64
		for range 8 {
			group.Go(func() {
				unshared, err := instance(table).Share(t.Context(), cache.Turn{ID: "id", Make: func(context.Context) ([]byte, time.Time, error) {
					if underWay.Add(1) > 1 {
						t.Error("two at once")
					}
					time.Sleep(time.Second)
					underWay.Add(-1)
					done.Add(1)
					return nil, time.Time{}, errors.New("of no concern to the others")
				}})
				if unshared != "" || err == nil {
					t.Errorf("%q, %v", unshared, err)
				}
			})
		}
		group.Wait()
		if done.Load() != 8 {
			t.Errorf("done %d times", done.Load())
		}
	})
}

// TestItem has the attributes that the table's time to live and an operator go by.
func TestItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, m := fake.NewTable(), maker{}
		_, _, _ = m.share(t.Context(), instance(table, firstKey), "id")
		item := table.Items()["id"]
		if expires := strconv.FormatInt(cache.Now().Add(time.Hour).Unix()+1, 10); item["expires"]["N"] != expires || len(item) != 4 || item["lease"] != nil {
			t.Errorf("the item is %v", item)
		}
		_, _ = instance(table, firstKey).Share(t.Context(), cache.Turn{ID: "for ever", Use: func([]byte) bool { return false },
			Make: func(context.Context) ([]byte, time.Time, error) { return []byte("x"), time.Time{}, nil }})
		if expires := strconv.FormatInt(cache.Now().Add(30*24*time.Hour).Unix()+1, 10); table.Items()["for ever"]["expires"]["N"] != expires {
			t.Errorf("the item is %v", table.Items()["for ever"])
		}
		_, _ = instance(table, firstKey).Share(t.Context(), cache.Turn{ID: "large", Use: func([]byte) bool { return false },
			Make: func(context.Context) ([]byte, time.Time, error) { return make([]byte, 400<<10), time.Time{}, nil }})
		if item := table.Items()["large"]; item["sealed"] != nil || item["lease"] != nil {
			t.Errorf("what no item can hold leaves %v", item)
		}
	})
}
