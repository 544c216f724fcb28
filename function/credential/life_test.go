package credential_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/fake"
	"keyrelay/function/plan"
	"keyrelay/function/secret"
)

// inBubble runs a test on a clock of its own, with a store that keeps secrets for
// 5 min, and up to 1 h while they cannot be read.
func inBubble(t *testing.T, run func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan)) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.NewSecrets(map[string]string{"keyrelay/it": "first-key"})
		store := newStore(secret.Config{SecretsManager: e.Client, MaxAge: time.Hour})
		run(t, e, store, planWith(header(managed("keyrelay/it", ""))))
	})
}

func mustSend(t *testing.T, store *credential.Store, outbound *plan.Plan, want string) *credential.Credential {
	t.Helper()
	used := mustGet(t, store, outbound)
	if got := keyIn(used); got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	return used
}

// TestTimeToLive reads a secret once in 5 min, and sees a rotation then.
func TestTimeToLive(t *testing.T) {
	inBubble(t, func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan) {
		if used := mustSend(t, store, outbound, "first-key"); used.Stats.Cached {
			t.Error("the first one was not waited for")
		}
		e.Put("keyrelay/it", "second-key")
		time.Sleep(5*time.Minute - time.Nanosecond)
		if used := mustSend(t, store, outbound, "first-key"); !used.Stats.Cached || used.Stats.Wait != 0 {
			t.Errorf("a cached one was waited for: %+v", used.Stats)
		}
		mustHaveCalls(t, e, 1)
		time.Sleep(time.Nanosecond)
		mustSend(t, store, outbound, "second-key")
		mustHaveCalls(t, e, 1)
	})
}

// TestStale serves the old value while no other can be read, says so, and stops
// at the hard age.
func TestStale(t *testing.T) {
	inBubble(t, func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan) {
		mustSend(t, store, outbound, "first-key")
		e.Fail(denied())
		time.Sleep(5 * time.Minute)
		for range 3 {
			used := mustSend(t, store, outbound, "first-key")
			if !slices.Equal(used.Stats.Stale, []string{"partnerKey"}) {
				t.Errorf("stale: %v", used.Stats.Stale)
			}
		}
		time.Sleep(55*time.Minute - time.Nanosecond)
		mustSend(t, store, outbound, "first-key")
		time.Sleep(time.Minute)
		mustRefuse(t, store, outbound.Operation.Security[0].Scheme, "GetSecretValue")
		e.Fail(nil)
		time.Sleep(30 * time.Second)
		if used := mustSend(t, store, outbound, "first-key"); used.Stats.Stale != nil {
			t.Errorf("stale: %v", used.Stats.Stale)
		}
	})
}

// TestNoStale is for a Config whose MaxAge is zero.
func TestNoStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.NewSecrets(map[string]string{"keyrelay/it": "first-key"})
		store := newStore(secret.Config{SecretsManager: e.Client, TTL: time.Minute})
		outbound := planWith(header(managed("keyrelay/it", "")))
		mustSend(t, store, outbound, "first-key")
		e.Fail(denied())
		time.Sleep(time.Minute)
		mustRefuse(t, store, outbound.Operation.Security[0].Scheme, "GetSecretValue")
	})
}

// TestBackOff asks a failing Secrets Manager ever more rarely, and at least once in 30 s.
func TestBackOff(t *testing.T) {
	inBubble(t, func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan) {
		e.Fail(denied())
		var pauses []time.Duration
		last := time.Now()
		for len(pauses) < 8 {
			if _, err := store.Get(t.Context(), outbound); err == nil {
				t.Fatal("it works")
			}
			if e.TakeCalls() > 0 {
				pauses = append(pauses, time.Since(last))
				last = time.Now()
			}
			time.Sleep(10 * time.Millisecond)
		}
		for i, most := range []time.Duration{0, 2, 4, 8, 16, 30, 30, 30} {
			most *= time.Second
			if pause := pauses[i]; pause < most/2 || pause > most+10*time.Millisecond {
				t.Errorf("pause %d took %v, want %v to %v", i, pause, most/2, most)
			}
		}
		e.Fail(nil)
		time.Sleep(30 * time.Second)
		mustSend(t, store, outbound, "first-key")
	})
}

