package credential_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// signedWith is a scheme whose credential is a JWT by HMAC.
func signedWith(lifetime time.Duration) *destination.SecurityScheme {
	return &destination.SecurityScheme{
		Name: "app", Kind: destination.SignedJWT, In: "header", Field: "X-Partner-Key", Secret: managed("app", ""),
		JWT: &destination.JWT{Algorithm: "HS256", Lifetime: lifetime},
	}
}

// TestSignedLife uses a JWT until shortly before its expiry, and another where it was refused.
func TestSignedLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"app": `{"client_secret": "a-client-secret-of-32-bytes-length"}`}, nil)
		outbound := w.plan(signedWith(10 * time.Minute))
		first := keyIn(mustGet(t, w.store, outbound))
		time.Sleep(9*time.Minute - time.Nanosecond)
		if again := keyIn(mustGet(t, w.store, outbound)); again != first {
			t.Error("it was signed anew")
		}
		time.Sleep(time.Nanosecond)
		second := mustGet(t, w.store, outbound)
		if keyIn(second) == first {
			t.Error("it was used too long")
		}
		renewed := w.store.Renew(t.Context(), second)
		if renewed == nil || keyIn(renewed) == keyIn(second) {
			t.Error("it was not signed anew for an answer that refuses it")
		}
		if third := mustGet(t, w.store, outbound); keyIn(third) != keyIn(renewed) {
			t.Error("the refused one is used again")
		}
	})
}

// TestSignedKeyRotates signs with the new key at once where the old one's JWT is refused.
func TestSignedKeyRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"app": `{"client_secret": "a-client-secret-of-32-bytes-length"}`}, nil)
		outbound := w.plan(signedWith(10 * time.Minute))
		used := mustGet(t, w.store, outbound)
		w.secrets.Put("app", `{"client_secret": "hush"}`)
		if w.store.Renew(t.Context(), used) != nil {
			t.Error("a key that is too short signs")
		}
		w.secrets.Put("app", `{"client_secret": "another-secret-of-32-bytes-length"}`)
		time.Sleep(30 * time.Second)
		renewed := w.store.Renew(t.Context(), used)
		if renewed == nil || keyIn(renewed) == keyIn(used) || keyIn(mustGet(t, w.store, outbound)) != keyIn(renewed) {
			t.Error("the new key does not sign")
		}
	})
}

// TestSigningKeyUnusable says what a secret needs, and nothing of what it holds.
func TestSigningKeyUnusable(t *testing.T) {
	for content, says := range map[string]string{
		`{"hush": 1}`: "no member private_key", `{"private_key": null}`: "no member private_key", `{"private_key": "hush"}`: "no private_key that",
		`{"private_key": "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----"}`: "no private_key that", `{"private_key": {"kty": "oct", "k": "aHVzaA"}}`: "no private_key that",
	} {
		scheme := signedWith(time.Minute)
		scheme.JWT.Algorithm = "RS256"
		w := newWorld(t, map[string]string{"app": content}, nil)
		_, err := w.store.Get(t.Context(), w.plan(scheme))
		if refusal := mustFail(t, err, secret.ErrUnavailable, "hush"); !strings.Contains(refusal.Detail, says) {
			t.Errorf("%s: %s", content, refusal.Detail)
		}
	}
}
