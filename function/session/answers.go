package session

import (
	"context"
	"crypto/sha256"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// maxAnswers is how many answers are kept at least; twice as many are kept at most, so
// that tokens made up by a caller fill no memory.
const maxAnswers = 5_000

// An answerKey names a token by its digest: the cache holds no token.
type answerKey struct {
	destination *destination.Destination
	digest      [sha256.Size]byte
}

// newAnswers returns the cache of what introspection endpoints said. A check that
// could not be made is not kept.
func newAnswers() *cache.Cache[answerKey, verdict] {
	return &cache.Cache[answerKey, verdict]{
		Timeout:        func(key answerKey) time.Duration { return introspectionTimeout(key.destination) },
		OnCancel:       func(key answerKey, cause error) error { return cancelled(key.destination, cause) },
		ForgetFailures: true,
		Limit:          maxAnswers,
	}
}

// introspectCached asks about a token where no answer is kept. An answer counts from
// when it came, and not past the token's own time (RFC 7662 section 4).
func (c *Checker) introspectCached(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	fetch := func(ctx context.Context, _ answerKey, _ verdict) (verdict, cache.Life, error) {
		found, err := c.introspect(ctx, d, token)
		until := cache.Now().Add(d.Session.CacheFor)
		if !found.until.IsZero() && found.until.Before(until) {
			until = found.until
		}
		return found, cache.Life{Refresh: until, Expiry: until}, err
	}
	got, err := c.answers.GetBy(ctx, answerKey{d, sha256.Sum256([]byte(token))}, fetch)
	return got.Value, err
}

// introspectionTimeout bounds a check with all that belongs to it: a credential for
// the call, the call, and both once more where the credential is refused.
func introspectionTimeout(d *destination.Destination) time.Duration {
	return 2 * (secret.Timeout + 3*d.AuxiliaryTimeout)
}
