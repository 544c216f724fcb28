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

// Unusable returns a refusal with the reason ErrUnavailable, for a secret that was read but
// has the wrong content; problem completes "The secret NAME". A corrected one is noticed at
// the next read past the cache.
func Unusable(reference destination.Reference, problem string) *gateway.Refusal {
	refusal := unavailable(reference, problem, nil)
	refusal.RetryAfter = int(rereadInterval / time.Second)
	return refusal
}

// Cancelled refuses with the reason ErrUnavailable, since the request ended while a secret
// was being read.
func Cancelled(reference destination.Reference, cause error) error {
	refusal := unavailable(reference, "was still being read when the request ended. Send it again.", cause)
	refusal.RetryAfter = 1
	return refusal
}

// Problem splits an error of this package about a reference into the parts of a document's
// fault: problem completes "the secret NAME", and remedy says what to do. told is false if
// the error is about something else.
func Problem(reference destination.Reference, err error) (problem, remedy string, told bool) {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok || !errors.Is(refusal.Reason, ErrUnavailable) {
		return "", "", false
	}
	rest, told := strings.CutPrefix(refusal.Detail, "The secret "+reference.Public()+" ")
	problem, remedy, _ = strings.Cut(strings.TrimSuffix(rest, "."), ". ")
	if _, hint, found := strings.Cut(refusal.Note, "It has "); found {
		remedy = strings.TrimSuffix(join(remedy+".", "It has "+hint), ".")
	}
	first := min(1, len(remedy))
	return problem, strings.ToLower(remedy[:first]) + remedy[first:], told
}
