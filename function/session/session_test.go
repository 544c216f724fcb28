package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/session"
)

// aToken is a session token that no answer, error or log may show.
const aToken = "hush-session-token"

func (w *world) check(t testing.TB, token string) error {
	t.Helper()
	return w.checker.Check(t.Context(), w.destination, token)
}

func (w *world) mustAccept(t testing.TB, token string) {
	t.Helper()
	if err := w.check(t, token); err != nil {
		t.Errorf("refused: %v", err)
	}
}

// mustReject is for a token that is not valid.
func (w *world) mustReject(t testing.TB, token, says string) {
	t.Helper()
	refusal := w.refusal(t, token, session.ErrInvalid, says)
	if len(refusal.Fields) != 1 || refusal.Fields[0] != "session_token" {
		t.Errorf("the refusal is about the fields %q", refusal.Fields)
	}
}

// mustNotCheck is for a check that cannot be made.
func (w *world) mustNotCheck(t testing.TB, token, says string) *gateway.Refusal {
	t.Helper()
	refusal := w.refusal(t, token, session.ErrUnavailable, says)
	if refusal.RetryAfter < 1 || refusal.RetryAfter > 3600 {
		t.Errorf("RetryAfter is %d", refusal.RetryAfter)
	}
	return refusal
}

// refusal is one that says what it must, and nothing of the token or of what was answered.
func (w *world) refusal(t testing.TB, token string, reason error, says string) *gateway.Refusal {
	t.Helper()
	err := w.check(t, token)
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != reason {
		t.Fatalf("got %v, want a refusal because %v", err, reason)
	}
	if !strings.Contains(refusal.Detail, says) {
		t.Errorf("the detail does not say %q: %s", says, refusal.Detail)
	}
	shown := fmt.Sprintf("%v %v %v %v %v", err, refusal.Detail, refusal.Fields, refusal.Allowed, refusal.Cause)
	for _, part := range append(strings.Split(token, "."), token, "hush", "127.0.0.1", "provider.test") {
		if len(part) > 3 && strings.Contains(shown, part) {
			t.Errorf("the refusal holds %q: %s", part, shown)
		}
	}
	return refusal
}

// TestNoSession accepts anything where the document asks for no session.
func TestNoSession(t *testing.T) {
	w := newBubble(nil, fake.Says(500, "", ""))
	w.mustAccept(t, aToken)
	w.mustHaveRetrieved(t, 0)
}

// TestLongToken sends no endpoint a token that is longer than any.
func TestLongToken(t *testing.T) {
	w := introspected(newBubble(nil, fake.Says(200, "application/json", `{"active": true}`)))
	w.mustReject(t, strings.Repeat("t", 16<<10+1), "longer than 16 KB")
	w.mustHaveRetrieved(t, 0)
	w.mustAccept(t, strings.Repeat("t", 16<<10))
}

// TestSessionsAtOnce checks many tokens in all three ways at the same time.
func TestSessionsAtOnce(t *testing.T) {
	signer := newSigner(t, "first")
	w := newWorld(t, map[string]string{"sessions": digests(aToken)}, func(call int, writer http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			fake.Says(200, "application/json", keySetOf(signer))(call, writer, r)
			return
		}
		fake.Says(200, "application/json", fmt.Sprintf(`{"active": %t}`, r.FormValue("token") == aToken))(call, writer, r)
	})
	signed := signer.sign(t, claims{})
	destinations := []*destination.Destination{}
	for _, session := range []destination.Session{
		{IntrospectionURL: w.at("/introspect")},
		{IntrospectionURL: w.at("/introspect"), CacheFor: 1},
		{IntrospectionURL: w.at("/introspect"), CacheFor: 1e12},
		{JWKSURL: w.at("/keys"), Issuer: anIssuer, Audience: anAudience},
		{Secret: managed("sessions", "")},
		{Secret: managed("sessions", ""), CacheFor: 1},
	} {
		session.Field = "session_token"
		destinations = append(destinations, &destination.Destination{Name: "orders", Network: destination.Loopback, AuxiliaryTimeout: w.destination.AuxiliaryTimeout, Session: &session})
	}
	var group sync.WaitGroup
	for i := range 16 * len(destinations) {
		group.Go(func() {
			d, valid := destinations[i%len(destinations)], aToken
			if d.Session.JWKSURL != nil {
				valid = signed
			}
			for range 10 {
				if err := w.checker.Check(t.Context(), d, valid); err != nil {
					t.Errorf("a valid token was refused: %v", err)
				}
				if err := w.checker.Check(t.Context(), d, valid+"X"); !errors.Is(err, session.ErrInvalid) {
					t.Errorf("a token that is not valid: %v", err)
				}
			}
		})
	}
	group.Wait()
}
