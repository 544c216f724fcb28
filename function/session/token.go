package session

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"keyrelay/function/destination"
)

// signatureAlgorithms are those with which tokens may be signed, asymmetric ones alone:
// the algorithm "none" and HMAC are not among them, RFC 8725 section 3.1.
func signatureAlgorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

// parseToken reads a token in the compact serialization; nil if it is not one that
// may be verified. Go's base64 skips line breaks, which RFC 7515 section 2 does not
// allow. What crit names changes the meaning of a token, and RFC 7797 section 7
// forbids b64, the only one that go-jose knows, in a JWT.
func parseToken(token string) *jwt.JSONWebToken {
	if strings.ContainsAny(token, "\r\n") {
		return nil
	}
	signed, err := jwt.ParseSigned(token, signatureAlgorithms())
	if err != nil || len(signed.Headers) != 1 || signed.Headers[0].ExtraHeaders["crit"] != nil {
		return nil
	}
	return signed
}

// verify checks a JWT by the key set of the document (RFC 7519 section 7.2). A key
// that the set does not have makes it be read again.
func (c *Checker) verify(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	signed := parseToken(token)
	if signed == nil {
		return verdict{problem: invalidToken}, nil
	}
	got, err := c.keySets.Get(ctx, d)
	if err != nil {
		return verdict{}, err
	}
	claims, known := got.Value.claims(signed)
	if !known {
		if got, err = c.keySets.Renew(ctx, d, got.Value); err != nil {
			return verdict{}, err
		}
		claims, known = got.Value.claims(signed)
	}
	switch {
	case claims != nil:
		return claimsVerdict(d.Session, claims), nil
	case !known && got.Failure != nil:
		return verdict{}, got.Failure
	}
	return verdict{problem: invalidToken}, nil
}

// tokenClaims are the claims of a token: the registered ones, and all as the token writes them.
type tokenClaims struct {
	*jwt.Claims
	text []byte
}

// claims returns the claims of a token that a key of the set verifies, nil if
// none does. known is false if another reading of the set might have one that does.
func (k *keySet) claims(signed *jwt.JSONWebToken) (claims *tokenClaims, known bool) {
	header := signed.Headers[0]
	for _, key := range k.keys {
		if header.KeyID != "" && key.KeyID != header.KeyID {
			continue
		}
		known = header.KeyID != ""
		if key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		var text json.RawMessage
		read := &jwt.Claims{}
		if signed.Claims(key.Key, read, &text) == nil {
			return &tokenClaims{read, text}, true
		}
	}
	return nil, known
}

// claimsVerdict checks the claims of a verified token, RFC 7519 section 4.1. An exp
// is required: what has none could not be revoked.
func claimsVerdict(session *destination.Session, claims *tokenClaims) verdict {
	switch {
	case isRefreshToken(claims.text):
		return verdict{problem: refreshToken}
	case claims.Issuer != session.Issuer:
		return verdict{problem: "is from another issuer"}
	case !claims.Audience.Contains(session.Audience):
		return verdict{problem: "is for another audience"}
	case claims.Expiry == nil:
		return verdict{problem: "has no expiry"}
	}
	return tokenTimes(claims.Expiry, claims.NotBefore)
}
