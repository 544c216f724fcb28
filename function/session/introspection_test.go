package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/session"
)

// introspected lets the provider's /introspect check the session tokens, with these schemes.
func introspected(w *world, schemes ...*destination.SecurityScheme) *world {
	w.destination.Session = &destination.Session{Field: "session_token", IntrospectionURL: w.at("/introspect")}
	for _, scheme := range schemes {
		w.destination.Session.IntrospectionSecurity = append(w.destination.Session.IntrospectionSecurity, destination.Requirement{Scheme: scheme})
	}
	return w
}

// TestIntrospectionIsMeant takes a token only where the answer says that it is for this relay.
func TestIntrospectionIsMeant(t *testing.T) {
	const whole = `"iss": "https://id", "aud": ["other", "orders"], "scope": "write read"`
	for _, test := range []struct{ name, answer, rejected string }{
		{"all of it", whole, ""},
		{"one audience", `"iss": "https://id", "aud": "orders", "scope": "read write admin", "token_type": "Bearer"`, ""},
		{"scopes in an array", `"iss": "https://id", "aud": "orders", "scope": ["read", "write"]`, ""},
		{"another issuer", `"iss": "https://id.attacker", "aud": "orders", "scope": "read write"`, "another issuer"},
		{"an issuer in a list", `"iss": ["https://id", "https://id.attacker"], "aud": "orders", "scope": "read write"`, "another issuer"},
		{"no issuer", `"aud": "orders", "scope": "read write"`, "another issuer"},
		{"another audience", `"iss": "https://id", "aud": "orders2", "scope": "read write"`, "another audience"},
		{"an audience in an object", `"iss": "https://id", "aud": {"orders": "orders"}, "scope": "read write"`, "another audience"},
		{"no audience", `"iss": "https://id", "scope": "read write"`, "another audience"},
		{"one scope", `"iss": "https://id", "aud": "orders", "scope": "read"`, "lacks a scope"},
		{"a scope that begins so", `"iss": "https://id", "aud": "orders", "scope": "read writer"`, "lacks a scope"},
		{"no scope", `"iss": "https://id", "aud": "orders"`, "lacks a scope"},
		{"a refresh token", whole + `, "token_type": "refresh_token"`, "refresh token"},
		{"a refresh token of another server", whole + `, "typ": "Refresh"`, "refresh token"},
		{"a refresh token of a third server", whole + `, "token_use": "refresh"`, "refresh token"},
	} {
		w := introspected(newWorld(t, nil, fake.Says(200, "application/json", `{"active": true, `+test.answer+`}`)))
		w.destination.Session.Issuer, w.destination.Session.Audience, w.destination.Session.Scopes = "https://id", "orders", []string{"read", "write"}
		if test.rejected == "" {
			w.mustAccept(t, aToken)
		} else {
			w.mustReject(t, aToken, test.rejected)
		}
	}
	w := introspected(newWorld(t, nil, fake.Says(200, "application/json", `{"active": true, "token_type": "refresh_token"}`)))
	w.mustReject(t, aToken, "refresh token") // whatever the document says
}

// TestIntrospection tells every kind of answer from the others.
func TestIntrospection(t *testing.T) {
	now := time.Now().Unix()
	for _, test := range []struct{ name, answer, rejected, unchecked string }{
		{"active", `{"active": true}`, "", ""},
		{"active until later", fmt.Sprintf(`{"active": true, "exp": %d, "nbf": %d}`, now+60, now-60), "", ""},
		{"active for ever", `{"active": true, "exp": 1e300, "nbf": null}`, "", ""},
		{"clock a little ahead", fmt.Sprintf(`{"active": true, "nbf": %d}`, now+5), "", ""},
		{"not active", `{"active": false}`, "not valid, or no longer", ""},
		{"expired", fmt.Sprintf(`{"active": true, "exp": %d}`, now-1), "expired", ""},
		{"expired long ago", `{"active": true, "exp": -1e300}`, "expired", ""},
		{"expired within this second", fmt.Sprintf(`{"active": true, "exp": %d.0}`, now), "expired", ""},
		{"not yet", fmt.Sprintf(`{"active": true, "nbf": %d}`, now+60), "not valid yet", ""},
		{"never yet", `{"active": true, "nbf": 1e300}`, "not valid yet", ""},
		{"a text", `{"active": "true"}`, "", "did not say"},
		{"a number", `{"active": 1}`, "", "did not say"},
		{"null", `{"active": null}`, "", "did not say"},
		{"in an array", `[{"active": true}]`, "", "did not say"},
		{"further in", `{"token": {"active": true}}`, "", "did not say"},
		{"another case", `{"Active": true}`, "", "did not say"},
		{"nothing", `{}`, "", "did not say"},
		{"empty", ``, "", "did not say"},
		{"hypertext", `<html>hush</html>`, "", "did not say"},
		{"more behind it", `{"active": true} {"active": false}`, "", "did not say"},
		{"time as a text", `{"active": true, "exp": "hush"}`, "", "no number"},
		{"time as a digit string", `{"active": true, "nbf": "1"}`, "", "no number"},
		{"too long", `{"active": true, "hush": "` + strings.Repeat("hush", 16<<10) + `"}`, "", "more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := introspected(newWorld(t, nil, fake.Says(200, "application/json", test.answer)))
			switch {
			case test.rejected != "":
				w.mustReject(t, aToken, test.rejected)
			case test.unchecked != "":
				w.mustNotCheck(t, aToken, test.unchecked)
			default:
				w.mustAccept(t, aToken)
			}
		})
	}
}

