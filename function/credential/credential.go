// Package credential makes the credentials of destinations out of secrets, keeps
// them, and attaches them. It is the only room that ever holds a secret.
//
//	store := credential.New(credential.Config{SecretsManager: client})
//	held, err := store.Get(ctx, outbound)
//	held.Apply(request)
//
// Every secret and every retrieved credential is a source under one cache: one
// fetch in flight per key, failures remembered for 1 s to 30 s, an old value
// served while a refresh fails, up to a hard age. Ages are measured on the wall
// clock, because the monotonic clock of a frozen Lambda function stops.
package credential

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// The reasons for which this room refuses a request.
var (
	// ErrSecretUnavailable says that a secret cannot be read now, or is not of the shape its scheme needs.
	ErrSecretUnavailable = errors.New("a secret is unavailable")
	// ErrRetrieval says that a retrieval failed.
	ErrRetrieval = errors.New("a retrieval failed")
	// ErrRetrievalTimeout says that a retrieval took too long.
	ErrRetrievalTimeout = errors.New("a retrieval timed out")
	// ErrCallerKey says that the caller's key is missing or wrong.
	ErrCallerKey = errors.New("the caller's key is invalid")
)

// Config says where secrets come from and how long they are kept.
type Config struct {
	// SecretsManager reads secretsmanager: references. It is asked for on the first use,
	// so that a relay without such references needs no AWS configuration.
	SecretsManager func(context.Context) (*secretsmanager.Client, error)
	// HTTPClient returns the guarded client that retrievals for a destination use.
	HTTPClient func(*destination.Destination) *http.Client
	// SecretTTL is how long a secret is used before it is read again; zero means 300 s.
	SecretTTL time.Duration
	// SecretMaxAge is how old a secret may get while it cannot be read again; zero switches that off.
	SecretMaxAge time.Duration
}

// A Secret gives the bytes of a secret when called. It is a func so that no
// print, log or encoder can show it.
type Secret func() []byte

// A Store holds all secrets and credentials. It is safe for concurrent use.
type Store struct{}

// New returns a Store that has read nothing yet.
func New(config Config) *Store { panic("to come") }

// Check reports every env: and file: reference of the set that names an unset
// variable or a missing file, and reads no secret of Secrets Manager. The error is of type destination.Faults.
func (s *Store) Check(set *destination.Set) error { panic("to come") }

// Secret reads one secret through the cache. The error is a *gateway.Refusal with the reason ErrSecretUnavailable.
func (s *Store) Secret(ctx context.Context, reference destination.Reference) (Secret, error) {
	panic("to come")
}

// CheckCallerKey refuses a request whose X-Api-Key is not the key, or one of the
// JSON array of keys, that reference names. Keys are compared in constant time.
// The error is a *gateway.Refusal with the reason ErrCallerKey or ErrSecretUnavailable.
func (s *Store) CheckCallerKey(ctx context.Context, reference destination.Reference, header http.Header) error {
	panic("to come")
}

// Get returns what the plan's operation and its header placeholders ask for.
func (s *Store) Get(ctx context.Context, outbound *plan.Plan) (*Credential, error) { panic("to come") }

// Renew is for an answer that refuses the credential used: it drops exactly that
// one and gets another. It returns nil when there is no other: the first answer stands.
func (s *Store) Renew(ctx context.Context, used *Credential) *Credential { panic("to come") }

// A Credential is all that one outbound request is given: one or more schemes.
type Credential struct {
	// Facts is what the log may know of it.
	Facts Facts
}

// Facts is what the log may know of a credential.
type Facts struct {
	// Cached says that no fetch was waited for.
	Cached bool
	// Stale names the schemes whose secret could not be read again and is served from the cache past its time.
	Stale []string
	// Wait is how long the fetches took that were waited for.
	Wait time.Duration
}

// Apply puts the credential into the request, last, and replaces any copy of its
// fields. It is the only way a secret enters a request.
func (c *Credential) Apply(request *http.Request) { panic("to come") }

// Refused reports whether the answer means that the credential was refused: x-keyrelay-refresh-on, or 401.
func (c *Credential) Refused(response *gateway.Response) bool { panic("to come") }

// Mask replaces every copy of the credential in the answer and names the schemes it found.
func (c *Credential) Mask(response *gateway.Response) []string { panic("to come") }
