package destination

import (
	"cmp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

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
	scheme.JWT = &JWT{
		// RFC 7518 section 3.1 and RFC 8037 section 3.1
		Algorithm: r.oneOf(at, "the alg of "+what, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"),
		Header:    r.jwtPart(object, "header", templates),
		Claims:    r.jwtPart(object, "claims", templates),
		Lifetime:  cmp.Or(r.seconds(object, "lifetime", false, maxJWTLifetime), defaultJWTLifetime),
	}
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

// sigv4 reads x-keyrelay-sigv4: which service and region of AWS signatures are for.
func (r *reader) sigv4(scheme *SecurityScheme, node *yaml.Node, kind string) {
	const what = extensionPrefix + "sigv4"
	at := r.member(node, what)
	if at == nil || kind != "apiKey" || !r.mapping(at, what) {
		return
	}
	r.onlyKnown(at, what, "service", "region")
	scheme.Kind, scheme.In, scheme.Field = AWSSignatureV4, "header", "Authorization"
	scheme.Service, _ = r.required(at, "service", what, "write the service's name as signatures have it, such as s3, es or execute-api")
	scheme.Region, _ = r.text(r.member(at, "region"), "region")
}

// oauth1 reads x-keyrelay-oauth1: how an http scheme OAuth signs.
func (r *reader) oauth1(scheme *SecurityScheme, node *yaml.Node) {
	const what = extensionPrefix + "oauth1"
	if scheme.Kind != SignedOAuth1 {
		return
	}
	object := r.member(node, what)
	r.onlyKnown(object, what, "signatureMethod", "realm")
	method := r.oneOf(r.member(object, "signatureMethod"), "the signatureMethod of "+what, "HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT")
	realm, _ := r.text(r.member(object, "realm"), "realm")
	if strings.ContainsAny(realm, "\"\\") || !gateway.ValidHeaderValue(realm) {
		r.fault(r.member(object, "realm"), "the realm of "+what+" is none that a header can carry", "write it as the API documents it")
	}
	scheme.OAuth1 = OAuth1{cmp.Or(method, "HMAC-SHA1"), realm}
}
