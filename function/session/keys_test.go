package session_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"keyrelay/function/fake"
)

// A keyServer publishes a key set that can be changed; an empty one stands for an outage.
type keyServer struct{ set atomic.Pointer[string] }

func (k *keyServer) publish(set string) { k.set.Store(&set) }

func (k *keyServer) answer(call int, w http.ResponseWriter, r *http.Request) {
	if set := *k.set.Load(); set != "" {
		fake.Says(200, "application/json", set)(call, w, r)
		return
	}
	w.WriteHeader(http.StatusBadGateway)
}

// inKeyBubble runs a test with a key set on a clock of its own.
func inKeyBubble(t *testing.T, run func(t *testing.T, w *world, k *keyServer)) {
	synctest.Test(t, func(t *testing.T) {
		k := &keyServer{}
		run(t, keyed(newBubble(nil, k.answer)), k)
	})
}

// TestKeysRotated reads the set again for a key that it does not have.
func TestKeysRotated(t *testing.T) {
	inKeyBubble(t, func(t *testing.T, w *world, k *keyServer) {
		first, second, third := newSigner(t, "first"), newSigner(t, "second"), newSigner(t, "third")
		k.publish(keySetOf(first))
		w.mustAccept(t, first.sign(t, nil))
		k.publish(keySetOf(second))
		w.mustAccept(t, second.sign(t, nil))
		w.mustHaveRetrieved(t, 2)
		w.mustReject(t, first.sign(t, nil), "no longer")
		w.mustReject(t, third.sign(t, nil), "no longer")
		k.publish(keySetOf(second, third))
		time.Sleep(time.Minute - time.Nanosecond)
		w.mustReject(t, third.sign(t, nil), "no longer")
		w.mustHaveRetrieved(t, 2)
		time.Sleep(time.Nanosecond)
		w.mustAccept(t, third.sign(t, nil))
		w.mustHaveRetrieved(t, 3)
	})
}

// TestUnknownKeys makes the set be read once in a minute, whatever callers send.
func TestUnknownKeys(t *testing.T) {
	inKeyBubble(t, func(t *testing.T, w *world, k *keyServer) {
		known, unknown := newSigner(t, "first"), newSigner(t, "unknown")
		k.publish(keySetOf(known))
		token := known.sign(t, claims{"exp": time.Now().Add(time.Hour).Unix()})
		for range 180 {
			w.mustReject(t, unknown.sign(t, nil), "no longer")
			w.mustAccept(t, token)
			time.Sleep(time.Second)
		}
		w.mustHaveRetrieved(t, 1+3)
	})
}

// TestReloadFails cannot tell whether a token with an unknown key is valid while
// the set cannot be read, and goes on with the keys that it has.
func TestReloadFails(t *testing.T) {
	inKeyBubble(t, func(t *testing.T, w *world, k *keyServer) {
		first, second := newSigner(t, "first"), newSigner(t, "second")
		k.publish(keySetOf(first))
		w.mustAccept(t, first.sign(t, nil))
		k.publish("")
		for range 3 {
			w.mustNotCheck(t, second.sign(t, nil), "key set")
			w.mustAccept(t, first.sign(t, nil))
			time.Sleep(20 * time.Second)
		}
		k.publish(keySetOf(first, second))
		w.mustAccept(t, second.sign(t, nil))
		w.mustAccept(t, first.sign(t, nil))
	})
}

// TestKeySetAges reads the set again after 5 min, and uses no set older than 1 h.
func TestKeySetAges(t *testing.T) {
	inKeyBubble(t, func(t *testing.T, w *world, k *keyServer) {
		first, second := newSigner(t, "first"), newSigner(t, "second")
		k.publish(keySetOf(first))
		token := first.sign(t, claims{"exp": time.Now().Add(24 * time.Hour).Unix()})
		w.mustAccept(t, token)
		time.Sleep(5*time.Minute - time.Nanosecond)
		w.mustAccept(t, token)
		w.mustHaveRetrieved(t, 1)
		time.Sleep(time.Nanosecond)
		w.mustAccept(t, token)
		w.mustHaveRetrieved(t, 2)
		k.publish("")
		time.Sleep(time.Hour - time.Nanosecond)
		w.mustAccept(t, token)
		time.Sleep(time.Nanosecond)
		w.mustNotCheck(t, token, "key set failed")
		k.publish(keySetOf(second))
		time.Sleep(time.Minute)
		w.mustReject(t, token, "no longer")
		w.mustAccept(t, second.sign(t, nil))
	})
}

