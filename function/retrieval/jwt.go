package retrieval

import (
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- RFC 7515 section 4.1.7 names a certificate by it
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// Sign makes the JWT that is a scheme's credential. life says when to make the next one.
// The error is a *gateway.Refusal with the reason secret.ErrUnavailable.
func Sign(scheme *destination.SecurityScheme, value secret.Value) (token string, life cache.Life, err error) {
	in := inputs{scope: Scope{Scheme: scheme}, members: value.Bytes}
	now := cache.Now()
	token, err = in.sign(nil)
	early := min(maxEarly, scheme.JWT.Lifetime/earlyPart)
	return token, cache.Life{Refresh: now.Add(scheme.JWT.Lifetime - early), Expiry: now.Add(scheme.JWT.Lifetime)}, err
}

// sign makes a JWT of the header and the claims that x-keyrelay-jwt names, claims that
// it does not name but that its use has, and iat, exp and jti (RFC 7519 section 4.1).
func (in *inputs) sign(claims map[string]string) (string, error) {
	scheme := in.scope.Scheme
	header, err := in.jwtPart(scheme.JWT.Header)
	if err != nil {
		return "", err
	}
	payload, err := in.jwtPart(scheme.JWT.Claims)
	if err != nil {
		return "", err
	}
	for name, value := range claims {
		payload = withClaim(payload, name, rawjson.Encode(value))
	}
	now := cache.Now()
	payload = withClaim(payload, "iat", strconv.AppendInt(nil, now.Unix(), 10))
	payload = withClaim(payload, "exp", strconv.AppendInt(nil, now.Add(scheme.JWT.Lifetime).Unix(), 10))
	payload = withClaim(payload, "jti", rawjson.Encode(rand.Text()))
	options := (&jose.SignerOptions{}).WithType("JWT")
	var members map[string]any
	if json.Unmarshal(header, &members) == nil {
		for name, value := range members {
			if value, err = thumbprint(scheme, name, value); err != nil {
				return "", err
			}
			options = options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	key, err := in.signingKey()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(scheme.JWT.Algorithm), Key: key}, options)
	if err != nil {
		return "", in.unfitKey()
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", in.unfitKey()
	}
	return signed.CompactSerialize()
}

// unfitKey refuses the secret's key, with which there is no signature.
func (in *inputs) unfitKey() error {
	scheme := in.scope.Scheme
	if strings.HasPrefix(scheme.JWT.Algorithm, "HS") {
		return secret.Unusable(scheme.Secret, "holds no client_secret that x-keyrelay-jwt can sign with. Store a text of as many bytes as the alg asks for, 32 for HS256, or a JWK of kty oct.")
	}
	held, _ := in.member("private_key")
	return secret.Unusable(scheme.Secret, "holds no private_key that x-keyrelay-jwt can sign with. Store a PEM text (-----BEGIN PRIVATE KEY-----) without a passphrase, or a JWK, of the kind that "+
		scheme.JWT.Algorithm+" asks for."+secret.Held("private_key", held))
}

// jwtPart is the header or the claims as a JSON object.
func (in *inputs) jwtPart(template *destination.JSONTemplate) ([]byte, error) {
	if template == nil {
		return []byte("{}"), nil
	}
	part, err := template.Fill(in.find)
	if err != nil {
		return nil, secret.Lacks(in.scope.Scheme.Secret, in.members(), "lacks a member that x-keyrelay-jwt of "+in.scope.Scheme.Name+" names, or holds no text there: "+err.Error()+". Add it to the secret, or fix the template.",
			secret.Needed(template.Expressions())...)
	}
	return part, nil
}

// thumbprint is a header member's value: of a certificate in PEM, as x5t its SHA-1 and as
// x5t#S256 its SHA-256 digest (RFC 7515 sections 4.1.7 and 4.1.8).
func thumbprint(scheme *destination.SecurityScheme, name string, value any) (any, error) {
	text, _ := value.(string)
	if name != "x5t" && name != "x5t#S256" || !strings.Contains(text, "-----BEGIN ") {
		return value, nil
	}
	for block, rest := pem.Decode(secret.PEM(text, "CERTIFICATE")); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		digest := sha256.Sum256(block.Bytes)
		if name == "x5t#S256" {
			return base64.RawURLEncoding.EncodeToString(digest[:]), nil
		}
		short := sha1.Sum(block.Bytes) // #nosec G401 -- a name, which proves nothing
		return base64.RawURLEncoding.EncodeToString(short[:]), nil
	}
	return nil, secret.Unusable(scheme.Secret, "holds no certificate that "+name+" of "+scheme.Name+" can be made of. Store one in PEM (-----BEGIN CERTIFICATE-----).")
}

// withClaim adds a claim that is not there yet.
func withClaim(claims []byte, name string, value []byte) []byte {
	if _, given := rawjson.PointerTo(name).Find(claims); given {
		return claims
	}
	return rawjson.WithMember(claims, []string{name}, value)
}

// signingKey is the secret's client_secret for HMAC, a text or a JWK (RFC 7517) where its
// bytes are no text, else its private_key: PEM of PKCS #1, PKCS #8 or SEC 1, or a JWK as an
// object or as a text.
func (in *inputs) signingKey() (any, error) {
	scheme, name := in.scope.Scheme, "private_key"
	if strings.HasPrefix(scheme.JWT.Algorithm, "HS") {
		name = "client_secret"
	}
	if !rawjson.IsObject(in.members()) {
		return nil, secret.Unusable(scheme.Secret, `is a text, and `+scheme.Name+` signs with a member of an object. Store {"`+name+`": "…"}.`)
	}
	_, value, ok := in.findOwn(name)
	if !ok || value[0] == 'n' {
		return nil, secret.Lacks(scheme.Secret, in.members(), "has no member "+name+", with which "+scheme.Name+" signs. Add it.", name)
	}
	text, isText := rawjson.Plain(value)
	switch {
	case name == "client_secret" && isText:
		return []byte(text), nil
	case isText && !strings.HasPrefix(strings.TrimSpace(text), "{"):
		return secret.PrivateKey(text), nil
	case isText:
		value = []byte(text)
	}
	var key jose.JSONWebKey
	if key.UnmarshalJSON(value) != nil || key.IsPublic() {
		return nil, nil //nolint:nilerr // jose refuses it
	}
	if bytes, isSymmetric := key.Key.([]byte); isSymmetric && name == "client_secret" {
		return bytes, nil
	}
	return key, nil
}
