// Package caller checks the key that a caller sends to the relay itself.
//
//	callers := caller.New(secrets, reference)
//	err := callers.Check(ctx, request.Header)
package caller

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// ErrKey says that the caller's key is missing or wrong.
var ErrKey = errors.New("the caller's key is invalid")

// Keys knows the keys of the relay's callers. It is safe for concurrent use.
type Keys struct {
	secrets   *secret.Store
	reference destination.Reference
	// read is what was made of the last version of the secret.
	read atomic.Pointer[digests]
}

// digests are those of the keys of one version of a secret.
type digests struct {
	version *secret.Version
	list    [][sha256.Size]byte
}

// New returns the Keys that a reference names: a key, or a JSON array of keys.
func New(secrets *secret.Store, reference destination.Reference) *Keys {
	return &Keys{secrets: secrets, reference: reference}
}

// Check refuses a request whose X-Api-Key is not one of the keys. Keys are compared
// in constant time. The error is a *gateway.Refusal with the reason ErrKey or
// secret.ErrUnavailable. A nil Keys accepts everybody.
func (k *Keys) Check(ctx context.Context, header http.Header) error {
	if k == nil {
		return nil
	}
	sent := header["X-Api-Key"]
	if len(sent) != 1 || sent[0] == "" {
		return &gateway.Refusal{Reason: ErrKey, Detail: "Send one X-Api-Key header with the key that the operator of this relay gave you."}
	}
	known, err := k.digests(ctx)
	if err != nil {
		return err
	}
	digest, match := sha256.Sum256([]byte(sent[0])), 0
	for i := range known.list {
		match |= subtle.ConstantTimeCompare(digest[:], known.list[i][:])
	}
	if match == 0 {
		return &gateway.Refusal{Reason: ErrKey, Detail: "The key in X-Api-Key is none that this relay knows. Ask its operator for a valid one."}
	}
	return nil
}

func (k *Keys) digests(ctx context.Context) (*digests, error) {
	got, err := k.secrets.Get(ctx, k.reference)
	if err != nil {
		return nil, err
	}
	if known := k.read.Load(); known != nil && known.version == got.Value {
		return known, nil
	}
	value, err := got.Value.Select(k.reference)
	if err != nil {
		return nil, err
	}
	known := &digests{version: got.Value}
	for _, key := range parse(value.Bytes()) {
		if key != "" {
			known.list = append(known.list, sha256.Sum256([]byte(key)))
		}
	}
	if len(known.list) == 0 {
		return nil, secret.Unusable(k.reference, `holds no keys of callers. Store the key itself, or a JSON array of keys such as ["first", "second"].`)
	}
	k.read.Store(known)
	return known, nil
}

// parse returns the keys that a secret holds: of a JSON array its texts, none where
// it holds anything else or where the secret is a JSON object.
func parse(content []byte) []string {
	document, ok := rawjson.Pointer("").Find(content)
	if !ok || document[0] != '[' && document[0] != '{' {
		return []string{string(content)}
	}
	var keys []string
	if json.Unmarshal(document, &keys) != nil {
		return nil
	}
	return keys
}
