package credential

import (
	"encoding/json"
	"mime"
	"net/url"
	"strings"

	"keyrelay/function/destination"
)

// textOf takes the credential out of an answer. document is the answer as JSON,
// nil where it is a mere text.
func textOf(wanted want, got *reply) (shown credentialText, document []byte, err error) {
	document = documentOf(got)
	switch {
	case wanted.scheme.Value != nil:
		shown, err = templateText(wanted, document)
	case wanted.scheme.Kind == destination.RetrievedKey:
		shown, err = keyOfAnswer(wanted, got, document)
	default:
		shown, err = accessToken(wanted, document)
	}
	if err == nil && shown.text == "" {
		err = failed(wanted, "its endpoint answered with an empty one. Check the document and the API's state.")
	}
	return shown, document, err
}

// documentOf is the answer as JSON. A form is read as an object of texts: some
// token endpoints answer with one, RFC 6749 or not. Nil where the answer is neither.
func documentOf(got *reply) []byte {
	if document, ok := destination.Pointer("").Find(got.body); ok {
		return document
	}
	switch got.mediaType() {
	case formType, textType, "":
	default:
		return nil
	}
	form, err := url.ParseQuery(string(got.body))
	if err != nil || len(form) == 0 {
		return nil
	}
	members := map[string]string{}
	for name := range form {
		members[name] = form.Get(name)
	}
	document, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return document
}

const textType = "text/plain"

// mediaType is the answer's media type without parameters, empty for none.
func (r *reply) mediaType() string {
	mediaType, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	return mediaType
}

// templateText fills x-keyrelay-value from the object that responsePointer names,
// or from the whole answer.
func templateText(wanted want, document []byte) (credentialText, error) {
	of := document
	if retrieval := wanted.scheme.Retrieval; retrieval != nil && document != nil {
		found, ok := retrieval.ResponsePointer.Find(document)
		if !ok {
			return credentialText{}, failed(wanted, "its endpoint's answer has nothing at the responsePointer. Mend the document.")
		}
		if found[0] == '{' {
			of = found
		}
	}
	if of == nil {
		return credentialText{}, failed(wanted, "its endpoint's answer is not JSON, so that x-keyrelay-value finds nothing in it. Check the URL in the document.")
	}
	text, err := wanted.scheme.Value.Fill(of)
	if err != nil {
		return credentialText{}, failed(wanted, "its endpoint's answer lacks what x-keyrelay-value names, or holds no text there. Mend the template, or check the API's state.")
	}
	return credentialText{text, append(used(wanted.scheme.Value, of), text)}, nil
}

// keyOfAnswer is the value at responsePointer, or a whole answer that is a text.
func keyOfAnswer(wanted want, got *reply, document []byte) (credentialText, error) {
	pointer := wanted.scheme.Retrieval.ResponsePointer
	isJSON := json.Valid(got.body)
	if pointer == "" && !isJSON && (got.mediaType() == textType || got.mediaType() == "") {
		text := strings.TrimSuffix(strings.TrimSuffix(string(got.body), "\n"), "\r")
		return credentialText{text, []string{text}}, nil
	}
	found, ok := pointer.Find(document)
	if !ok {
		return credentialText{}, failed(wanted, "its endpoint's answer has nothing at the responsePointer, or is no JSON. Check responsePointer and URL in the document.")
	}
	text, ok := scalarText(found)
	if !ok || found[0] == 't' || found[0] == 'f' {
		return credentialText{}, failed(wanted, "its endpoint's answer has no text at the responsePointer. Make it point to the key itself.")
	}
	return credentialText{text, []string{text}}, nil
}

// accessToken reads a token answer (RFC 6749 section 5.1). The names in another
// spelling are those of providers that write JSON their own way.
func accessToken(wanted want, document []byte) (credentialText, error) {
	text, ok := textMember(document, "access_token", "accessToken")
	if !ok {
		return credentialText{}, failed(wanted, oauthProblem(errorMember(document)))
	}
	kind, _ := textMember(document, "token_type", "tokenType")
	switch strings.ToLower(kind) {
	case "mac", "dpop", "pop", "n_a":
		return credentialText{}, failed(wanted, "its endpoint answers with a token that is no bearer token, and keyrelay can send no other. Ask the API's operator for bearer tokens.")
	}
	return credentialText{"Bearer " + text, []string{text}}, nil
}

// textMember is the first of these members of an object that is a JSON string and not empty.
func textMember(document []byte, names ...string) (string, bool) {
	for _, name := range names {
		if found, ok := destination.Pointer("/" + name).Find(document); ok && found[0] == '"' {
			if text, ok := scalarText(found); ok && text != "" {
				return text, true
			}
		}
	}
	return "", false
}

// oauthError is the error code of an answer (RFC 6749 section 5.2); empty for none.
func oauthError(got *reply) string { return errorMember(documentOf(got)) }

func errorMember(document []byte) string {
	code, _ := textMember(document, "error")
	return code
}

// oauthProblem says what an error code means, in keyrelay's own words.
func oauthProblem(code string) string {
	switch code {
	case "invalid_client":
		return "its endpoint does not accept the client. Check the client's id and secret, and x-keyrelay-client-authentication."
	case "invalid_grant":
		return "its endpoint does not accept the user name and password. Check them in the secret."
	case "unauthorized_client", "unsupported_grant_type":
		return "its endpoint does not allow this flow to the client. Have it allowed there, or write another flow into the document."
	case "invalid_scope":
		return "its endpoint does not grant the scopes. Mend them in the document, or have them granted there."
	case "invalid_request":
		return "its endpoint finds the request incomplete. Check the parameters in the document, and x-keyrelay-client-authentication."
	}
	return "its endpoint did not answer with a credential. Check the URL, the parameters and the secret that the document names."
}
