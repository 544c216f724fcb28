package session_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"keyrelay/function/fake"
)

// TestAlgorithms accepts a token of each algorithm, by its own key only.
func TestAlgorithms(t *testing.T) {
	all := signers(t)
	list := []*signer{}
	for _, each := range all {
		list = append(list, each)
	}
	w := keyed(newWorld(t, nil, fake.Says(200, "application/jwk-set+json", keySetOf(list...))))
	for algorithm, each := range all {
		w.mustAccept(t, each.sign(t, nil))
		for other, victim := range all {
			if other != algorithm {
				attacker := *each
				attacker.id = victim.id
				w.mustReject(t, attacker.sign(t, nil), "not valid, or no longer")
			}
		}
	}
	w.mustHaveRetrieved(t, 1)
}

// TestClaims accepts a token that is for this relay and this time.
func TestClaims(t *testing.T) {
	now := time.Now().Unix()
	s := newSigner(t, "first")
	w := keyed(newWorld(t, nil, fake.Says(200, "application/json", keySetOf(s))))
	for _, test := range []struct {
		changed claims
		says    string
	}{
		{nil, ""},
		{claims{"aud": []string{"other", anAudience}}, ""},
		{claims{"nbf": nil}, ""},
		{claims{"nbf": now + 5, "iat": now + 5}, ""},
		{claims{"exp": float64(now) + 60.5}, ""},
		{claims{"exp": now - 1}, "expired"},
		{claims{"exp": float64(now) + 0.0001}, "expired"},
		{claims{"exp": 0}, "expired"},
		{claims{"exp": nil}, "no expiry"},
		{claims{"exp": json.RawMessage("null")}, "no expiry"},
		{claims{"exp": fmt.Sprint(now + 600)}, "not valid, or"},
		{claims{"exp": 1e300}, "not valid, or"},
		{claims{"nbf": now + 60}, "not valid yet"},
		{claims{"nbf": "hush"}, "not valid, or"},
		{claims{"iss": anIssuer + "/"}, "another issuer"},
		{claims{"iss": nil}, "another issuer"},
		{claims{"iss": []string{anIssuer}}, "not valid, or"},
		{claims{"aud": "other"}, "another audience"},
		{claims{"aud": anAudience + "/"}, "another audience"},
		{claims{"aud": []string{}}, "another audience"},
		{claims{"aud": nil}, "another audience"},
		{claims{"aud": map[string]string{anAudience: anAudience}}, "not valid, or"},
		{claims{"aud": []any{anAudience, 1}}, "not valid, or"},
		{claims{"token_type": "refresh"}, "refresh token"},
		{claims{"type": "Refresh"}, "refresh token"},
		{claims{"typ": "Refresh"}, "refresh token"},
		{claims{"token_use": []string{"refresh"}}, "refresh token"},
		{claims{"token_type": "access", "type": "user", "sub": "refresh"}, ""},
	} {
		token := s.sign(t, test.changed)
		if test.says == "" {
			w.mustAccept(t, token)
		} else {
			w.mustReject(t, token, test.says)
		}
	}
	w.mustReject(t, s.signText(t, []byte(`{"exp": 1, "exp": 99999999999, "iss": "`+anIssuer+`", "aud": "`+anAudience+`"}`)), "not valid, or")
	w.mustReject(t, s.signText(t, []byte(`no JSON`)), "not valid, or")
}

// TestForged refuses every token that no published key has signed as it is.
func TestForged(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	s := signerWith(t, "first", "RS256", key, err)
	w := keyed(newWorld(t, nil, fake.Says(200, "application/json", keySetOf(s))))
	token := s.sign(t, nil)
	w.mustAccept(t, token)
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	tampered := strings.Replace(string(payload), "somebody", "everyone", 1)
	otherKey, err := rsa.GenerateKey(rand.Reader, 2048)
	other := signerWith(t, "first", "RS256", otherKey, err)
	embedded := *other
	embedded.header = map[string]any{"jwk": jose.JSONWebKey{Key: otherKey.Public(), KeyID: "first"}, "jku": w.url + "/hush"}
	forgeries := map[string]string{
		"tampered payload":       parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(tampered)) + "." + parts[2],
		"no signature":           parts[0] + "." + parts[1] + ".",
		"another's signature":    other.sign(t, nil),
		"its own key in it":      embedded.sign(t, nil),
		"two parts":              parts[0] + "." + parts[1],
		"four parts":             token + ".",
		"five parts":             strings.Repeat("eyJhbGciOiJkaXIifQ.", 4) + "e30",
		"padding":                token + "=",
		"white space":            " " + token,
		"a line break within":    parts[0] + ".\n" + parts[1] + "." + parts[2],
		"JSON serialization":     fmt.Sprintf(`{"protected": %q, "payload": %q, "signature": %q}`, parts[0], parts[1], parts[2]),
		"header that is no JSON": forged("hush", string(payload), []byte("hush")),
		"no algorithm":           forged(`{"kid": "first"}`, string(payload), []byte("hush")),
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "", "HS256", "RS1", "dir"} {
		forgeries["algorithm "+none] = forged(`{"alg": "`+none+`", "kid": "first"}`, string(payload), nil)
	}
	for encoding, secret := range publicForms(t, key) {
		for _, header := range []string{`{"alg": "HS256", "kid": "first"}`, `{"alg": "HS256"}`} {
			signature := hmac.New(sha256.New, secret)
			signature.Write([]byte(strings.TrimSuffix(forged(header, string(payload), nil), ".")))
			forgeries["HMAC with the public key, "+encoding+header] = forged(header, string(payload), signature.Sum(nil))
		}
	}
	for name, forgery := range forgeries {
		t.Run(name, func(t *testing.T) { w.mustReject(t, forgery, "not valid, or no longer") })
	}
	w.mustReject(t, "", "not valid")
	w.mustHaveRetrieved(t, 1)
}

// publicForms are the texts of a public key that a careless verifier takes for an HMAC secret.
func publicForms(t *testing.T, key *rsa.PrivateKey) map[string][]byte {
	information, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"DER":   information,
		"PEM":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: information}),
		"PKCS1": x509.MarshalPKCS1PublicKey(&key.PublicKey),
		"N":     key.N.Bytes(),
		"empty": nil,
	}
}

// TestCritical refuses what changes the meaning of a token: RFC 7797 section 7
// forbids even b64 in a JWT.
func TestCritical(t *testing.T) {
	s := newSigner(t, "first")
	w := keyed(newWorld(t, nil, fake.Says(200, "application/json", keySetOf(s))))
	for _, header := range []map[string]any{
		{"crit": []string{"b64"}, "b64": true},
		{"crit": []string{"hush"}, "hush": 1},
		{"crit": []string{}},
	} {
		s.header = header
		w.mustReject(t, s.sign(t, nil), "not valid, or no longer")
	}
	s.header = map[string]any{"typ": "at+jwt"}
	w.mustAccept(t, s.sign(t, nil))
}
