package destination

import (
	"cmp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// jwtAlgorithms are those of RFC 7518 section 3.1 and RFC 8037 section 3.1 that a JWT may be signed with.
func jwtAlgorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"}
}

// defaultJWTLifetime and maxJWTLifetime, in seconds, are how long a signed JWT is valid.
const (
	defaultJWTLifetime = 5 * time.Minute
	maxJWTLifetime     = 180 * 24 * 3600
)

// jwt reads x-keyrelay-jwt, and x-keyrelay-grant, which needs one.
func (r *reader) jwt(scheme *SecurityScheme, node *yaml.Node, templates *templateReader) {
	const what = extensionPrefix + "jwt"
	scheme.JWTGrant = r.oneOf(r.member(node, extensionPrefix+"grant"), extensionPrefix+"grant", "jwt-bearer") != ""
	object := r.member(node, what)
	if object == nil {
		if scheme.JWTGrant || strings.HasSuffix(scheme.ClientAuthentication, "_jwt") {
			r.fault(node, "this security scheme does not say how its JWT is signed", "write "+what+": {alg: RS256}")
		}
		return
	}
	if !r.mapping(object, what) {
		return
	}
	r.onlyKnown(object, what, "alg", "header", "claims", "lifetime")
	_, at := r.required(object, "alg", what, "write the algorithm that the API documents, such as alg: RS256")
	read := &JWT{
		Algorithm: r.oneOf(at, "the alg of "+what, jwtAlgorithms()...),
		Header:    r.jwtPart(object, "header", templates),
		Claims:    r.jwtPart(object, "claims", templates),
		Lifetime:  cmp.Or(r.seconds(r.member(object, "lifetime"), "lifetime", false, maxJWTLifetime), defaultJWTLifetime),
	}
	scheme.JWT = read
	switch scheme.Kind {
	case StaticKey, Bearer:
		scheme.Kind = SignedJWT
	case OAuth2, OpenIDConnect:
		if !scheme.JWTGrant && !strings.HasSuffix(scheme.ClientAuthentication, "_jwt") {
			r.fault(object, what+" has no use here", "write "+extensionPrefix+"client-authentication: private_key_jwt, or "+extensionPrefix+"grant: jwt-bearer")
		}
	}
}

// jwtPart reads the header or the claims; nil if there are none.
func (r *reader) jwtPart(object *yaml.Node, name string, templates *templateReader) *JSONTemplate {
	node := r.member(object, name)
	if node == nil || !r.mapping(node, name) {
		return nil
	}
	if at := r.member(node, "alg"); at != nil && name == "header" {
		r.fault(at, "alg stands twice", "write it beside header alone")
	}
	return templates.json(node, extensionPrefix+"jwt")
}
