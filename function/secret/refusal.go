package secret

import (
	"errors"
	"strings"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// unavailable refuses a secret that cannot be read. The cause stays private.
func unavailable(reference destination.Reference, problem string, cause error) *gateway.Refusal {
	refusal := &gateway.Refusal{
		Reason: ErrUnavailable,
		Detail: "The secret " + reference.Public() + " " + problem,
		Cause:  cause,
	}
	if reference.Public() != reference.String() {
		refusal.Note = "The reference is " + reference.String() + "."
	}
	return refusal
}

// Unusable refuses with ErrUnavailable a secret that was read but is not what it has
// to be; problem completes "The secret NAME". A mended one is seen at the next read
// past the cache.
func Unusable(reference destination.Reference, problem string) *gateway.Refusal {
	refusal := unavailable(reference, problem, nil)
	refusal.RetryAfter = int(rereadInterval / time.Second)
	return refusal
}

// Problem takes an error of this package about a reference apart, as a fault of a document
// words it: what completes "the secret NAME", and what to do. told is false where the error
// is about something else.
func Problem(reference destination.Reference, err error) (problem, remedy string, told bool) {
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) || !errors.Is(refusal.Reason, ErrUnavailable) {
		return "", "", false
	}
	rest, told := strings.CutPrefix(refusal.Detail, "The secret "+reference.Public()+" ")
	problem, remedy, _ = strings.Cut(strings.TrimSuffix(rest, "."), ". ")
	first := min(1, len(remedy))
	return problem, strings.ToLower(remedy[:first]) + remedy[first:], told
}
