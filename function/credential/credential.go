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
	// SecretMaxAge is how old a secret may get while it cannot be read again; zero
	// switches that off: a secret past SecretTTL is then never used.
	SecretMaxAge time.Duration
}

// A Secret gives the bytes of a secret when called. It is a func so that no
// print, log or encoder can show it. The bytes are shared: nobody may change them.
type Secret func() []byte
