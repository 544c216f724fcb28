package credential

import (
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

// staticText makes a credential of a secret alone.
func staticText(scheme *destination.SecurityScheme, read value) (credentialText, error) {
	if scheme.Kind == destination.Basic {
		return basicText(scheme, read)
	}
	shown, err := keyText(scheme, read)
	if err != nil {
		return shown, err
	}
	if shown.text == "" {
		return shown, unusable(scheme.Secret, "gives an empty key. Store a value in it.")
	}
	if scheme.Kind == destination.Bearer {
		shown.text = "Bearer " + shown.text
	}
	return shown, nil
}

// keyText is a key: the secret's text, or the template over its members.
func keyText(scheme *destination.SecurityScheme, read value) (credentialText, error) {
	switch {
	case scheme.Value != nil && read.isJSON:
		text, used, ok := expand(scheme.Value, read.content)
		if !ok {
			return credentialText{}, unusable(scheme.Secret, "lacks a member that x-keyrelay-value of "+scheme.Name+" names, or holds no text there. Add it to the secret, or mend the template.")
		}
		return credentialText{text, append(used, text)}, nil
	case scheme.Value != nil:
		return credentialText{}, unusable(scheme.Secret, "is no JSON object, so that x-keyrelay-value of "+scheme.Name+" finds no members. Store an object, or take the template out.")
	case read.isJSON:
		return credentialText{}, unusable(scheme.Secret, "is a JSON object and not a key. Say which member is the key: end the reference of "+scheme.Name+" with a pointer such as #/api_key, or add x-keyrelay-value.")
	}
	text := string(read.content)
	return credentialText{text, []string{text}}, nil
}

// expand fills a template from a JSON document. It returns the values that it put
// in as well; ok is false where one is missing, null, an object or an array.
func expand(template *destination.ValueTemplate, document []byte) (text string, used []string, ok bool) {
	var filled strings.Builder
	for _, part := range template.Parts {
		if !part.IsPointer {
			filled.WriteString(part.Literal)
			continue
		}
		found, ok := find(document, part.Pointer)
		if !ok {
			return "", nil, false
		}
		member, ok := scalarText(found)
		if !ok {
			return "", nil, false
		}
		filled.WriteString(member)
		used = append(used, member)
	}
	return filled.String(), used, true
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
