package retrieval

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// A request is the request of a retrieval while it is being put together. What it
// holds does not outlive the retrieval.
type request struct {
	method string
	url    url.URL
	// at is where the document has the URL.
	at     string
	header http.Header
	// members are those of a JSON body, without its braces.
	members []byte
	form    url.Values
	// json says that the form is sent as a JSON object.
	json bool
}

// newKeyRequest is the call of x-itential-dynamic-retrieval,
// https://docs.itential.com/docs/dynamic-api-key-retrieval-integration-models.
func newKeyRequest(in *inputs) (*request, error) {
	retrieval := in.scope.Scheme.Retrieval
	r := &request{method: retrieval.Method, url: *retrieval.URL, at: in.place(), header: http.Header{"Accept": {"application/json, */*;q=0.5"}}}
	if in.scope.Scheme.RequestContentType == formType {
		r.form = url.Values{}
	}
	return r, r.fill(in, "key")
}

// newTokenRequest is a token request (RFC 6749 sections 4.3.2 and 4.4.2).
func newTokenRequest(in *inputs, endpoint *url.URL) (*request, error) {
	r := &request{method: http.MethodPost, url: *endpoint, at: in.place(), header: http.Header{"Accept": {jsonType}}, form: url.Values{}, json: in.scope.Scheme.JSONTokenRequest}
	if err := r.grant(in); err != nil {
		return nil, err
	}
	if err := r.client(in); err != nil {
		return nil, err
	}
	uses := []string{"token"}
	if in.code != nil {
		uses = append(uses, "code")
	}
	if in.refreshToken() != "" {
		uses = append(uses, "refresh")
	}
	return r, r.fill(in, uses...)
}

// grant adds what entitles to the token: an authorization code, a refresh token, nothing but the client's own
// rights, the resource owner's password, or a signed assertion (RFC 7523 section 2.1).
func (r *request) grant(in *inputs) error {
	grant := "client_credentials"
	if in.scope.Scheme.Flow != nil {
		grant = in.scope.Scheme.Flow.GrantType
	}
	refreshToken := in.refreshToken()
	switch {
	case in.code != nil:
		r.form = url.Values{"grant_type": {"authorization_code"}, "code": {in.code.code}, "redirect_uri": {in.code.redirect}, "code_verifier": {in.code.verifier}}
		return nil
	case refreshToken != "":
		r.form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}
		return nil // with the scopes that it has
	case grant == "authorization_code":
		return secret.Unusable(in.scope.Scheme.Secret, "has no member refresh_token, which the flow of "+in.scope.Scheme.Name+" needs. Get one by "+login(in.scope)+".")
	}
	if in.scope.Scopes != "" {
		r.form.Set("scope", in.scope.Scopes)
	}
	if in.scope.Scheme.JWTGrant {
		assertion, err := in.sign(map[string]string{"aud": r.url.String()})
		r.form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		r.form.Set("assertion", assertion)
		return err
	}
	r.form.Set("grant_type", grant)
	if grant != "password" {
		return nil
	}
	for _, name := range [...]string{"username", "password"} {
		value, err := in.needed(name)
		if err != nil {
			return err
		}
		r.form.Set(name, value)
	}
	return nil
}

// client adds the client's authentication (RFC 6749 section 2.3.1, RFC 7523 section
// 2.2). A public client of the password flow, with a code or with a refresh token has no
// secret, and possibly no id (section 3.2.1 of the former); neither needs one whose grant is signed, or a grant of the document's own. A client with a
// certificate authenticates by that where it has no secret (RFC 8705 section 2).
func (r *request) client(in *inputs) error {
	id, hasID := in.member("client_id")
	clientSecret, hasSecret := in.member("client_secret")
	if strings.HasSuffix(in.scope.Scheme.ClientAuthentication, "_jwt") {
		return r.clientAssertion(in)
	}
	if in.authenticatesItself(hasID) {
		return nil
	}
	grant := r.form.Get("grant_type")
	ownGrant := !hasID && slices.ContainsFunc(in.scope.Scheme.Parameters, func(p destination.RetrievalParameter) bool {
		if p.Name != "grant_type" || !slices.Contains(p.UseIn, "token") {
			return false
		}
		value, err := in.value(p)
		return err != nil || !bytes.Equal(value, rawjson.Encode(grant)) // else it is OAuth's own
	})
	public := ownGrant || grant == "password" || grant == "refresh_token" || grant == "authorization_code" || in.scope.Scheme.JWTGrant
	if (public || hasID && in.scope.Certificate != nil) && !hasSecret {
		if hasID && !in.scope.Scheme.JWTGrant {
			r.form.Set("client_id", id)
		}
		return nil
	}
	if _, err := in.needed("client_id"); err != nil {
		return err
	}
	if _, signs := in.member("private_key"); signs && !hasSecret {
		return in.unusable("has a private_key and no client_secret. To sign with the key, write x-keyrelay-jwt, and x-keyrelay-grant: jwt-bearer or x-keyrelay-client-authentication: private_key_jwt, into the document.")
	}
	if !hasSecret { // one that is empty is one (RFC 6749 section 2.3.1)
		_, err := in.needed("client_secret")
		return err
	}
	if in.post || in.scope.Scheme.ClientAuthentication == "client_secret_post" {
		r.form.Set("client_id", id)
		r.form.Set("client_secret", clientSecret)
		return nil
	}
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(clientSecret)
	if in.unencoded {
		pair = id + ":" + clientSecret
	}
	r.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return nil
}

