package session_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"keyrelay/function/destination"
)

const (
	anIssuer   = "https://id.example.com"
	anAudience = "https://relay.example.com"
)

// claims change those of a valid token; a nil value takes one away.
type claims map[string]any

// A signer issues tokens.
type signer struct {
	id, algorithm string
	private       crypto.Signer
	// header is added to that of each token.
	header map[string]any
	// published changes the key in the set.
	published map[string]any
}

// newSigner makes a signer with a key for ES256.
func newSigner(t testing.TB, id string) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return signerWith(t, id, "ES256", key, err)
}

func signerWith(t testing.TB, id, algorithm string, private crypto.Signer, err error) *signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return &signer{id: id, algorithm: algorithm, private: private}
}

// signers are one for each algorithm that is allowed.
func signers(t testing.TB) map[string]*signer {
	all := map[string]*signer{}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		all[algorithm] = signerWith(t, algorithm, algorithm, key, err)
	}
	for algorithm, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		all[algorithm] = signerWith(t, algorithm, algorithm, key, err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	all["EdDSA"] = signerWith(t, "EdDSA", "EdDSA", edwards, err)
	return all
}

// sign issues a token whose claims are changed.
func (s *signer) sign(t testing.TB, changed claims) string {
	t.Helper()
	now := time.Now().Unix()
	all := claims{"iss": anIssuer, "aud": anAudience, "exp": now + 600, "nbf": now - 600, "sub": "somebody"}
	for name, value := range changed {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return s.signText(t, payload)
}

func (s *signer) signText(t testing.TB, payload []byte) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if s.id != "" {
		options.WithHeader("kid", s.id)
	}
	for name, value := range s.header {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	with, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.algorithm), Key: s.private}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := with.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keySetOf publishes the signers' keys.
func keySetOf(all ...*signer) string {
	keys := []map[string]any{}
	for _, each := range all {
		text, err := json.Marshal(jose.JSONWebKey{Key: each.private.Public(), KeyID: each.id, Algorithm: each.algorithm, Use: "sig"})
		if err != nil {
			panic(err)
		}
		key := map[string]any{}
		if err := json.Unmarshal(text, &key); err != nil {
			panic(err)
		}
		maps.Copy(key, each.published)
		keys = append(keys, key)
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// keyed lets a key set decide.
func keyed(w *world) *world {
	w.destination.Session = &destination.Session{Field: "session_token", JWKSURL: w.at("/keys"), Issuer: anIssuer, Audience: anAudience}
	return w
}

// forged is a token of these parts as they are.
func forged(header, payload string, signature []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{encode([]byte(header)), encode([]byte(payload)), encode(signature)}, ".")
}
