package session

import (
	"context"
	"crypto/sha256"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"keyrelay/function/cache"
	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

const introspectionEndpoint = "its introspectionUrl"

// introspect asks the endpoint about a token (RFC 7662 section 2.1). Where it
// refuses keyrelay's own credential, another is got once, as for an outbound request.
func (c *Checker) introspect(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	own, err := c.credentials.GetFor(ctx, d, d.Session.IntrospectionSecurity)
	if err != nil {
		return verdict{}, uncheckedFor(d, err)
	}
	if own.Certificate() != nil {
		return verdict{}, unchecked(d, "the call to "+introspectionEndpoint+" presents no client certificate. Name a scheme of another type in the security of x-keyrelay-session.")
	}
	got, err := c.askAbout(ctx, d, own, token)
	if err != nil {
		return verdict{}, err
	}
	if own.Refused(got.Status, got.Header, got.Body) {
		if renewed, _ := c.credentials.Renew(ctx, own); renewed != nil {
			if got, err = c.askAbout(ctx, d, renewed, token); err != nil {
				return verdict{}, err
			}
		}
	}
	if got.Status != http.StatusOK {
		return verdict{}, uncheckedBy(d, introspectionEndpoint, got)
	}
	return readIntrospection(d, got.Body)
}

func (c *Checker) askAbout(ctx context.Context, d *destination.Destination, own *credential.Credential, token string) (*upstream.Answer, error) {
	request, err := newRequest(ctx, http.MethodPost, d.Session.IntrospectionURL, "application/json", url.Values{"token": {token}})
	if err != nil {
		return nil, unchecked(d, "introspectionUrl is not a URL of HTTP. Fix the document.")
	}
	own.Apply(request)
	return c.send(ctx, d, introspectionEndpoint, request, maxIntrospection)
}

// readIntrospection reads an answer (RFC 7662 section 2.2). Only the literal true
// makes a token active; without true or false the check was not made.
func readIntrospection(d *destination.Destination, body []byte) (verdict, error) {
	active, _ := rawjson.Pointer("/active").Find(body)
	switch string(active) {
	case "false":
		return verdict{problem: invalidToken}, nil
	case "true":
	default:
		return verdict{}, unchecked(d, introspectionEndpoint+" did not say whether the token is active (RFC 7662). Check it in the document.")
	}
	if problem := meantElsewhere(d.Session, body); problem != "" {
		return verdict{problem: problem}, nil
	}
	expiry, plainExpiry := timeMember(body, "/exp")
	notBefore, plainNotBefore := timeMember(body, "/nbf")
	if !plainExpiry || !plainNotBefore {
		return verdict{}, unchecked(d, introspectionEndpoint+" gave a time that is no number of seconds (RFC 7662). Check the endpoint.")
	}
	return tokenTimes(expiry, notBefore), nil
}

// meantElsewhere says why an active token is not meant for this relay: it is a refresh
// token, or lacks the issuer, audience or scopes that the document names. A token server
// knows tokens of every kind for every API.
func meantElsewhere(session *destination.Session, body []byte) (problem string) {
	scopes := strings.Fields(strings.Join(texts(body, "/scope"), " "))
	switch {
	case isRefreshToken(body):
		return refreshToken
	case session.Issuer != "" && !slices.Equal(texts(body, "/iss"), []string{session.Issuer}):
		return "is from another issuer"
	case session.Audience != "" && !slices.Contains(texts(body, "/aud"), session.Audience):
		return "is for another audience"
	case slices.ContainsFunc(session.Scopes, func(scope string) bool { return !slices.Contains(scopes, scope) }):
		return "lacks a scope that this API asks for"
	}
	return ""
}

// refreshToken is the problem of one that is sent in the place of an access token.
const refreshToken = "is a refresh token" // #nosec G101 -- words, not a token

// isRefreshToken reports whether what is said of a token, by itself or by an endpoint, calls it
// one that buys others, in any of the members in which token servers do.
func isRefreshToken(said []byte) bool {
	return slices.ContainsFunc([]rawjson.Pointer{"/token_type", "/token_use", "/typ", "/type"}, func(kind rawjson.Pointer) bool {
		return slices.ContainsFunc(texts(said, kind), func(text string) bool { return strings.Contains(strings.ToLower(text), "refresh") })
	})
}

// texts returns the text of a member, or the texts of its array.
func texts(document []byte, pointer rawjson.Pointer) []string {
	value, ok := pointer.Find(document)
	if !ok || value[0] == '{' {
		return nil
	}
	var found []string
	for element := range rawjson.Elements(value) {
		if text, whole := rawjson.ScalarText(nil, element); whole && element[0] == '"' {
			found = append(found, string(text))
		}
	}
	return found
}

// timeMember reads a member of seconds since 1970; nil if it is absent or null.
// plain is false if it is anything else.
func timeMember(document []byte, pointer rawjson.Pointer) (at *jwt.NumericDate, plain bool) {
	found, ok := pointer.Find(document)
	if !ok || found[0] == 'n' {
		return nil, true
	}
	seconds, err := strconv.ParseFloat(string(found), 64)
	if err != nil {
		return nil, false
	}
	const bound = 1 << 50 // some 35 million years, far from where a time.Time wraps
	read := jwt.NumericDate(math.Floor(max(-bound, min(bound, seconds))))
	return &read, true
}

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
		// A credential for the call, the call, and both once more where the credential is refused.
		Timeout:        func(key answerKey) time.Duration { return 2 * (secret.Timeout + 3*key.destination.AuxiliaryTimeout) },
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
