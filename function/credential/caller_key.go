package credential

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// callerKeys are the digests of the keys of one version of a secret.
type callerKeys struct {
	version *version
	digests [][sha256.Size]byte
}

// CheckCallerKey refuses a request whose X-Api-Key is not the key, or one of the
// JSON array of keys, that reference names. Keys are compared in constant time.
// The error is a *gateway.Refusal with the reason ErrCallerKey or ErrSecretUnavailable.
func (s *Store) CheckCallerKey(ctx context.Context, reference destination.Reference, header http.Header) error {
	sent := header["X-Api-Key"]
	if len(sent) != 1 || sent[0] == "" {
		return &gateway.Refusal{Reason: ErrCallerKey, Detail: "Send one X-Api-Key header with the key that the operator of this relay gave you."}
	}
	keys, err := s.readCallerKeys(ctx, reference)
	if err != nil {
		return err
	}
	digest, match := sha256.Sum256([]byte(sent[0])), 0
	for i := range keys.digests {
		match |= subtle.ConstantTimeCompare(digest[:], keys.digests[i][:])
	}
	if match == 0 {
		return &gateway.Refusal{Reason: ErrCallerKey, Detail: "The key in X-Api-Key is none that this relay knows. Ask its operator for a valid one."}
	}
	return nil
}

func (s *Store) readCallerKeys(ctx context.Context, reference destination.Reference) (*callerKeys, error) {
	got, err := s.secrets.Get(ctx, keyOf(reference))
	if err != nil {
		return nil, err
	}
	if found, ok := s.callerKeys.Load(reference); ok {
		if keys, _ := found.(*callerKeys); keys.version == got.Value {
			return keys, nil
		}
	}
	read, err := valueOf(reference, got.Value)
	if err != nil {
		return nil, err
	}
	keys := &callerKeys{version: got.Value}
	for _, key := range keysOf(read.content) {
		if key != "" {
			keys.digests = append(keys.digests, sha256.Sum256([]byte(key)))
		}
	}
	if len(keys.digests) == 0 {
		return nil, unusable(reference, `holds no keys of callers. Store the key itself, or a JSON array of keys such as ["first", "second"].`)
	}
	s.callerKeys.Store(reference, keys)
	return keys, nil
}

// keysOf returns the keys that a secret holds: of a JSON array its texts, none
// where it holds anything else or where the secret is a JSON object.
func keysOf(content []byte) []string {
	document, ok := destination.Pointer("").Find(content)
	if !ok || document[0] != '[' && document[0] != '{' {
		return []string{string(content)}
	}
	var keys []string
	if json.Unmarshal(document, &keys) != nil {
		return nil
	}
	return keys
}