// TestIntrospectionFails sends no record where the endpoint does not do its work.
func TestIntrospectionFails(t *testing.T) {
	status := func(status int) fake.Handler {
		return fake.Says(status, "application/json", `{"active": true, "hush": 1}`)
	}
	for _, test := range []struct {
		says   string
		answer fake.Handler
	}{
		{"failed", status(500)},
		{"failed", status(503)},
		{"failed", status(204)},
		{"own credential", status(401)},
		{"own credential", status(403)},
		{"understand", status(404)},
		{"understand", status(400)},
		{"redirects", func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hush", http.StatusFound) }},
		{"too often", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }},
		{"cannot be reached, or its answer is broken", func(_ int, w http.ResponseWriter, r *http.Request) { fake.CutOff(`{"active": true}`)(w, r) }},
		{"cannot be reached, or its answer is broken", func(int, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		introspected(newWorld(t, nil, test.answer)).mustNotCheck(t, aToken, test.says)
	}
	w := introspected(newWorld(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	if refusal := w.mustNotCheck(t, aToken, "failed"); refusal.RetryAfter != 30 {
		t.Errorf("RetryAfter is %d", refusal.RetryAfter)
	}
}

// TestIntrospectionHangs ends the call with the destination's time.
func TestIntrospectionHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := introspected(newBubble(nil, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		for _, w.destination.Session.CacheFor = range []time.Duration{0, time.Minute} {
			start := time.Now()
			w.mustNotCheck(t, aToken, "in time")
			if took := time.Since(start); took != w.destination.AuxiliaryTimeout {
				t.Errorf("it took %v", took)
			}
		}
	})
}

// TestIntrospectionCall is authorized like any other call of the destination.
func TestIntrospectionCall(t *testing.T) {
	w := newWorld(t, map[string]string{"keyrelay/it": `{"username": "relay", "password": "hush-hush"}`}, fake.Says(200, "application/json", `{"active": true}`))
	key := header(managed("keyrelay/it", "/password"))
	key.In, key.Field, key.Name = "query", "key", "key"
	basic := header(managed("keyrelay/it", ""))
	basic.Kind, basic.Field = destination.Basic, "Authorization"
	introspected(w, basic, key).mustAccept(t, "a+b &=token")
	want := "POST /introspect?key=hush-hush\nAccept-Encoding: identity\nAccept: application/json\nAuthorization: Basic cmVsYXk6aHVzaC1odXNo\n" +
		"Content-Type: application/x-www-form-urlencoded\nUser-Agent: keyrelay\n\ntoken=a%2Bb+%26%3Dtoken"
	if difference := cmp.Diff(want, w.provider.Take()[0].String()); difference != "" {
		t.Error(difference)
	}
	w.secrets.Put("keyrelay/it", "no JSON")
	w.forget(t)
	w.mustNotCheck(t, aToken, "secretsmanager:keyrelay/it")
	w.mustHaveRetrieved(t, 1)
}

// TestIntrospectionCertificate says that the call has no client certificate.
func TestIntrospectionCertificate(t *testing.T) {
	w := newWorld(t, map[string]string{"keyrelay/it": fake.ClientCertificate(1)}, fake.Says(200, "application/json", `{"active": true}`))
	scheme := header(managed("keyrelay/it", ""))
	scheme.Kind = destination.MutualTLS
	introspected(w, scheme).mustNotCheck(t, aToken, "no client certificate")
	w.mustHaveRetrieved(t, 0)
}

// TestIntrospectorRenewed gets another credential where the endpoint refuses the one it had.
func TestIntrospectorRenewed(t *testing.T) {
	w := newWorld(t, map[string]string{"client": `{"client_id": "the-client", "client_secret": "the-client-secret"}`}, func(call int, w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			fake.Tokens(3600)(call, w, r)
		case r.Header.Get("Authorization") == "Bearer token-number-1":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fake.Says(200, "application/json", fmt.Sprintf(`{"active": %t}`, r.FormValue("token") == aToken))(call, w, r)
		}
	})
	introspected(w, &destination.SecurityScheme{
		Name: "oauth", Kind: destination.OAuth2, In: "header", Field: "Authorization",
		Secret: managed("client", ""), Flow: &destination.Flow{GrantType: "client_credentials", TokenURL: w.at("/token")},
	}).mustAccept(t, aToken)
	w.mustHaveRetrieved(t, 4)
	w.mustAccept(t, aToken)
	w.mustHaveRetrieved(t, 5)
}

// active answers that a token is active until revoked is set.
func active(revoked *atomic.Bool) fake.Handler {
	return func(call int, w http.ResponseWriter, r *http.Request) {
		fake.Says(200, "application/json", fmt.Sprintf(`{"active": %t}`, !revoked.Load()))(call, w, r)
	}
}

// TestRevoked refuses a token from the next request on.
func TestRevoked(t *testing.T) {
	var revoked atomic.Bool
	w := introspected(newWorld(t, nil, active(&revoked)))
	w.mustAccept(t, aToken)
	revoked.Store(true)
	w.mustReject(t, aToken, "no longer")
	revoked.Store(false)
	w.mustAccept(t, aToken)
	w.mustHaveRetrieved(t, 3)
}

// TestCacheSeconds keeps an answer, either one, as long as the document allows.
func TestCacheSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		w := introspected(newBubble(nil, active(&revoked)))
		w.destination.Session.CacheFor = time.Minute
		w.mustAccept(t, aToken)
		revoked.Store(true)
		time.Sleep(time.Minute - time.Nanosecond)
		w.mustAccept(t, aToken)
		w.mustReject(t, "another-token", "no longer")
		w.mustHaveRetrieved(t, 2)
		time.Sleep(time.Nanosecond)
		w.mustReject(t, aToken, "no longer")
		revoked.Store(false)
		w.mustReject(t, aToken, "no longer")
		w.mustHaveRetrieved(t, 3)
		time.Sleep(time.Minute)
		w.mustAccept(t, aToken)
		w.mustHaveRetrieved(t, 4)
	})
}

