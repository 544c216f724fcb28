package credential_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
	"keyrelay/function/upstream"
)

// An expiryCase is an answer and how long the token in it is used.
type expiryCase struct {
	name     string
	body     string
	lifetime *time.Duration
	pointer  rawjson.Pointer
	want     time.Duration
}

// never is how long until a token is refreshed that does not expire.
const never = time.Duration(0)

func expiryCases() []expiryCase {
	jwt := func(exp int64) string {
		return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp": %d}`, exp)) + ".c2lnbmF0dXJl"
	}
	seconds := func(n int) *time.Duration {
		lifetime := time.Duration(n) * time.Second
		return &lifetime
	}
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() // of every bubble
	return []expiryCase{
		{"seconds", `{"access_token": "a", "expires_in": 3600}`, nil, "", 59 * time.Minute},
		{"seconds as a text", `{"access_token": "a", "expires_in": "3600"}`, nil, "", 59 * time.Minute},
		{"few seconds", `{"access_token": "a", "expires_in": 100}`, nil, "", 90 * time.Second},
		{"parts of seconds", `{"access_token": "a", "expires_in": 1.5}`, nil, "", 1350 * time.Millisecond},
		{"another spelling", `{"accessToken": "a", "expiresIn": 100}`, nil, "", 90 * time.Second},
		{"at a pointer", `{"access_token": "a", "expires_in": "soon", "meta": {"ttl": 100}}`, nil, "/meta/ttl", 90 * time.Second},
		{"nothing at the pointer", `{"access_token": "a", "expires_in": 100}`, nil, "/meta/ttl", never},
		{"zero", `{"access_token": "a", "expires_in": 0}`, nil, "", never},
		{"null", `{"access_token": "a", "expires_in": null}`, nil, "", never},
		{"nothing", `{"access_token": "a"}`, nil, "", never},
		{"more than a lifetime", `{"access_token": "a", "expires_in": 1e300}`, nil, "", never},
		{"the document's lifetime", `{"access_token": "a"}`, seconds(100), "", 90 * time.Second},
		{"the document's lifetime is shorter", `{"access_token": "a", "expires_in": 3600}`, seconds(100), "", 90 * time.Second},
		{"the document's lifetime is longer", `{"access_token": "a", "expires_in": 100}`, seconds(3600), "", 90 * time.Second},
		{"the exp of a JWT", `{"access_token": "` + jwt(start+100) + `"}`, nil, "", 90 * time.Second},
		{"expires_in before the exp of a JWT", `{"access_token": "` + jwt(start+3600) + `", "expires_in": 100}`, nil, "", 90 * time.Second},
		{"a JWT without exp", `{"access_token": "e30.e30.c2ln"}`, nil, "", never},
		{"no JWT", `{"access_token": "a.!.c"}`, nil, "", never},
		{"a JWT with an exp beyond all time", `{"access_token": "` + base64.RawURLEncoding.EncodeToString([]byte("{}")) + `.eyJleHAiOjFlMzAwfQ.c"}`, nil, "", never},
	}
}

// TestExpiry refreshes a token min(60 s, 10 % of its life) early, wherever its
// life is given.
func TestExpiry(t *testing.T) {
	for _, test := range expiryCases() {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(map[string]string{"client": client}, fake.Says(200, "application/json", test.body))
				scheme := w.oauth()
				scheme.Lifetime, scheme.ExpiresIn = test.lifetime, test.pointer
				outbound := w.plan(scheme)
				mustGet(t, w.store, outbound)
				if test.want == never {
					time.Sleep(365 * 24 * time.Hour)
					mustGet(t, w.store, outbound)
					w.mustHaveRetrieved(t, 1)
					return
				}
				time.Sleep(test.want - time.Nanosecond)
				mustGet(t, w.store, outbound)
				w.mustHaveRetrieved(t, 1)
				time.Sleep(time.Nanosecond)
				mustGet(t, w.store, outbound)
				w.mustHaveRetrieved(t, 2)
			})
		})
	}
}

// TestCallTime tells how much of the time that was waited for the call took, and nothing of a kept one.
func TestCallTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := fake.Tokens(1000)
		w := newBubble(map[string]string{"client": client}, func(call int, rw http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			tokens(call, rw, r)
		})
		outbound := w.plan(w.oauth())
		if used := mustGet(t, w.store, outbound); used.Stats.Call != 2*time.Second || used.Stats.Wait < used.Stats.Call {
			t.Errorf("a retrieval of 2 s is told as %+v", used.Stats)
		}
		used := mustGet(t, w.store, outbound)
		if used.Stats.Call != 0 {
			t.Errorf("a kept one is told as %+v", used.Stats)
		}
		if renewed := renewal(t, w.store, used); renewed == nil || renewed.Stats.Call != 2*time.Second {
			t.Errorf("a renewal of 2 s is told as %+v", renewed)
		}
	})
}

