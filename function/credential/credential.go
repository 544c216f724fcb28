// Package credential makes the credentials of destinations out of secrets, keeps
// them, and attaches them. It is the only room that ever holds a secret.
//
//	store := credential.New(credential.Config{SecretsManager: client, HTTPClient: guarded})
//	held, err := store.Get(ctx, outbound)
//	held.Apply(request)
//	masked := held.Mask(response)
//	if held.Refused(response) {
//		renewed := store.Renew(ctx, held) // nil where there is no other
//	}
//
// Secrets, keys and tokens that an HTTP call answers with, discovery documents and
// the role of this process are sources under one cache: one fetch in flight per
// key, failures remembered for 1 s to 30 s, an old value served while a refresh
// fails, up to a hard age. Ages are measured on the wall clock, because the
// monotonic clock of a frozen Lambda function stops.
//
// A fetch belongs to nobody: it has a goroutine and a time limit of its own, so
// that a caller who leaves fails no other. As a rule its first caller waits for it.
//
// Limits: a secret is at most 65,536 bytes and is read within 3 s; the answer of a
// retrieval is at most 64 KB and comes within the destination's AuxiliaryTimeout.
// In answers, a secret of less than 8 bytes is not masked.
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
	// SecretsManager reads secretsmanager: references, and its credentials and region
	// sign for AWS. It is asked for on the first use, so that a relay that does
	// neither needs no AWS configuration.
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
