package credential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"keyrelay/function/destination"
)

// A credentialText is what a request is given, and what must not come back.
type credentialText struct {
	// text is what the scheme's own header would hold.
	text string
	// secrets are the texts to mask in answers.
	secrets []string
}

// static prepares the credential of a scheme that is a secret itself. A secret
// that is not of the right shape is read again past the cache, so that a mended
// one is seen soon.
func (s *Store) static(ctx context.Context, wanted want) (*prepared, facts, error) {
	key := keyOf(wanted.scheme.Secret)
	got, err := s.secrets.Get(ctx, key)
	if err != nil {
		return nil, facts{}, err
	}
	made, taken, err := preparedOf(s, wanted, got, ofSecret)
	if err == nil {
		return made, taken, nil
	}
	again, renewErr := s.secrets.Renew(ctx, key, got.Value)
	if renewErr != nil || again.Value == got.Value {
		return nil, taken, err
	}
	return preparedOf(s, wanted, again, ofSecret)
}

// staticAnew reads the secret of a refused credential again.
func (s *Store) staticAnew(ctx context.Context, part *prepared) (*prepared, facts, error) {
	used, _ := part.version.(*version)
	got, err := s.secrets.Renew(ctx, keyOf(part.want.scheme.Secret), used)
	if err != nil {
		return nil, facts{waited: got.Waited}, err
	}
	return preparedOf(s, part.want, got, ofSecret)
}

// ofSecret makes a credential of a secret alone.
func ofSecret(wanted want, read *version) (*prepared, error) {
	scheme := wanted.scheme
	content, err := valueOf(scheme.Secret, read)
	if err != nil {
		return nil, err
	}
	var shown credentialText
	switch scheme.Kind {
	case destination.MutualTLS:
		return ofCertificate(scheme, content)
	case destination.Basic:
		shown, err = basicText(scheme, content)
	default:
		shown, err = keyText(scheme, content)
	}
	if err != nil {
		return nil, err
	}
	if shown.text == "" {
		return nil, unusable(scheme.Secret, "gives an empty key. Store a value in it.")
	}
	if scheme.Kind == destination.Bearer {
		shown.text = "Bearer " + shown.text
	}
	if problem := unfit(scheme, shown.text); problem != "" {
		return nil, unusable(scheme.Secret, problem)
	}
	return newPrepared(scheme, shown), nil
}

// keyText is a key: the secret's text, or the template over its members.
func keyText(scheme *destination.SecurityScheme, read value) (credentialText, error) {
	switch {
	case scheme.Value != nil && read.isJSON:
		text, err := scheme.Value.Fill(read.content)
		if err != nil {
			return credentialText{}, unusable(scheme.Secret, "lacks a member that x-keyrelay-value of "+scheme.Name+" names, or holds no text there. Add it to the secret, or mend the template.")
		}
		return credentialText{text, append(used(scheme.Value, read.content), text)}, nil
	case scheme.Value != nil:
		return credentialText{}, unusable(scheme.Secret, "is no JSON object, so that x-keyrelay-value of "+scheme.Name+" finds no members. Store an object, or take the template out.")
	case read.isJSON:
		return credentialText{}, unusable(scheme.Secret, "is a JSON object and not a key. Say which member is the key: end the reference of "+scheme.Name+" with a pointer such as #/api_key, or add x-keyrelay-value.")
	}
	text := string(read.content)
	return credentialText{text, []string{text}}, nil
}

// used returns the values that a template takes from a document.
func used(template *destination.ValueTemplate, document []byte) []string {
	var values []string
	for _, part := range template.Parts {
		if !part.IsPointer {
			continue
		}
		if found, ok := part.Pointer.Find(document); ok {
			if text, ok := scalarText(found); ok {
				values = append(values, text)
			}
		}
	}
	return values
}

// basicText is the value of Authorization for a user and a password (RFC 7617 section 2).
func basicText(scheme *destination.SecurityScheme, read value) (credentialText, error) {
	var members struct {
		Username *string `json:"username"`
		Password *string `json:"password"`
	}
	if !read.isJSON || json.Unmarshal(read.content, &members) != nil || members.Username == nil || members.Password == nil {
		return credentialText{}, unusable(scheme.Secret, `is not of the shape that http basic needs. Store {"username": "…", "password": "…"}.`)
	}
	pair := *members.Username + ":" + *members.Password
	if strings.Contains(*members.Username, ":") || strings.ContainsFunc(pair, isControl) {
		return credentialText{}, unusable(scheme.Secret, "holds a user name with a colon, or a control character such as a line break; http basic can carry neither.")
	}
	return credentialText{
		text:    "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)),
		secrets: []string{*members.Password, pair},
	}, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