// TestExpiredOnArrival uses a token that is past its time for those who waited for it alone.
func TestExpiredOnArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, fake.Says(200, "", `{"access_token": "e30.eyJleHAiOjF9.c2ln"}`))
		for range 3 {
			w.mustAuthorize(t, w.plan(w.oauth()), "Bearer e30.eyJleHAiOjF9.c2ln")
		}
	})
}

// TestPerRequest retrieves for every request where the lifetime is 0, concurrent
// ones too, and remembers failures all the same.
func TestPerRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, func(call int, rw http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			fake.Tokens(3600)(call, rw, r)
		})
		scheme := w.oauth()
		scheme.Lifetime = new(time.Duration)
		outbound := w.plan(scheme)
		var tokens sync.Map
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() { tokens.Store(sent(mustGet(t, w.store, outbound)).Get("Authorization"), true) })
		}
		callers.Wait()
		w.mustHaveRetrieved(t, 20)
		different := 0
		tokens.Range(func(any, any) bool { different++; return true })
		if different != 20 {
			t.Errorf("%d different tokens", different)
		}
		used := w.mustAuthorize(t, outbound, "Bearer token-number-21")
		if got := sent(renewal(t, w.store, used)).Get("Authorization"); got != "Bearer token-number-22" {
			t.Errorf("renewed to %q", got)
		}
		w.provider.Answer(fake.Says(500, "", ""))
		for range 3 {
			_, err := w.store.Get(t.Context(), outbound)
			mustFail(t, err, retrieval.ErrFailed)
		}
		w.mustHaveRetrieved(t, 23)
	})
}

// TestFrozen lets an hour pass between two calls of which the machine knows nothing
// but the time of day.
func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, fake.Tokens(3600))
		outbound := w.plan(w.oauth())
		w.mustAuthorize(t, outbound, "Bearer token-number-1")
		time.Sleep(time.Hour)
		w.mustAuthorize(t, outbound, "Bearer token-number-2")
	})
}

// deaf is an upstream.CallFunc that goes on after its context has ended, as everything
// does whose timers stood still with the machine.
func deaf(handler http.Handler) upstream.CallFunc {
	return func(ctx context.Context, d *destination.Destination, request *http.Request, certificate *tls.Certificate, limit int) (*upstream.Answer, error) {
		long := *d
		long.AuxiliaryTimeout = 24 * time.Hour
		return fake.Direct{Handler: handler}.Call(context.WithoutCancel(ctx), &long, request, certificate, limit)
	}
}

// TestFrozenDuringRetrieval gives up a retrieval that a frozen machine has left
// behind. What comes of it late counts for nothing, be it a token or a failure.
func TestFrozenDuringRetrieval(t *testing.T) {
	for _, late := range []fake.Handler{fake.Tokens(7200), fake.Says(500, "", "")} {
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(map[string]string{"client": client}, func(call int, rw http.ResponseWriter, r *http.Request) {
				if call == 1 {
					time.Sleep(time.Hour)
					late(call, rw, r)
					return
				}
				fake.Tokens(7200)(call, rw, r)
			})
			w.callBy(deaf(w.provider))
			outbound := w.plan(w.oauth())
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			_, err := w.store.Get(ctx, outbound)
			if !errors.Is(err, retrieval.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			time.Sleep(30 * time.Minute)
			w.mustAuthorize(t, outbound, "Bearer token-number-2")
			time.Sleep(30 * time.Minute)
			used := w.mustAuthorize(t, outbound, "Bearer token-number-2")
			if renewed := renewal(t, w.store, used); renewed == nil || sent(renewed).Get("Authorization") != "Bearer token-number-3" {
				t.Error("no third token")
			}
		})
	}
}

// TestEarlyRefreshFails keeps an unexpired token in use while its endpoint fails.
func TestEarlyRefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, fake.Tokens(1000))
		outbound := w.plan(w.oauth())
		w.mustAuthorize(t, outbound, "Bearer token-number-1")
		w.provider.Answer(fake.Says(503, "", ""))
		time.Sleep(940 * time.Second)
		for range 59 {
			used := w.mustAuthorize(t, outbound, "Bearer token-number-1")
			if !slices.Equal(used.Stats.Stale, []string{"oauth"}) {
				t.Errorf("stale: %v", used.Stats.Stale)
			}
			time.Sleep(time.Second)
		}
		if asked := w.provider.Calls() - 1; asked < 4 || asked > 8 {
			t.Errorf("the endpoint was asked %d times in a minute", asked)
		}
		time.Sleep(time.Second)
		_, err := w.store.Get(t.Context(), outbound)
		mustFail(t, err, retrieval.ErrFailed)
	})
}

