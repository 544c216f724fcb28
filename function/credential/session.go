package credential

import (
	"context"
	"errors"
	"net/http"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// ErrSessionCheck says that it cannot be told now whether a session token is valid.
var ErrSessionCheck = errors.New("the session check cannot be made")

const (
	// maxSessionToken is the size of the longest token that is looked at, in bytes.
	maxSessionToken = 16 << 10
	// clockLeeway is how far ahead the clock may go of whoever issues tokens: a fresh
	// token's nbf may lie this far in the future. An exp has no leeway, RFC 7519 section 4.1.4.
	clockLeeway = 10 * time.Second
)

// sessions is what the checks of session tokens keep.
type sessions struct {
	answers *cache.Cache[answerKey, verdict]
	keySets *cache.Cache[*destination.Destination, *keySet]
	lists   *cache.Cache[*destination.Destination, *digestList]
}

func newSessions(s *Store) sessions {
	return sessions{answers: newAnswers(), keySets: newKeySets(s), lists: newDigestLists(s)}
}

// A verdict is what a check found.
type verdict struct {
	// problem completes "The session token"; empty for a valid one.
	problem string
	// until is when the token itself ends that; zero for never.
	until time.Time
}

// invalidToken is the problem of a token of which no more is known.
const invalidToken = "is not valid, or no longer" // #nosec G101 -- words, not a token

// CheckSession checks a record's session token as x-keyrelay-session of the
// destination says; a destination without one accepts any. The error is a
// *gateway.Refusal with the reason plan.ErrSession where the token is not valid,
// or ErrSessionCheck where that cannot be told now: then RetryAfter is set. Nothing
// of the token is in either.
func (s *Store) CheckSession(ctx context.Context, d *destination.Destination, token string) error {
	if d.Session == nil {
		return nil
	}
	found, err := s.sessionVerdict(ctx, d, token)
	if err != nil {
		return err
	}
	if found.problem == "" {
		return nil
	}
	return &gateway.Refusal{
		Reason: plan.ErrSession,
		Detail: "The session token " + found.problem + ". Sign in again, and send the new token as the text of the field " + d.Session.Field + ".",
		Fields: []string{d.Session.Field},
	}
}

func (s *Store) sessionVerdict(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	switch {
	case len(token) > maxSessionToken:
		return verdict{problem: "is longer than 16 KB"}, nil
	case d.Session.IntrospectionURL != nil && d.Session.CacheFor > 0:
		return s.sessions.kept(ctx, d, token, func(ctx context.Context) (verdict, error) { return s.introspect(ctx, d, token) })
	case d.Session.IntrospectionURL != nil:
		return s.introspect(ctx, d, token)
	case d.Session.JWKSURL != nil:
		return s.verify(ctx, d, token)
	}
	return s.listed(ctx, d, token)
}

// tokenTimes holds the times of a token against the clock. A nil time is absent.
func tokenTimes(expiry, notBefore *time.Time) verdict {
	now := cache.Now()
	switch {
	case expiry != nil && !now.Before(*expiry):
		return verdict{problem: "has expired"}
	case notBefore != nil && now.Add(clockLeeway).Before(*notBefore):
		return verdict{problem: "is not valid yet", until: notBefore.Add(-clockLeeway)}
	case expiry != nil:
		return verdict{until: *expiry}
	}
	return verdict{}
}

// unchecked refuses with ErrSessionCheck.
func unchecked(d *destination.Destination, problem string) *gateway.Refusal {
	return &gateway.Refusal{
		Reason:     ErrSessionCheck,
		Detail:     "The session token for " + d.Name + " could not be checked, so the record is not sent: " + problem,
		RetryAfter: 1,
	}
}

// uncheckedFor refuses with ErrSessionCheck because of another refusal: that of a
// secret, of the credential for the call, or of the guard of its connection.
func uncheckedFor(d *destination.Destination, err error) *gateway.Refusal {
	reason := asRefusal(err)
	refusal := unchecked(d, reason.Detail)
	refusal.RetryAfter = max(refusal.RetryAfter, reason.RetryAfter)
	refusal.Cause = reason.Cause
	return refusal
}

func leftSession(d *destination.Destination, cause error) error {
	refusal := unchecked(d, "the request ended before there was an answer. Send it again.")
	refusal.Cause = cause
	return refusal
}

// sessionCall sends one request of a check by the destination's guarded client.
// what names the endpoint.
func (s *Store) sessionCall(ctx context.Context, d *destination.Destination, what string, request *http.Request, limit int64) (*reply, error) {
	got, err := s.exchange(d, request, limit)
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		return got, nil
	case errors.Is(err, errAnswerTooLong):
		return nil, unchecked(d, what+" answered with more than keyrelay reads. Check the URL in the document.")
	case ctx.Err() != nil, isTimeout(err):
		late := unchecked(d, what+" did not answer in time. Try again later, or give it longer with x-keyrelay-timeout in the document.")
		late.Cause = ctx.Err()
		return nil, late
	case errors.As(err, &refusal):
		return nil, uncheckedFor(d, refusal)
	}
	return nil, unchecked(d, what+" cannot be reached, or its answer is broken. Check the URL in the document and the endpoint's state.")
}

// uncheckedBy says what an answer other than 200 means.
func uncheckedBy(d *destination.Destination, what string, got *reply) *gateway.Refusal {
	problem := what + " failed. Try again later."
	switch {
	case got.status >= 300 && got.status < 400:
		problem = what + " redirects, which keyrelay does not follow. Write the final URL into the document."
	case got.status == http.StatusUnauthorized, got.status == http.StatusForbidden:
		problem = what + " does not accept keyrelay's own credential. Check the security of x-keyrelay-session, and the secret of its scheme."
	case got.status == http.StatusTooManyRequests:
		problem = what + " is asked too often. Try again later, or set cacheSeconds."
	case got.status >= 400 && got.status < 500:
		problem = what + " does not understand the call. Check its URL in the document."
	}
	refusal := unchecked(d, problem)
	refusal.RetryAfter = max(refusal.RetryAfter, retryAfter(got))
	return refusal
}
