// Package secret reads secrets from where they are stored: AWS Secrets Manager,
// environment variables and files.
//
//	secrets := secret.New(secret.Config{SecretsManager: connect})
//	got, err := secrets.Get(ctx, reference)
//	value, err := got.Value.Select(reference)
//
// A secret is kept for Config.TTL, and for Config.MaxAge while it cannot be read again.
// One fetch runs at a time. Limits: a secret has at most 65,536 bytes and is read within
// Timeout.
package secret

import (
	"bytes"
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

const (
	// DefaultTTL is used if Config.TTL is zero.
	DefaultTTL = 300 * time.Second
	// Timeout bounds one read, including retries of the SDK and making its client.
	Timeout = 3 * time.Second
	// rereadInterval is the least time between two reads of a secret past the cache.
	rereadInterval = 10 * time.Second
)

// ErrUnavailable says that a secret cannot be read now, or does not have the shape that its
// use needs.
var ErrUnavailable = errors.New("a secret is unavailable")

// ErrAbsent is the cause if there is no such secret, or no such part of it.
var ErrAbsent = errors.New("absent")

// Config says where secrets come from and how long they are kept.
type Config struct {
	// SecretsManager makes the client that reads secretsmanager: references, and whose
	// credentials and region sign for AWS. It is called at the first use, so a relay that
	// needs neither needs no AWS configuration.
	SecretsManager func(context.Context) (*secretsmanager.Client, error)
	// TTL is how long a secret is used before it is read again; zero means DefaultTTL.
	TTL time.Duration
	// MaxAge is how old a secret may get while it cannot be read again; zero turns that
	// off: a secret past TTL is then never used.
	MaxAge time.Duration
}

// A Store reads secrets and keeps them. It is safe for concurrent use.
type Store struct {
	config  Config
	sources map[string]source
	managed *secretsManager
	// kept is by references without a pointer: however many pointers lead into a
	// secret, it is read once.
	kept      *cache.Cache[destination.Reference, *Version]
	unwritten unwritten
}

// New returns a Store that has read nothing yet.
func New(config Config) *Store {
	if config.TTL == 0 {
		config.TTL = DefaultTTL
	}
	managed := &secretsManager{connect: config.SecretsManager}
	s := &Store{
		config:    config,
		managed:   managed,
		unwritten: unwritten{contents: map[destination.Reference]replacement{}},
		sources:   map[string]source{"env": &environment{}, "file": files{}, "secretsmanager": managed},
	}
	s.kept = &cache.Cache[destination.Reference, *Version]{
		Fetch:         s.read,
		Timeout:       func(destination.Reference) time.Duration { return Timeout },
		OnCancel:      Cancelled,
		RenewInterval: rereadInterval,
	}
	return s
}

// A Secret returns the bytes of a secret. It is a func so that no print, log or encoder can
// show them. The bytes are shared: do not change them.
type Secret func() []byte

// A Version is a whole secret from one read. Two reads of the same bytes give the same
// Version, so comparing pointers tells whether a secret has changed.
type Version struct {
	bytes Secret
}

// A Value is a secret, or the part of it that a pointer selects.
type Value struct {
	// Bytes returns a text, or JSON if IsJSON is set.
	Bytes Secret
	// IsJSON says that it is a JSON object or array, not a text.
	IsJSON bool
}

// Member is Find of a text; ok is false where there is none.
func (v Value) Member(name string) (text string, ok bool) {
	_, found, ok := v.Find(name)
	if !ok || found[0] != '"' {
		return "", false
	}
	return rawjson.Plain(found)
}

// Find is a member of a JSON object, and its name as it is written. It is for members that a
// kind of credential fixes: where none has the name as it is, the first with it in other
// letters or marks, such as Username, or clientId for client_id, is the member.
func (v Value) Find(name string) (written string, value []byte, ok bool) {
	sound, isJSON := rawjson.Pointer("").Find(v.Bytes())
	if !v.IsJSON || !isJSON || sound[0] != '{' {
		return "", nil, false
	}
	for each, found := range rawjson.Members(sound) {
		says, _ := rawjson.Plain(each)
		if says == name || !ok && destination.Letters(says) == destination.Letters(name) {
			written, value, ok = says, found, true
		}
	}
	return written, value, ok
}

// Get returns the whole secret that a reference names. The error is a *gateway.Refusal with
// the reason ErrUnavailable.
func (s *Store) Get(ctx context.Context, reference destination.Reference) (cache.Result[*Version], error) {
	return s.kept.Get(ctx, whole(reference))
}

// Fill reads a secret before anyone needs it, and reports whether it could. It ends with
// ctx. A failure is forgotten, so the first Get reads the secret again.
func (s *Store) Fill(ctx context.Context, reference destination.Reference) bool {
	return s.kept.Fill(ctx, whole(reference), s.read)
}

// Renew reads a secret again past the cache, at most once in 10 s, after the version used
// was refused. If there is no other version, the Result holds used, or the error says why
// there is none at all.
func (s *Store) Renew(ctx context.Context, reference destination.Reference, used *Version) (cache.Result[*Version], error) {
	return s.kept.Renew(ctx, whole(reference), used)
}

// Reload reads a secret from its source now, and keeps it.
func (s *Store) Reload(ctx context.Context, reference destination.Reference) error {
	got, _ := s.Get(ctx, reference)
	version, life, err := s.read(ctx, whole(reference), got.Value)
	if err == nil {
		s.kept.Put(whole(reference), version, life)
	}
	return err
}

// GetUncached reads a secret from its source and keeps nothing.
func (s *Store) GetUncached(ctx context.Context, reference destination.Reference) (*Version, error) {
	version, _, err := s.read(ctx, whole(reference), nil)
	return version, err
}

// Value returns what a reference names, including its pointer, through the cache. The error
// is a *gateway.Refusal with the reason ErrUnavailable.
func (s *Store) Value(ctx context.Context, reference destination.Reference) (Value, error) {
	return s.OtherThan(ctx, reference, nil)
}

// OtherThan is Value, but reads the secret again past the cache, as Renew does, if it still
// has the value that was refused.
func (s *Store) OtherThan(ctx context.Context, reference destination.Reference, refused []byte) (Value, error) {
	got, err := s.Get(ctx, reference)
	if err != nil {
		return Value{}, err
	}
	value, err := got.Value.Select(reference)
	if err != nil || refused == nil || !bytes.Equal(value.Bytes(), refused) {
		return value, err
	}
	if got, err = s.Renew(ctx, reference, got.Value); err != nil {
		return Value{}, err
	}
	return got.Value.Select(reference)
}

// Exists reports whether what a reference names exists, including its pointer. The error,
// as from Value, says that this cannot be determined now.
func (s *Store) Exists(ctx context.Context, reference destination.Reference) (bool, error) {
	_, err := s.Value(ctx, reference)
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	return err == nil, err
}

// Client returns the SDK's client, whose options hold the credentials and the region
// of this process.
func (s *Store) Client(ctx context.Context) (*secretsmanager.Client, error) {
	return s.managed.client.Get(ctx, s.managed.connect)
}

func whole(reference destination.Reference) destination.Reference {
	reference.Pointer = ""
	return reference
}

func (s *Store) read(ctx context.Context, reference destination.Reference, previous *Version) (*Version, cache.Life, error) {
	from, ok := s.sources[reference.Provider]
	if !ok {
		return nil, cache.Life{}, unavailable(reference, "has no provider that keyrelay knows. Write secretsmanager:, env: or file: before its name.", nil)
	}
	content, err := from.read(ctx, reference)
	if err == nil {
		content = s.pending(ctx, reference, withoutWrapping(reference.Provider, content))
	}
	switch {
	case err != nil:
		return nil, cache.Life{}, err
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		return nil, cache.Life{}, unavailable(reference, "is in UTF-16, as PowerShell writes files. Store it as UTF-8.", nil)
	case len(content) == 0:
		return nil, cache.Life{}, unavailable(reference, "is empty. Store a value in it.", nil)
	case len(content) > maxSecretBytes:
		return nil, cache.Life{}, unavailable(reference, "is longer than 65,536 bytes. Store the bare key, or a JSON object with little beside it.", nil)
	}
	now := cache.Now()
	life := cache.Life{Refresh: now.Add(s.config.TTL), Expiry: now.Add(max(s.config.TTL, s.config.MaxAge))}
	if previous != nil && bytes.Equal(previous.bytes(), content) {
		return previous, life, nil
	}
	return &Version{bytes: func() []byte { return content }}, life, nil
}

// maxWrapping is how many bytes withoutWrapping takes off at most.
const maxWrapping = len("\ufeff\r\n")

// withoutWrapping takes off what tools put around a text: a byte order mark, and the last line
// break, as --secret-string file://key takes it along. What may be no text, such as random
// bytes in Secrets Manager, stays as it is; a file is a text, in whatever charset.
func withoutWrapping(provider string, content []byte) []byte {
	if provider != "file" && !utf8.Valid(content) {
		return content
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	return bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
}

// Select returns what the reference's pointer selects. A secret without a pointer is
// a text unless it is a JSON object. The error is a *gateway.Refusal with the reason
// ErrUnavailable.
func (v *Version) Select(reference destination.Reference) (Value, error) {
	content := v.bytes()
	if reference.Pointer == "" {
		return Value{Bytes: v.bytes, IsJSON: rawjson.IsObject(content)}, nil
	}
	if _, ok := rawjson.Pointer("").Find(content); !ok {
		if problem := (Value{Bytes: v.bytes}).Malformed(); problem != "" {
			return Value{}, Unusable(reference, problem)
		}
		return Value{}, Unusable(reference, "is not JSON, so that its pointer selects nothing. Store a JSON object such as "+wrapping(reference.Pointer)+", or take the part from # on off the reference.")
	}
	found, ok := reference.Pointer.Find(content)
	if !ok {
		return Value{}, lacksPointed(reference, content)
	}
	if text, ok := rawjson.Plain(found); ok {
		content = []byte(text)
		return Value{Bytes: func() []byte { return content }}, nil
	}
	if found[0] == 'n' {
		return Value{}, Unusable(reference, "is null. Store a value in it.")
	}
	return Value{Bytes: func() []byte { return found }, IsJSON: true}, nil
}
