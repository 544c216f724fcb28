package credential_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/fake"
	"keyrelay/function/plan"
)

// An api accepts one token, the last that was handed out unless it was revoked,
// and counts what it does for those who bring it.
type api struct {
	mutex    sync.Mutex
	accepted string
	done     int
	refused  int
}

func (a *api) accept(token string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.accepted = token
}

// do is one unsafe request. It reports whether the token was accepted.
func (a *api) do(token string) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if token != a.accepted {
		a.refused++
		return false
	}
	a.done++
	return true
}

// handOut answers with tokens that the API accepts from then on.
func (a *api) handOut(takes time.Duration) fake.Handler {
	return func(call int, w http.ResponseWriter, r *http.Request) {
		time.Sleep(takes)
		a.accept(fmt.Sprintf("Bearer token-number-%d", call))
		fake.Tokens(3600)(call, w, r)
	}
}

// call is one caller's request with the replay that the relay makes. It reports
// whether the caller got what it wanted.
func (w *world) call(ctx context.Context, a *api, outbound *plan.Plan) bool {
	used, err := w.store.Get(ctx, outbound)
	if err != nil {
		return false
	}
	if a.do(sent(used).Get("Authorization")) {
		return true
	}
	renewed, _ := w.store.Renew(ctx, used)
	return renewed != nil && a.do(sent(renewed).Get("Authorization"))
}

// mustServe has 1,000 callers more than there are, and waits for all.
func (w *world) mustServe(t *testing.T, callers *sync.WaitGroup, a *api, outbound *plan.Plan) {
	for range 1000 {
		callers.Go(func() {
			if !w.call(t.Context(), a, outbound) {
				t.Error("a caller failed")
			}
		})
	}
	callers.Wait()
}

// TestTokenRevoked revokes a token in the middle of 1,000 concurrent callers: one
// retrieval, no failed caller, and each request is done once.
func TestTokenRevoked(t *testing.T) {
	a := &api{}
	w := newWorld(t, map[string]string{"client": client}, a.handOut(0))
	outbound := w.plan(w.oauth())
	const callers = 1000
	var waiting sync.WaitGroup
	var started atomic.Int64
	for range callers {
		waiting.Go(func() {
			if started.Add(1) == callers/2 {
				a.accept("")
			}
			if !w.call(t.Context(), a, outbound) {
				t.Error("a caller failed")
			}
		})
	}
	waiting.Wait()
	if a.done != callers {
		t.Errorf("%d requests were done for %d callers", a.done, callers)
	}
	if calls := w.provider.Calls(); calls > 2 {
		t.Errorf("%d retrievals, the first included", calls)
	}
}

// TestTokenRevokedSlow is the same with an endpoint that takes 2 s, on a clock of its
// own, where every caller has the revoked token, and the first of them is gone
// after 10 ms.
func TestTokenRevokedSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		w := newBubble(map[string]string{"client": client}, a.handOut(2*time.Second))
		outbound := w.plan(w.oauth())
		if !w.call(t.Context(), a, outbound) {
			t.Fatal("the first call failed")
		}
		a.accept("")
		impatient, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer leave()
		var callers sync.WaitGroup
		callers.Go(func() {
			if w.call(impatient, a, outbound) {
				t.Error("the impatient one was served")
			}
		})
		synctest.Wait()
		w.mustServe(t, &callers, a, outbound)
		w.mustHaveRetrieved(t, 2)
		if a.done != 1001 {
			t.Errorf("%d requests were done", a.done)
		}
	})
}

// TestFirstCallerGone is a cold start whose first caller is gone after 10 ms.
func TestFirstCallerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		w := newBubble(map[string]string{"client": client}, a.handOut(2*time.Second))
		outbound := w.plan(w.oauth())
		impatient, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer leave()
		var callers sync.WaitGroup
		callers.Go(func() { w.call(impatient, a, outbound) })
		synctest.Wait()
		w.mustServe(t, &callers, a, outbound)
		w.mustHaveRetrieved(t, 1)
	})
}

// TestLateRefusal does not throw the new token away when the old one is refused late.
func TestLateRefusal(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, fake.Tokens(3600))
	outbound := w.plan(w.oauth())
	first := w.mustAuthorize(t, outbound, "Bearer token-number-1")
	for range 3 {
		if got := sent(renewal(t, w.store, first)).Get("Authorization"); got != "Bearer token-number-2" {
			t.Errorf("renewed to %q", got)
		}
	}
	w.mustAuthorize(t, outbound, "Bearer token-number-2")
	w.mustHaveRetrieved(t, 2)
}

// TestShared gives one token to every operation and placeholder of a scheme.
func TestShared(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, fake.Tokens(3600))
	scheme := w.oauth()
	w.mustAuthorize(t, w.plan(scheme), "Bearer token-number-1")
	w.mustAuthorize(t, w.plan(scheme), "Bearer token-number-1")
	filled := w.plan()
	filled.Fills = []plan.Fill{{Field: "X-Token", Parts: []plan.FillPart{{Scheme: scheme}}}}
	used := mustGet(t, w.store, filled)
	if got := sent(used).Get("X-Token"); got != "Bearer token-number-1" {
		t.Errorf("filled with %q", got)
	}
	if !used.Refused(401, nil, nil) {
		t.Error("a placeholder's credential can be refused too")
	}
	if got := sent(renewal(t, w.store, used)).Get("X-Token"); got != "Bearer token-number-2" {
		t.Errorf("renewed to %q", got)
	}
	w.mustHaveRetrieved(t, 2)
}

// BenchmarkWarm takes a credential at hand and attaches it, a static key and a
// retrieved one in turn, so that both have the same machine. The figure is the
// time of the retrieved one by that of the static one.
func BenchmarkWarm(b *testing.B) {
	w := newWorld(b, map[string]string{"client": client, "key": "a-static-key"}, fake.Tokens(3600))
	static := w.plan(header(managed("key", "")))
	retrieved := w.plan(w.oauth())
	var took [2]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for i, outbound := range [...]*plan.Plan{static, retrieved} {
			start := time.Now()
			for range 100 {
				w.warm(b, outbound)
			}
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "retrieved/static")
}

// warm is this room's part of one warm request.
func (w *world) warm(t testing.TB, outbound *plan.Plan) {
	used, err := w.store.Get(t.Context(), outbound)
	if err != nil {
		t.Fatal(err)
	}
	request := http.Request{URL: outbound.URL, Header: http.Header{"Accept": {"*/*"}}}
	used.Apply(&request)
}
