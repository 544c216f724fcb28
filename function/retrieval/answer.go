package retrieval

import (
	"encoding/json"
	"net/url"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/upstream"
)

// readAnswer takes the credential out of an answer. document is the answer as JSON,
// nil where it is a mere text.
func readAnswer(scope Scope, got *upstream.Answer) (found content, document []byte, err error) {
	document = asDocument(got)
	switch {
	case scope.Scheme.Value != nil:
		found, err = templateText(scope, document)
	case scope.Scheme.Kind == destination.RetrievedKey:
		found, err = keyFromAnswer(scope, got, document)
	default:
		found, err = accessToken(scope, document)
	}
	if err == nil && found.text == "" {
		err = failed(scope, "its endpoint answered with an empty one. Check the document and the API's state.")
	}
	return found, document, err
}

// asDocument is the answer as JSON. A form is read as an object of texts: some
// token endpoints answer with one, RFC 6749 or not. Nil where the answer is neither.
func asDocument(got *upstream.Answer) []byte {
	if document, ok := rawjson.Pointer("").Find(got.Body); ok {
		return document
	}
	switch got.MediaType() {
	case formType, textType, "":
	default:
		return nil
	}
	form, err := url.ParseQuery(string(got.Body))
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

// templateText fills x-keyrelay-value from the object that responsePointer names,
// or from the whole answer.
func templateText(scope Scope, document []byte) (content, error) {
	of := document
	if retrieval := scope.Scheme.Retrieval; retrieval != nil && document != nil {
		found, ok := retrieval.ResponsePointer.Find(document)
		if !ok {
			return content{}, failed(scope, "its endpoint's answer has nothing at the responsePointer. Mend the document.")
		}
		if found[0] == '{' {
			of = found
		}
	}
	if of == nil {
		return content{}, failed(scope, "its endpoint's answer is not JSON, so that x-keyrelay-value finds nothing in it. Check the URL in the document.")
	}
	text, err := scope.Scheme.Value.Fill(of)
	if err != nil {
		return content{}, failed(scope, "its endpoint's answer lacks what x-keyrelay-value names, or holds no text there. Mend the template, or check the API's state.")
	}
	return content{text, append(scope.Scheme.Value.Values(of), text)}, nil
}

// keyFromAnswer is the value at responsePointer, or a whole answer that is a text.
func keyFromAnswer(scope Scope, got *upstream.Answer, document []byte) (content, error) {
	pointer := scope.Scheme.Retrieval.ResponsePointer
	isJSON := json.Valid(got.Body)
	if pointer == "" && !isJSON && (got.MediaType() == textType || got.MediaType() == "") {
		text := strings.TrimSuffix(strings.TrimSuffix(string(got.Body), "\n"), "\r")
		return content{text, []string{text}}, nil
	}
	found, ok := pointer.Find(document)
	if !ok {
		return content{}, failed(scope, "its endpoint's answer has nothing at the responsePointer, or is no JSON. Check responsePointer and URL in the document.")
	}
	text, ok := rawjson.Plain(found)
	if !ok || found[0] == 't' || found[0] == 'f' {
		return content{}, failed(scope, "its endpoint's answer has no text at the responsePointer. Make it point to the key itself.")
	}
	return content{text, []string{text}}, nil
}

// accessToken reads a token answer (RFC 6749 section 5.1). The names in another
// spelling are those of providers that write JSON their own way.
func accessToken(scope Scope, document []byte) (content, error) {
	text, ok := textMember(document, "access_token", "accessToken")
	if !ok {
		return content{}, failed(scope, oauthProblem(errorMember(document)))
	}
	kind, _ := textMember(document, "token_type", "tokenType")
	switch strings.ToLower(kind) {
	case "mac", "dpop", "pop", "n_a":
		return content{}, failed(scope, "its endpoint answers with a token that is no bearer token, and keyrelay can send no other. Ask the API's operator for bearer tokens.")
	}
	return content{"Bearer " + text, []string{text}}, nil
}

// textMember is the first of these members of an object that is a JSON string and not empty.
func textMember(document []byte, names ...string) (string, bool) {
	for _, name := range names {
		if found, ok := rawjson.Pointer("/" + name).Find(document); ok && found[0] == '"' {
			if text, ok := rawjson.Plain(found); ok && text != "" {
				return text, true
			}
		}
	}
	return "", false
}

// oauthError is the error code of an answer (RFC 6749 section 5.2); empty for none.
func oauthError(got *upstream.Answer) string { return errorMember(asDocument(got)) }

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
