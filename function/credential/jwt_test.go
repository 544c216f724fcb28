package credential_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
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
		renewed := renewal(t, w.store, second)
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
		if renewal(t, w.store, used) != nil {
			t.Error("a key that is too short signs")
		}
		w.secrets.Put("app", `{"client_secret": "another-secret-of-32-bytes-length"}`)
		time.Sleep(30 * time.Second)
		renewed := renewal(t, w.store, used)
		if renewed == nil || keyIn(renewed) == keyIn(used) || keyIn(mustGet(t, w.store, outbound)) != keyIn(renewed) {
			t.Error("the new key does not sign")
		}
	})
}

// TestThumbprint names the certificate of the secret in the header by its digests (RFC 7515
// sections 4.1.7 and 4.1.8), and says where there is none. A digest that is stored stays as it is.
func TestThumbprint(t *testing.T) {
	var stored map[string]string
	if err := json.Unmarshal([]byte(fake.ClientCertificate(1)), &stored); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(stored["certificate"]))
	long, short := sha256.Sum256(block.Bytes), sha1.Sum(block.Bytes)
	parts := []destination.JSONPart{{Literal: `{"x5t":`}, {Template: template(t, "{{{certificate}}}")}, {Literal: `,"x5t#S256":`}, {Template: template(t, "{{{certificate}}}")}, {Literal: `,"kid":`}, {Template: template(t, "{{{kid}}}")}, {Literal: "}"}}
	for certificate, want := range map[string]string{
		stored["private_key"] + stored["certificate"]: `"kid":"-----BEGIN ","typ":"JWT","x5t":"` + base64.RawURLEncoding.EncodeToString(short[:]) + `","x5t#S256":"` + base64.RawURLEncoding.EncodeToString(long[:]) + `"`,
		"q83vEjRWeJA":                       `"x5t":"q83vEjRWeJA","x5t#S256":"q83vEjRWeJA"`,
		"-----BEGIN CERTIFICATE-----\nhush": "",
		stored["private_key"]:               "",
	} {
		scheme := signedWith(time.Minute)
		scheme.JWT.Header = &destination.JSONTemplate{Parts: parts}
		content, _ := json.Marshal(map[string]string{"client_secret": "a-client-secret-of-32-bytes-length", "certificate": certificate, "kid": "-----BEGIN "})
		w := newWorld(t, map[string]string{"app": string(content)}, nil)
		had, err := w.store.Get(t.Context(), w.plan(scheme))
		if want == "" {
			if refusal := mustFail(t, err, secret.ErrUnavailable, "hush"); !strings.Contains(refusal.Detail, "no certificate that x5t") {
				t.Error(refusal.Detail)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		header, _ := base64.RawURLEncoding.DecodeString(strings.Split(keyIn(had), ".")[0])
		if !strings.Contains(string(header), want) {
			t.Errorf("the header is %s, want %s", header, want)
		}
	}
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
