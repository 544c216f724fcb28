package credential

import (
	"crypto/tls"
	"encoding/base64"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/mask"
	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// fromKey makes the part of a key: the secret's text, or the template over its members.
func fromKey(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	text, secrets, err := keyText(scheme, value)
	if err != nil {
		return nil, err
	}
	return fromText(scheme, text, secrets)
}

// nameBefore says that a secret is a text which begins with the name that its scheme puts
// before it, such as X-Api-Key: of a header that was copied whole; empty if it does not.
func nameBefore(scheme *destination.SecurityScheme, value secret.Value) (problem string) {
	separator := map[string]string{"header": ":", "query": "=", "cookie": "="}[scheme.In]
	name := scheme.Field + separator
	if text := string(value.Bytes()); separator == "" || value.IsJSON || len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
		return ""
	}
	return "begins with " + name + ", which keyrelay writes by itself. Store only what follows it."
}

// inQuotes says that a secret is a text in quotation marks, as a tool printed it that writes
// JSON; empty if it is not.
func inQuotes(value secret.Value) (problem string) {
	text := value.Bytes()
	if _, isJSON := rawjson.Pointer("").Find(text); value.IsJSON || !isJSON || text[0] != '"' {
		return ""
	}
	return "stands in quotation marks, which would be sent with it. Store it without them."
}

// fromAccessToken makes the part of an access token that is the secret, or a member of it.
func fromAccessToken(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	switch {
	case !retrieval.GivesAccessToken(value):
		return nil, secret.Unusable(scheme.Secret, "holds no access token.") // and so the means to retrieve one
	case scheme.Value != nil:
		return fromKey(scheme, value)
	case scheme.Source != nil:
		return nil, secret.Unusable(scheme.Secret, "holds an access token that is used as it is, so that there is no answer for x-keyrelay-response of "+scheme.Name+". Write x-keyrelay-value instead, or store what a token is retrieved with.")
	case !value.IsJSON:
		return fromBearerToken(scheme, value)
	}
	text, _ := value.Member("access_token")
	return fromText(scheme, "Bearer "+text, []string{text})
}

// fromBearerToken makes the part of an http bearer scheme (RFC 6750 section 2.1), or
// of another http scheme that is a word and a text.
func fromBearerToken(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	text, secrets, err := keyText(scheme, value)
	switch {
	case err != nil:
		return nil, err
	case text != "" && scheme.Word == "":
		text = "Bearer " + text
	case text != "":
		text = scheme.Word + " " + destination.WithoutWord(scheme.Word+" ", text)
	}
	return fromText(scheme, text, secrets)
}

// fromPassword makes the part of an http basic scheme (RFC 7617 section 2).
func fromPassword(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	if !value.IsJSON && strings.Contains(string(value.Bytes()), ":") {
		return fromPair(scheme, string(value.Bytes()))
	}
	name, hasName := value.Member("username")
	password, hasPassword := value.Member("password")
	if !hasName || !hasPassword {
		return nil, secret.Lacks(scheme.Secret, value.Bytes(), `is not of the shape that http basic needs. Store {"username": "…", "password": "…"}, or the text user:password.`, "username", "password")
	}
	if strings.Contains(name, ":") {
		return nil, secret.Unusable(scheme.Secret, "holds a user name with a colon, which http basic cannot carry. Store the user name of the API alone.")
	}
	return fromPair(scheme, name+":"+password)
}

func fromPair(scheme *destination.SecurityScheme, pair string) (*part, error) {
	if strings.ContainsFunc(pair, isControl) {
		return nil, secret.Unusable(scheme.Secret, "holds a control character such as a line break, which http basic cannot carry. Store it without.")
	}
	return fromText(scheme, "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)), []string{pair})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// fromText makes the part of a text that a request can carry.
func fromText(scheme *destination.SecurityScheme, text string, secrets []string) (*part, error) {
	if text == "" {
		return nil, secret.Unusable(scheme.Secret, "gives an empty key. Store a value in it.")
	}
	if problem := retrieval.Misfit(scheme, text); problem != "" {
		return nil, secret.Unusable(scheme.Secret, problem)
	}
	return newPart(scheme, text, secrets), nil
}

// keyText is a secret's text, or the template over it, and what to mask.
func keyText(scheme *destination.SecurityScheme, value secret.Value) (text string, secrets []string, err error) {
	text = string(value.Bytes())
	if scheme.Value == nil && value.IsJSON {
		return "", nil, secret.Lacks(scheme.Secret, value.Bytes(), "is a JSON object and not a key. Say which member is the key: end the reference of "+scheme.Name+" with a pointer such as #/api_key, or add x-keyrelay-value.")
	}
	if scheme.Value == nil {
		return text, []string{text}, nil
	}
	filled, taken, err := scheme.Value.Fill(func(part destination.TemplatePart) ([]byte, bool) {
		if part.Whole {
			return rawjson.Encode(text), !value.IsJSON
		}
		return destination.FindIn(value.Bytes())(part)
	})
	switch {
	case err != nil && value.IsJSON:
		err = secret.Lacks(scheme.Secret, value.Bytes(), "lacks a member that x-keyrelay-value of "+scheme.Name+" names, or holds no text there: "+err.Error()+". Add it to the secret, or fix the template.",
			secret.Needed(scheme.Value.Expressions())...)
	case err != nil:
		err = secret.Unusable(scheme.Secret, "is no JSON object, so that x-keyrelay-value of "+scheme.Name+" finds no members. Store an object, or write {{{.}}} for the whole text.")
	}
	return filled, append(taken, filled), err
}

// Certificate returns the certificate to present when connecting; nil for none. The pointer
// is its version: connections that presented the same pointer may be used again, and a
// rotated certificate is another pointer.
func (c *Credential) Certificate() *tls.Certificate {
	for _, part := range c.parts[:c.attached] {
		if part.certificate != nil {
			return part.certificate
		}
	}
	return nil
}

// fromCertificate reads a client certificate and its key, both PEM (RFC 7468).
func fromCertificate(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	text, _ := value.Member("certificate")
	key, _ := value.Member("private_key")
	if text == "" || key == "" {
		return nil, secret.Lacks(scheme.Secret, value.Bytes(), `is not of the shape that mutualTLS needs. Store {"certificate": "…", "private_key": "…"}, both as PEM text.`, "certificate", "private_key")
	}
	certificate, err := tls.X509KeyPair(secret.PEM(text, "CERTIFICATE"), secret.PEM(key, "PRIVATE KEY"))
	if err != nil {
		return nil, secret.Unusable(scheme.Secret, "holds no certificate with its private key. Store the PEM text of both (-----BEGIN CERTIFICATE-----, intermediates behind it, and -----BEGIN PRIVATE KEY-----, without a passphrase), and see that they belong together."+
			secret.Held("certificate", text)+secret.Held("private_key", key))
	}
	return &part{certificate: &certificate, masker: mask.New()}, nil
}
