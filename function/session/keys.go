package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
)

const (
	// keySetTTL is how long a key set is used before it is read again, and
	// keySetMaxAge how old it may get while it cannot be.
	keySetTTL    = 5 * time.Minute
	keySetMaxAge = time.Hour
	// keySetInterval is the least time between two readings because of keys that the set lacks.
	keySetInterval = time.Minute
	// maxKeySet is the size of the largest key set, in bytes. Sets with certificate
	// chains are longer than the answers of other endpoints.
	maxKeySet = 256 << 10
	// minRSABits is the size of the smallest RSA key, RFC 7518 section 3.3.
	minRSABits = 2048
)

const keySetEndpoint = "the jwksUri of its key set"

// A keySet is a JWK Set (RFC 7517 section 5) with the keys that can be used.
type keySet struct {
	digest [sha256.Size]byte
	keys   []jose.JSONWebKey
}

func newKeySets(c *Checker) *cache.Cache[*destination.Destination, *keySet] {
	return &cache.Cache[*destination.Destination, *keySet]{
		Fetch:              c.readKeySet,
		Timeout:            func(d *destination.Destination) time.Duration { return d.AuxiliaryTimeout },
		OnCancel:           cancelled,
		RenewInterval:      keySetInterval,
		ServeDuringRefresh: true,
	}
}

// readKeySet reads a key set. One without a usable key is a failure, so that it does not
// replace one that has some.
func (c *Checker) readKeySet(ctx context.Context, d *destination.Destination, previous *keySet) (*keySet, cache.Life, error) {
	request, err := newRequest(ctx, http.MethodGet, d.Session.JWKSURL, "application/jwk-set+json, application/json", nil)
	if err != nil {
		return nil, cache.Life{}, unchecked(d, "jwksUri is not a URL of HTTP. Fix the document.")
	}
	got, err := c.send(ctx, d, keySetEndpoint, request, maxKeySet)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if got.Status != http.StatusOK {
		return nil, cache.Life{}, uncheckedBy(d, keySetEndpoint, got)
	}
	life := cache.Life{Refresh: got.Asked.Add(keySetTTL), Expiry: got.Asked.Add(keySetMaxAge)}
	read := &keySet{digest: sha256.Sum256(got.Body)}
	if previous != nil && previous.digest == read.digest {
		return previous, life, nil
	}
	if read.keys = usableKeys(got.Body); len(read.keys) == 0 {
		return nil, cache.Life{}, unchecked(d, keySetEndpoint+" answered with no key that session tokens may be signed for: RSA from 2048 bits on, EC or Ed25519. Check it in the document.")
	}
	return read, life, nil
}

// usableKeys reads the keys of a set. The others are left out, as RFC 7517 section 5 says.
func usableKeys(body []byte) []jose.JSONWebKey {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(body, &set) != nil {
		return nil
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) == nil && (key.Use == "" || key.Use == "sig") && verifies(key.Key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// verifies reports whether a key is the public one of an asymmetric pair: a
// symmetric or a private key in a public set is known to everybody.
func verifies(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}
