package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"keyrelay/function/fake"
)

// Signing keys are those that JWTs of a test are signed with, and their public sides.
type signingKeys struct {
	texts  map[string]string
	public []any
}

// newSigningKeys returns one key for each form that a secret may hold.
func newSigningKeys(t *testing.T) *signingKeys {
	t.Helper()
	k, err := makeSigningKeys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// makeSigningKeys makes the keys once for all tests: one of RSA takes its time.
var makeSigningKeys = sync.OnceValues(func() (*signingKeys, error) {
	k := &signingKeys{texts: map[string]string{}, public: []any{[]byte("a-client-secret-of-32-bytes-length")}}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		return nil, err
	}
	k.add("PKCS1", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))
	k.add("SEC1", "EC PRIVATE KEY", sec1)
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey, "EC": ecKey, "ED": edKey} {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		k.add(name, "PRIVATE KEY", pkcs8)
		k.public = append(k.public, key.Public())
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: ecKey, KeyID: "of-the-jwk"})
	if err != nil {
		return nil, err
	}
	k.texts["$JWK"], k.texts["$CERTIFICATE"] = string(jwk), fake.ClientCertificate(7)
	return k, nil
})

// add notes a key as the JSON string of its PEM text.
func (k *signingKeys) add(name, block string, content []byte) {
	text, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: block, Bytes: content})))
	k.texts["$"+name+"."] = string(text)
}

// fill replaces $RSA., $EC., $ED., $PKCS1., $SEC1., $JWK and $CERTIFICATE in a secret.
func (k *signingKeys) fill(text string) string {
	for name, value := range k.texts {
		text = strings.ReplaceAll(text, name, value)
	}
	return text
}

// open replaces each JWT by its header and claims, once a key has verified it. Its
// times are shown as how long it is valid from now on, its jti by its length.
func (k *signingKeys) open(t *testing.T, text, host string) string {
	t.Helper()
	return regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`).ReplaceAllStringFunc(text, func(token string) string {
		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{"RS256", "PS256", "ES256", "EdDSA", "HS256"})
		if err != nil {
			t.Error(err)
			return token
		}
		var payload []byte
		for _, key := range k.public {
			if payload == nil {
				payload, _ = parsed.Verify(key)
			}
		}
		var claims map[string]any
		if json.Unmarshal(payload, &claims) != nil {
			t.Error("no key verifies", token)
			return token
		}
		issued, _ := claims["iat"].(float64)
		if age := float64(time.Now().Unix()) - issued; age < 0 || age > 60 {
			t.Errorf("iat is %v s ago", age)
		}
		claims["exp"] = claims["exp"].(float64) - issued
		claims["jti"] = len(claims["jti"].(string))
		delete(claims, "iat")
		header := map[string]any{"alg": parsed.Signatures[0].Header.Algorithm}
		if kid := parsed.Signatures[0].Header.KeyID; kid != "" {
			header["kid"] = kid
		}
		for name, value := range maps.All(parsed.Signatures[0].Header.ExtraHeaders) {
			header[string(name)] = value
		}
		shown, _ := json.Marshal([]any{header, claims})
		return strings.ReplaceAll(string(shown), host, "$API")
	})
}
