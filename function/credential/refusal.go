package credential

import (
	"errors"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// unavailable refuses with ErrSecretUnavailable a secret that cannot be read. The cause stays private.
func unavailable(reference destination.Reference, problem string, cause error) *gateway.Refusal {
	return &gateway.Refusal{
		Reason: ErrSecretUnavailable,
		Detail: "The secret " + reference.String() + " " + problem,
		Cause:  cause,
	}
}

// unusable refuses with ErrSecretUnavailable a secret that was read but is not
// what it has to be. A mended one is seen at the next read past the cache.
func unusable(reference destination.Reference, problem string) *gateway.Refusal {
	refusal := unavailable(reference, problem, nil)
	refusal.RetryAfter = int(rereadInterval / time.Second)
	return refusal
}

// asRefusal returns err as the refusal that it is.
func asRefusal(err error) *gateway.Refusal {
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return &gateway.Refusal{Reason: err, Detail: "A credential cannot be had."}
}