// TestNoKeyID tries all keys for a token that names none.
func TestNoKeyID(t *testing.T) {
	inKeyBubble(t, func(t *testing.T, w *world, k *keyServer) {
		first, second, third := newSigner(t, "first"), newSigner(t, "second"), newSigner(t, "third")
		k.publish(keySetOf(first, second))
		for _, each := range []*signer{first, second, third} {
			each.id = ""
		}
		w.mustAccept(t, first.sign(t, nil))
		w.mustAccept(t, second.sign(t, nil))
		w.mustHaveRetrieved(t, 1)
		k.publish(keySetOf(third))
		w.mustAccept(t, third.sign(t, nil))
		w.mustHaveRetrieved(t, 2)
	})
}

// TestKeySetUseless sends no record while there is no key to check with.
func TestKeySetUseless(t *testing.T) {
	s := newSigner(t, "first")
	small := &signer{id: "small", algorithm: "RS256", private: smallKey(t)}
	private, err := (&jose.JSONWebKey{Key: s.private, KeyID: "first"}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	encrypting := *s
	encrypting.published = map[string]any{"use": "enc"}
	token := s.sign(t, nil)
	for _, set := range []string{
		``, `hush`, `{}`, `[]`, `null`, `{"keys": {}}`, `{"keys": []}`, `{"keys": [1, null, {"kty": "hush"}]}`,
		`{"keys": [{"kty": "oct", "kid": "first", "k": "aHVzaA"}]}`,
		`{"keys": [` + string(private) + `]}`,
		keySetOf(small), keySetOf(&encrypting),
		`{"keys": [{"kty": "EC", "crv": "P-256", "kid": "first", "x": "AA", "y": "AA"}]}`,
	} {
		w := keyed(newWorld(t, nil, fake.Says(200, "application/json", set)))
		w.mustNotCheck(t, token, "no key")
	}
	keyed(newWorld(t, nil, fake.Says(200, "application/json", keySetOf(s)+strings.Repeat(" ", 256<<10)))).mustNotCheck(t, token, "more than")
	keyed(newWorld(t, nil, fake.Says(404, "application/json", keySetOf(s)))).mustNotCheck(t, token, "URL in the document")
	keyed(newWorld(t, nil, func(call int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hush", http.StatusFound) })).mustNotCheck(t, token, "redirects")
}

// smallKey is an RSA key that is too small to be trusted.
func smallKey(t *testing.T) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestKeySetMixed leaves the keys out that are of no use, and uses the others.
func TestKeySetMixed(t *testing.T) {
	s := newSigner(t, "first")
	same := newSigner(t, "first")
	other := `{"kty": "OKP", "crv": "Ed448", "kid": "x", "x": "` + base64.RawURLEncoding.EncodeToString(make([]byte, 57)) + `"}, {"kty": "hush"}, {"kty": "oct", "k": "aHVzaA"}`
	set := strings.Replace(keySetOf(same, s), `{"keys":[`, `{"keys":[`+other+`,`, 1)
	w := keyed(newWorld(t, nil, fake.Says(200, "application/json", set)))
	w.mustAccept(t, s.sign(t, nil))
	w.mustAccept(t, same.sign(t, nil))
	w.mustHaveRetrieved(t, 1)
}

// TestKeyAlgorithm uses a key with the algorithm that it is published for.
func TestKeyAlgorithm(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	s := signerWith(t, "first", "RS256", key, err)
	other := *s
	other.algorithm = "PS256"
	w := keyed(newWorld(t, nil, fake.Says(200, "application/json", keySetOf(s))))
	w.mustAccept(t, s.sign(t, nil))
	w.mustReject(t, other.sign(t, nil), "no longer")
	s.published = map[string]any{"alg": "", "use": ""}
	w = keyed(newWorld(t, nil, fake.Says(200, "application/json", keySetOf(s))))
	w.mustAccept(t, s.sign(t, nil))
	w.mustAccept(t, other.sign(t, nil))
}