// TestCacheWithinExpiry keeps an answer no longer than the token is valid.
func TestCacheWithinExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times := fmt.Sprintf(`{"active": true, "exp": %d, "nbf": %d}`, time.Now().Unix()+40, time.Now().Unix()+30)
		w := introspected(newBubble(nil, fake.Says(200, "application/json", times)))
		w.destination.Session.CacheFor = time.Hour
		w.mustReject(t, aToken, "not valid yet")
		time.Sleep(19 * time.Second)
		w.mustReject(t, aToken, "not valid yet")
		w.mustHaveRetrieved(t, 1)
		time.Sleep(time.Second)
		w.mustAccept(t, aToken)
		time.Sleep(19 * time.Second)
		w.mustAccept(t, aToken)
		w.mustHaveRetrieved(t, 2)
		time.Sleep(time.Second)
		w.mustReject(t, aToken, "expired")
	})
}

// TestFailureNotCached asks again after a check that could not be made.
func TestFailureNotCached(t *testing.T) {
	w := introspected(newWorld(t, nil, func(call int, w http.ResponseWriter, r *http.Request) {
		status := [...]int{http.StatusInternalServerError, http.StatusOK}[call-1]
		fake.Says(status, "application/json", `{"active": false}`)(call, w, r)
	}))
	w.destination.Session.CacheFor = time.Minute
	w.mustNotCheck(t, aToken, "failed")
	w.mustReject(t, aToken, "no longer")
	w.mustHaveRetrieved(t, 2)
}

// TestCallerLeavesCheck ends a check that nobody else waits for with its caller.
func TestCallerLeavesCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := introspected(newBubble(nil, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		leaving, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		start := time.Now()
		err := w.checker.Check(leaving, w.destination, aToken)
		if !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// TestOneCheck lets all who send a token wait for one check of it, and a caller
// who leaves fails nobody.
func TestOneCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := introspected(newBubble(nil, func(call int, writer http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			fake.Says(200, "application/json", `{"active": true}`)(call, writer, r)
		}))
		w.destination.Session.CacheFor = time.Minute
		leaving, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second/2, leave)
		go func() {
			err := w.checker.Check(leaving, w.destination, aToken)
			if !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, context.Canceled) || errors.Is(err, session.ErrInvalid) {
				t.Errorf("the caller who left got %v", err)
			}
		}()
		synctest.Wait()
		for range 50 {
			go w.mustAccept(t, aToken)
		}
		time.Sleep(2 * time.Second)
		w.mustHaveRetrieved(t, 1)
	})
}

// TestAnswersBounded keeps the answers of the latest 5,000 tokens at least, and of
// 10,000 at most.
func TestAnswersBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		w := introspected(newBubble(nil, active(&revoked)))
		w.destination.Session.CacheFor = time.Hour
		for i := range 5_001 {
			w.mustAccept(t, fmt.Sprint("token-", i))
		}
		w.mustAccept(t, "token-1")
		w.mustHaveRetrieved(t, 5_001)
		for i := range 5_000 {
			w.mustAccept(t, fmt.Sprint("other-", i))
		}
		w.mustHaveRetrieved(t, 10_001)
		w.mustAccept(t, "token-1")
		w.mustHaveRetrieved(t, 10_002)
	})
}