// authenticatesItself reports whether the document's parameters say how the client does: it
// must not in two ways at once (RFC 6749 section 2.3). One for Authorization replaces HTTP basic anyway.
func (in *inputs) authenticatesItself(hasID bool) bool {
	return slices.ContainsFunc(in.scope.Scheme.Parameters, func(p destination.RetrievalParameter) bool {
		return slices.Contains(p.UseIn, "token") && (p.Name == "client_secret" || !hasID && p.In == "header" && strings.EqualFold(p.Name, "Authorization"))
	})
}

// encodingMatters reports whether HTTP basic has the client's id or secret other than they
// are, as RFC 6749 section 2.3.1 encodes them: many servers do not decode them.
func (in *inputs) encodingMatters() bool {
	id, _ := in.member("client_id")
	clientSecret, _ := in.member("client_secret")
	encoded := url.QueryEscape(id) != id || url.QueryEscape(clientSecret) != clientSecret
	return encoded && in.scope.Scheme.Kind != destination.RetrievedKey
}

// clientAssertion adds the client's signed assertion (RFC 7523 section 2.2).
func (r *request) clientAssertion(in *inputs) error {
	id, err := in.needed("client_id")
	if err != nil {
		return err
	}
	assertion, err := in.sign(map[string]string{"iss": id, "sub": id, "aud": r.url.String()})
	r.form.Set("client_id", id)
	r.form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	r.form.Set("client_assertion", assertion)
	return err
}

// fill adds the x-itential-parameters that are for one of these uses.
func (r *request) fill(in *inputs, uses ...string) error {
	for _, parameter := range in.scope.Scheme.Parameters {
		if !slices.ContainsFunc(parameter.UseIn, func(use string) bool { return slices.Contains(uses, use) }) {
			continue
		}
		value, err := in.value(parameter)
		if err != nil {
			return err
		}
		if parameter.In == "body" && r.form == nil {
			if len(r.members) > 0 {
				r.members = append(r.members, ',')
			}
			r.members = slices.Concat(r.members, rawjson.Encode(parameter.Name), []byte(":"), value)
			continue
		}
		values := [][]byte{value}
		if value[0] == '[' && parameter.In != "header" {
			values = slices.Collect(rawjson.Elements(value))
		}
		if parameter.In == "body" {
			r.form.Del(parameter.Name)
		}
		for _, each := range values {
			if problem := r.place(parameter, each); problem != "" {
				return in.unusable("does not fit: the value of " + parameter.Name + " for " + in.scope.Scheme.Name + " " + problem + ". Fix it.")
			}
		}
	}
	return nil
}

// place puts one value where its parameter says; problem says why it cannot be there.
// That of an array comes once for each element (RFC 8707 section 2, for example).
func (r *request) place(parameter destination.RetrievalParameter, value []byte) (problem string) {
	text, scalar := rawjson.Plain(value)
	switch {
	case !scalar:
		return "is an object or an array"
	case parameter.In == "header" && HeaderProblem(text) != "":
		return "holds what a header cannot carry"
	}
	switch parameter.In {
	case "query":
		if r.url.RawQuery != "" {
			r.url.RawQuery += "&"
		}
		r.url.RawQuery += EscapeQuery(parameter.Name) + "=" + EscapeQuery(text)
	case "header":
		r.header.Set(parameter.Name, text)
	default:
		r.form.Add(parameter.Name, text)
	}
	return ""
}

// EscapeQuery percent-encodes all but unreserved characters (RFC 3986 section 2.3).
func EscapeQuery(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// The media types of a retrieval's body.
const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// http makes the request. It has a body where there is anything to put into it.
func (r *request) http(ctx context.Context) (*http.Request, error) {
	var body []byte
	mediaType := ""
	switch {
	case r.json && len(r.form) > 0:
		body, mediaType = r.formObject(), jsonType
	case len(r.form) > 0:
		body, mediaType = []byte(r.form.Encode()), formType
	case len(r.members) > 0:
		body, mediaType = slices.Concat([]byte("{"), r.members, []byte("}")), jsonType
	}
	request, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = r.header
	if mediaType != "" && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", mediaType)
	}
	return request, nil
}

// formObject is the form as a JSON object: of fields that come more than once, arrays.
func (r *request) formObject() []byte {
	members := map[string]any{}
	for name, values := range r.form {
		if members[name] = values[0]; len(values) > 1 {
			members[name] = values
		}
	}
	return rawjson.Encode(members)
}
