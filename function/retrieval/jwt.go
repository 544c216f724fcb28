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
	token, err = sign(scheme, in.find, nil)
	early := min(maxEarly, scheme.JWT.Lifetime/earlyPart)
	return token, cache.Life{Refresh: now.Add(scheme.JWT.Lifetime - early), Expiry: now.Add(scheme.JWT.Lifetime)}, err
}

// sign makes a JWT of the header and the claims that x-keyrelay-jwt names, claims that
// it does not name but that its use has, and iat, exp and jti (RFC 7519 section 4.1).
func sign(scheme *destination.SecurityScheme, find destination.Find, claims map[string]string) (string, error) {
	header, err := jwtPart(scheme, scheme.JWT.Header, find)
	if err != nil {
		return "", err
	}
	payload, err := jwtPart(scheme, scheme.JWT.Claims, find)
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
	key, err := signingKey(scheme, find)
	if err != nil {
		return "", err
	}
	unfit := "holds no private_key that x-keyrelay-jwt can sign with. Store a PEM text (-----BEGIN PRIVATE KEY-----) without a passphrase, or a JWK, of the kind that " + scheme.JWT.Algorithm + " asks for." + heldKey(find)
	if strings.HasPrefix(scheme.JWT.Algorithm, "HS") {
		unfit = "holds no client_secret that x-keyrelay-jwt can sign with. Store a text of as many bytes as the alg asks for, 32 for HS256, or a JWK of kty oct."
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(scheme.JWT.Algorithm), Key: key}, options)
	if err != nil {
		return "", secret.Unusable(scheme.Secret, unfit)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", secret.Unusable(scheme.Secret, unfit)
	}
	return signed.CompactSerialize()
}

// heldKey says for a message what kind of key the secret has.
func heldKey(find destination.Find) string {
	key, _ := secret.Value{Bytes: func() []byte { return wholeSecret(find) }, IsJSON: true}.Member("private_key")
	return secret.Held("private_key", key)
}

// jwtPart is the header or the claims as a JSON object.
func jwtPart(scheme *destination.SecurityScheme, template *destination.JSONTemplate, find destination.Find) ([]byte, error) {
	if template == nil {
		return []byte("{}"), nil
	}
	part, err := template.Fill(find)
	if err != nil {
		return nil, secret.Lacks(scheme.Secret, wholeSecret(find), "lacks a member that x-keyrelay-jwt of "+scheme.Name+" names, or holds no text there: "+err.Error()+". Add it to the secret, or fix the template.",
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

// wholeSecret is the JSON that find looks into.
func wholeSecret(find destination.Find) []byte {
	content, _ := find(destination.TemplatePart{IsPointer: true})
	return content
}

// signingKey is the secret's client_secret for HMAC, a text or a JWK (RFC 7517) where its
// bytes are no text, else its private_key: PEM of PKCS #1, PKCS #8 or SEC 1, or a JWK as an
// object or as a text.
func signingKey(scheme *destination.SecurityScheme, find destination.Find) (any, error) {
	name := "private_key"
	if strings.HasPrefix(scheme.JWT.Algorithm, "HS") {
		name = "client_secret"
	}
	_, value, ok := secret.Value{Bytes: func() []byte { return wholeSecret(find) }, IsJSON: true}.Find(name)
	if whole := wholeSecret(find); !rawjson.IsObject(whole) {
		return nil, secret.Unusable(scheme.Secret, `is a text, and `+scheme.Name+` signs with a member of an object. Store {"`+name+`": "…"}.`)
	}
	if !ok || value[0] == 'n' {
		return nil, secret.Lacks(scheme.Secret, wholeSecret(find), "has no member "+name+", with which "+scheme.Name+" signs. Add it.", name)
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
