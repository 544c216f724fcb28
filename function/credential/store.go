package credential

import (
	"bytes"
	"context"
	"sync"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
)

const (
	// defaultSecretTTL is Config.SecretTTL where it is zero.
	defaultSecretTTL = 300 * time.Second
	// rereadInterval is the least time between two reads of a secret past the cache.
	rereadInterval = 10 * time.Second
)

// A Store holds all secrets and credentials. It is safe for concurrent use.
type Store struct {
	config  Config
	sources map[string]source
	managed *secretsManager

	secrets     *cache.Cache[secretKey, *version]
	tokens      *cache.Cache[want, *token]
	discoveries *cache.Cache[want, *discovery]
	roles       *cache.Cache[roleKey, *role]
	sessions    sessions

	// ready maps a *destination.Operation to the *Credential of requests that fill
	// nothing else, prepared a want to its *prepared, and callerKeys a
	// destination.Reference to its *callerKeys.
	ready, prepared, callerKeys sync.Map
}

// New returns a Store that has read nothing yet.
func New(config Config) *Store {
	if config.SecretTTL == 0 {
		config.SecretTTL = defaultSecretTTL
	}
	managed := &secretsManager{connect: config.SecretsManager}
	s := &Store{
		config:  config,
		managed: managed,
		sources: map[string]source{"env": environment{}, "file": files{}, "secretsmanager": managed},
	}
	s.secrets, s.tokens, s.discoveries, s.roles = newSecrets(s), newTokens(s), newDiscoveries(s), newRoles(s)
	s.sessions = newSessions(s)
	return s
}

// newSecrets returns the cache of secrets.
func newSecrets(s *Store) *cache.Cache[secretKey, *version] {
	return &cache.Cache[secretKey, *version]{
		Fetch:         s.readSecret,
		Timeout:       func(secretKey) time.Duration { return secretsManagerTimeout },
		OnCancel:      leftSecret,
		RenewInterval: rereadInterval,
	}
}

// A secretKey names a whole secret: however many pointers lead into it, it is read once.
type secretKey struct {
	provider, name string
}

func keyOf(reference destination.Reference) secretKey {
	return secretKey{reference.Provider, reference.Name}
}

func (k secretKey) reference() destination.Reference {
	return destination.Reference{Provider: k.provider, Name: k.name}
}

// A version is a secret as it was read once. Two reads of the same bytes are one version.
type version struct {
	bytes Secret
}

// readSecret reads a secret from its source.
func (s *Store) readSecret(ctx context.Context, key secretKey, previous *version) (*version, cache.Life, error) {
	reference := key.reference()
	from, ok := s.sources[key.provider]
	if !ok {
		return nil, cache.Life{}, unavailable(reference, "has no provider that keyrelay knows. Write secretsmanager:, env: or file: before its name.", nil)
	}
	content, err := from.read(ctx, reference)
	switch {
	case err != nil:
		return nil, cache.Life{}, err
	case len(content) == 0:
		return nil, cache.Life{}, unavailable(reference, "is empty. Store a value in it.", nil)
	case len(content) > maxSecretBytes:
		return nil, cache.Life{}, unavailable(reference, "is longer than 65,536 bytes. Store the bare key, or a JSON object with little beside it.", nil)
	}
	now := cache.Now()
	span := cache.Life{Refresh: now.Add(s.config.SecretTTL), Expiry: now.Add(max(s.config.SecretTTL, s.config.SecretMaxAge))}
	if previous != nil && bytes.Equal(previous.bytes(), content) {
		return previous, span, nil
	}
	return &version{bytes: func() []byte { return content }}, span, nil
}

func leftSecret(key secretKey, cause error) error {
	refusal := unavailable(key.reference(), "was still being read when the request ended. Send it again.", cause)
	refusal.RetryAfter = 1
	return refusal
}

// Secret reads one secret through the cache: a JSON string's text, any other JSON
// value as it stands, or without a pointer the whole secret. The error is a
// *gateway.Refusal with the reason ErrSecretUnavailable.
func (s *Store) Secret(ctx context.Context, reference destination.Reference) (Secret, error) {
	got, err := s.secrets.Get(ctx, keyOf(reference))
	if err != nil {
		return nil, err
	}
	if reference.Pointer == "" {
		return got.Value.bytes, nil
	}
	found, err := valueOf(reference, got.Value)
	if err != nil {
		return nil, err
	}
	return func() []byte { return found.content }, nil
}

// A value is a secret, or the part of it that a pointer selects.
type value struct {
	// content is a text, or JSON where isJSON is set.
	content []byte
	// isJSON says that content is a JSON object or array, not a text.
	isJSON bool
}

// valueOf selects what the reference names in a version of its secret. A secret
// without a pointer is a text unless it is a JSON object.
func valueOf(reference destination.Reference, read *version) (value, error) {
	content := read.bytes()
	if reference.Pointer == "" {
		return value{content: content, isJSON: isObject(content)}, nil
	}
	if _, ok := destination.Pointer("").Find(content); !ok {
		return value{}, unusable(reference, "is not JSON, so that its pointer selects nothing. Store a JSON object, or take the part from # on off the reference.")
	}
	found, ok := reference.Pointer.Find(content)
	if !ok {
		return value{}, unusable(reference, "has no value at its pointer. Add that member to the secret, or mend the part of the reference from # on.")
	}
	if text, ok := scalarText(found); ok {
		return value{content: []byte(text)}, nil
	}
	if found[0] == 'n' {
		return value{}, unusable(reference, "is null. Store a value in it.")
	}
	return value{content: found, isJSON: true}, nil
}
