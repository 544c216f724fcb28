// Package session checks the session token that a record holds.
//
//	sessions := session.New(secrets, credentials, client.Call)
//	err := sessions.Check(ctx, outbound.Destination, outbound.SessionToken())
//
// A token is checked at an introspection endpoint (RFC 7662), as a JWT with a key set
// (RFC 7519), or against a list of digests in a secret. Limits: a token has at most
// 16 KB, a key set 256 KB, an introspection answer 64 KB.
package session

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"keyrelay/function/cache"
	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

var (
	// ErrInvalid says that the session token is not valid.
	ErrInvalid = errors.New("the session is invalid")
	// ErrUnavailable says that a session token cannot be checked now.
	ErrUnavailable = errors.New("the session check cannot be made")
)

const (
	// maxToken is the size of the longest token that is looked at, in bytes.
	maxToken = 16 << 10
	// maxIntrospection is the size of the longest answer of an introspection endpoint.
	maxIntrospection = 64 << 10
	// clockLeeway is how far the clock of whoever issues tokens may be ahead: a fresh
	// token's nbf may lie this far in the future. An exp has no leeway, RFC 7519 section 4.1.4.
	clockLeeway = 10 * time.Second
)

// A Checker checks session tokens. It is safe for concurrent use.
type Checker struct {
	secrets     *secret.Store
	credentials *credential.Store
	call        upstream.CallFunc

	answers *cache.Cache[answerKey, verdict]
	keySets *cache.Cache[*destination.Destination, *keySet]
	lists   *cache.Cache[*destination.Destination, *digestList]
}

// New returns a Checker that has checked nothing yet. credentials authorize introspection
// calls.
func New(secrets *secret.Store, credentials *credential.Store, call upstream.CallFunc) *Checker {
	c := &Checker{secrets: secrets, credentials: credentials, call: call, answers: newAnswers()}
	c.keySets, c.lists = newKeySets(c), newDigestLists(c)
	return c
}

// A verdict is what a check found.
type verdict struct {
	// problem completes "The session token"; empty for a valid one.
	problem string
	// until is when that changes by the token's own times; zero for never.
	until time.Time
}

// invalidToken is the problem of a token about which nothing else is known.
const invalidToken = "is not valid, or no longer" // #nosec G101 -- words, not a token

// Check checks a record's session token as x-keyrelay-session of the destination says;
// without it any token is accepted. The error is a *gateway.Refusal. Its reason is
// ErrInvalid if the token is not valid, or ErrUnavailable if it cannot be checked now; then
// RetryAfter is set. Neither contains any of the token.
func (c *Checker) Check(ctx context.Context, d *destination.Destination, token string) error {
	if d.Session == nil {
		return nil
	}
	found, err := c.verdict(ctx, d, token)
	if err != nil || found.problem == "" {
		return err
	}
	return &gateway.Refusal{
		Reason: ErrInvalid,
		Detail: "The session token " + found.problem + ". Sign in again, and send the new token as the text of the field " + d.Session.Field + ".",
		Fields: []string{d.Session.Field},
	}
}

func (c *Checker) verdict(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	switch {
	case len(token) > maxToken:
		return verdict{problem: "is longer than 16 KB"}, nil
	case d.Session.IntrospectionURL != nil && d.Session.CacheFor > 0:
		return c.introspectCached(ctx, d, token)
	case d.Session.IntrospectionURL != nil:
		return c.introspect(ctx, d, token)
	case d.Session.JWKSURL != nil:
		return c.verify(ctx, d, token)
	}
	return c.lookUp(ctx, d, token)
}

// tokenTimes compares the times of a token with the clock. A nil time is absent.
func tokenTimes(expiry, notBefore *jwt.NumericDate) verdict {
	now := cache.Now()
	switch {
	case expiry != nil && !now.Before(expiry.Time()):
		return verdict{problem: "has expired"}
	case notBefore != nil && now.Add(clockLeeway).Before(notBefore.Time()):
		return verdict{problem: "is not valid yet", until: notBefore.Time().Add(-clockLeeway)}
	case expiry != nil:
		return verdict{until: expiry.Time()}
	}
	return verdict{}
}

// unchecked refuses with ErrUnavailable.
func unchecked(d *destination.Destination, problem string) *gateway.Refusal {
	return &gateway.Refusal{
		Reason:     ErrUnavailable,
		Detail:     "The session token for " + d.Name + " could not be checked, so the record is not sent: " + problem,
		RetryAfter: 1,
	}
}

// uncheckedFor refuses with ErrUnavailable because of another refusal: that of a
// secret, of the credential for the call, or of the guard of its connection.
func uncheckedFor(d *destination.Destination, err error) error {
	reason, ok := errors.AsType[*gateway.Refusal](err)
	if !ok {
		return err
	}
	refusal := unchecked(d, reason.Detail)
	refusal.RetryAfter = max(refusal.RetryAfter, reason.RetryAfter)
	refusal.Cause, refusal.Note = reason.Cause, reason.Note
	return refusal
}

func cancelled(d *destination.Destination, cause error) error {
	refusal := unchecked(d, "the request ended before there was an answer. Send it again.")
	refusal.Cause = cause
	return refusal
}

// newRequest makes the request of a check; form is its body, nil for none.
func newRequest(ctx context.Context, method string, target *url.URL, accept string, form url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	if len(form) > 0 {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request, nil
}

// send sends one request of a check. what names the member of the document that has its URL.
func (c *Checker) send(ctx context.Context, d *destination.Destination, what string, request *http.Request, limit int) (*upstream.Answer, error) {
	got, err := c.call(ctx, d, request, nil, limit)
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok {
		return got, err
	}
	refusal.Detail, _ = upstream.Describe(what, refusal)
	return nil, uncheckedFor(d, refusal)
}

// uncheckedBy says what an answer other than 200 means.
func uncheckedBy(d *destination.Destination, what string, got *upstream.Answer) *gateway.Refusal {
	problem := what + " failed. Try again later."
	switch {
	case got.Status >= 300 && got.Status < 400:
		problem = what + " redirects, which keyrelay does not follow. Write the final URL into the document."
	case got.Status == http.StatusUnauthorized, got.Status == http.StatusForbidden:
		problem = what + " does not accept keyrelay's own credential. Check the security of x-keyrelay-session, and the secret of its scheme."
	case got.Status == http.StatusTooManyRequests:
		problem = what + " is asked too often. Try again later, or set cacheSeconds."
	case got.Status >= 400 && got.Status < 500:
		problem = what + " does not understand the call. Check that URL in the document."
	}
	refusal := unchecked(d, problem)
	refusal.RetryAfter = max(refusal.RetryAfter, retrieval.RetryAfter(got))
	return refusal
}