// TestCallerLeaves shows that a caller who leaves ends nobody's wait but its own,
// and that this is no failure to remember.
func TestCallerLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan) {
		e.Fail(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Second)
			fake.AWSAnswer(w, http.StatusOK, map[string]string{"SecretString": "first-key"})
		})
		ctx, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer leave()
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				time.Sleep(5 * time.Millisecond)
				mustSend(t, store, outbound, "first-key")
			})
		}
		start := time.Now()
		_, err := store.Get(ctx, outbound)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, secret.ErrUnavailable) || time.Since(start) != 10*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		callers.Wait()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the others waited %v", took)
		}
		mustHaveCalls(t, e, 1)
	})
}

// TestRenew reads a refused secret again past the cache, once in 10 s.
func TestRenew(t *testing.T) {
	inBubble(t, func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan) {
		first := mustSend(t, store, outbound, "first-key")
		if renewed := renewal(t, store, first); renewed != nil {
			t.Errorf("the same secret made another credential: %q", keyIn(renewed))
		}
		mustHaveCalls(t, e, 2)
		e.Put("keyrelay/it", "second-key")
		time.Sleep(10*time.Second - time.Nanosecond)
		if renewal(t, store, first) != nil {
			t.Error("it was read twice within 10 s")
		}
		mustHaveCalls(t, e, 0)
		time.Sleep(time.Nanosecond)
		second := renewal(t, store, first)
		if second == nil || keyIn(second) != "second-key" {
			t.Fatal("no second key")
		}
		if late := renewal(t, store, first); late == nil || keyIn(late) != "second-key" {
			t.Error("a late refusal of the first key did not give the second")
		}
		mustSend(t, store, outbound, "second-key")
		mustHaveCalls(t, e, 1)
	})
}

// TestRenewFails keeps a refused secret where no other can be read: what refused
// it may be wrong.
func TestRenewFails(t *testing.T) {
	inBubble(t, func(t *testing.T, e *fake.Secrets, store *credential.Store, outbound *plan.Plan) {
		first := mustSend(t, store, outbound, "first-key")
		e.Fail(denied())
		if renewal(t, store, first) != nil {
			t.Error("a credential came of a failure")
		}
		mustSend(t, store, outbound, "first-key")
		mustHaveCalls(t, e, 2)
	})
}

// TestRotation rotates a secret under load that refuses the old key at once: each
// refused caller gets the new one, and the secret is read again once.
func TestRotation(t *testing.T) {
	e := fake.NewSecrets(map[string]string{"keyrelay/it": `{"key": "first-key"}`})
	store := storeOn(t, e)
	outbound := planWith(header(managed("keyrelay/it", "/key")))
	mustSend(t, store, outbound, "first-key")
	e.Put("keyrelay/it", `{"key": "second-key"}`)
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() {
			used, err := store.Get(t.Context(), outbound)
			if err != nil {
				t.Error(err)
				return
			}
			if keyIn(used) == "first-key" {
				used = renewal(t, store, used)
			}
			if used == nil || keyIn(used) != "second-key" {
				t.Error("a caller was left without the new key")
			}
		})
	}
	callers.Wait()
	mustHaveCalls(t, e, 2)
}

// denied answers without retries of the SDK.
func denied() http.HandlerFunc { return fake.Fault("AccessDeniedException", http.StatusBadRequest) }

func mustHaveCalls(t *testing.T, e *fake.Secrets, want int) {
	t.Helper()
	if got := e.TakeCalls(); got != want {
		t.Errorf("%d calls, want %d", got, want)
	}
}