// TestServedDuringRefresh serves the old token at once while one caller waits for the new one.
func TestServedDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, fake.Tokens(1000))
		outbound := w.plan(w.oauth())
		w.mustAuthorize(t, outbound, "Bearer token-number-1")
		w.provider.Answer(func(call int, rw http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			fake.Tokens(1000)(call, rw, r)
		})
		time.Sleep(940 * time.Second)
		var starter sync.WaitGroup
		starter.Go(func() { w.mustAuthorize(t, outbound, "Bearer token-number-2") })
		synctest.Wait()
		start := time.Now()
		w.mustAuthorize(t, outbound, "Bearer token-number-1")
		if time.Since(start) != 0 {
			t.Errorf("it was waited for %v", time.Since(start))
		}
		starter.Wait()
		w.mustAuthorize(t, outbound, "Bearer token-number-2")
		w.mustHaveRetrieved(t, 2)
	})
}

// TestRetryAfter leaves a failing endpoint alone for as long as it asks, and no
// longer than an hour.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "Sat, 01 Jan 2000 00:02:00 GMT": 2 * time.Minute, "999999999": time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(map[string]string{"client": client}, func(_ int, rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Retry-After", value)
				rw.WriteHeader(http.StatusTooManyRequests)
			})
			outbound := w.plan(w.oauth())
			_, err := w.store.Get(t.Context(), outbound)
			if refusal := mustFail(t, err, retrieval.ErrFailed); refusal.RetryAfter != int(want/time.Second) {
				t.Errorf("RetryAfter is %d", refusal.RetryAfter)
			}
			time.Sleep(want - time.Nanosecond)
			_, err = w.store.Get(t.Context(), outbound)
			mustFail(t, err, retrieval.ErrFailed)
			w.mustHaveRetrieved(t, 1)
			time.Sleep(time.Nanosecond)
			_, err = w.store.Get(t.Context(), outbound)
			mustFail(t, err, retrieval.ErrFailed)
			w.mustHaveRetrieved(t, 2)
		})
	}
}

// TestSlowEndpoint gives up after the document's time.
func TestSlowEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		w.destination.AuxiliaryTimeout = 4 * time.Second
		start := time.Now()
		_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
		mustFail(t, err, retrieval.ErrTimeout, w.url)
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestRenewGetsNoOther leaves the first answer standing where the new token is the
// old one, or where there is none, and keeps the old one for whom it serves.
func TestRenewGetsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, fake.Says(200, "", `{"access_token": "always-the-same"}`))
		outbound := w.plan(w.oauth())
		used := w.mustAuthorize(t, outbound, "Bearer always-the-same")
		if other, failure := w.store.Renew(t.Context(), used); other != nil || failure != nil {
			t.Errorf("the same token is another credential, or there was none: %v", failure)
		}
		w.mustHaveRetrieved(t, 2)
		w.provider.Answer(fake.Says(500, "", ""))
		time.Sleep(10 * time.Second)
		if other, failure := w.store.Renew(t.Context(), used); other != nil || !errors.Is(failure, retrieval.ErrFailed) {
			t.Errorf("there is no token, and that has the reason %v", failure)
		}
		if other, failure := w.store.Renew(t.Context(), used); other != nil || !errors.Is(failure, retrieval.ErrFailed) {
			t.Errorf("a moment later it has the reason %v", failure)
		}
		w.mustAuthorize(t, outbound, "Bearer always-the-same")
		w.mustHaveRetrieved(t, 3)
	})
}

// TestRefusalsCostLittle has a caller whom the API refuses a hundred times in 20 s, whatever
// the token. The token endpoint asks to be left alone: it is, and everybody else is served.
func TestRefusalsCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, fake.Tokens(3600))
		outbound := w.plan(w.oauth())
		w.mustAuthorize(t, outbound, "Bearer token-number-1")
		for range 50 {
			used, err := w.store.Get(t.Context(), outbound)
			if err != nil {
				t.Fatal(err)
			}
			renewal(t, w.store, used)
			time.Sleep(200 * time.Millisecond)
		}
		w.mustHaveRetrieved(t, 2) // the first, and one renewal
		w.provider.Answer(func(_ int, rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "600")
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		for range 100 { // longer than the pause between renewals
			used := w.mustAuthorize(t, outbound, "Bearer token-number-2")
			if renewal(t, w.store, used) != nil {
				t.Error("there is no other")
			}
			time.Sleep(200 * time.Millisecond)
		}
		w.mustHaveRetrieved(t, 3) // one more, which was refused
	})
}
