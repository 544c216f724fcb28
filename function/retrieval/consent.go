package retrieval

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// A Consent asks for a person's consent in a browser: an authorization request (RFC 6749
// section 4.1.1) with PKCE (RFC 7636), and what is needed to redeem its answer.
type Consent struct {
	// URL is where the person consents.
	URL *url.URL
	// State comes back with the answer. An answer without it belongs to another request
	// (RFC 6749 section 10.12).
	State string

	in inputs
}

// An authorizationCode is what a token request redeems (RFC 6749 section 4.1.3, RFC 7636
// section 4.5). Parameters for the code alone may ask for any of it.
type authorizationCode struct {
	code, redirect, verifier, state string
}

// find finds what a parameter's template asks for; nil has nothing.
func (a *authorizationCode) find(part destination.TemplatePart) ([]byte, bool) {
	if a == nil {
		return nil, false
	}
	value := map[rawjson.Pointer]string{"/code": a.code, "/redirect_uri": a.redirect, "/code_verifier": a.verifier, "/state": a.state}[part.Pointer]
	return rawjson.Encode(value), value != ""
}

// AskConsent makes the authorization request of a scheme. A browser takes the answer to the
// redirect URI. The authorization endpoint is the flow's authorizationUrl, whose query
// stays, or the discovery document's. The error is as from Get.
func (r *Retriever) AskConsent(ctx context.Context, scope Scope, redirect string) (*Consent, error) {
	in, err := r.readInputs(ctx, scope)
	if err != nil {
		return nil, err
	}
	client, err := in.needed("client_id")
	if err != nil {
		if client, err = r.register(ctx, &in, redirect, err); err != nil {
			return nil, err
		}
	}
	endpoint, err := r.authorizationEndpoint(ctx, scope)
	if err != nil {
		return nil, err
	}
	in.code = &authorizationCode{redirect: redirect, verifier: unguessable(), state: unguessable()}
	challenge := sha256.Sum256([]byte(in.code.verifier))
	consent := &Consent{URL: endpoint, State: in.code.state, in: in}
	query := endpoint.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": client, "redirect_uri": redirect, "state": consent.State,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
	} {
		if name != "response_type" || !query.Has(name) {
			query.Set(name, value)
		}
	}
	if scopes := consentScopes(scope.Scheme); len(scopes) > 0 {
		query.Set("scope", strings.Join(scopes, " "))
	}
	endpoint.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return consent, nil
}

// unguessable is as long as RFC 7636 section 4.1 has a verifier, and made of the characters there.
func unguessable() string { return rand.Text() + rand.Text() }

// authorizationEndpoint is where a person consents.
func (r *Retriever) authorizationEndpoint(ctx context.Context, scope Scope) (*url.URL, error) {
	var endpoint url.URL
	switch flow := scope.Scheme.Flow; {
	case flow != nil && flow.AuthorizationURL != nil:
		endpoint = *flow.AuthorizationURL
	case flow != nil:
		return nil, failed(scope, "its flow has no authorizationUrl that a browser can open. Write the whole URL into the flow authorizationCode, from https:// on.")
	default:
		got, err := r.discoveries.Get(ctx, Scope{Destination: scope.Destination, Scheme: scope.Scheme})
		if err != nil {
			return nil, err
		}
		endpoint = got.Value.authorizationEndpoint
	}
	if endpoint.Host == "" {
		return nil, failed(scope, "its discovery document names no authorization_endpoint that a browser can open: it has to be an https URL without user name and fragment.")
	}
	return &endpoint, nil
}

// consentScopes are the scopes that a person is asked for: those that the document's
// operations require, else all of the flow's; openid, without which OpenID Connect
// refuses the request (Core 1.0 section 3.1.2.1), unless the discovery document is one of
// OAuth (RFC 8414 section 3); and the scope of refresh tokens
// (section 11) where the flow lists it.
func consentScopes(scheme *destination.SecurityScheme) []string {
	const openid, offline = "openid", "offline_access"
	scopes := slices.Clone(scheme.RequiredScopes)
	switch {
	case scheme.Flow == nil && !strings.Contains(scheme.DiscoveryURL.Path, "/.well-known/oauth-authorization-server") && !slices.Contains(scopes, openid):
		return append([]string{openid}, scopes...)
	case scheme.Flow != nil && len(scopes) == 0:
		return scheme.Flow.Scopes
	case scheme.Flow != nil && slices.Contains(scheme.Flow.Scopes, offline) && !slices.Contains(scopes, offline):
		return append(scopes, offline)
	}
	return scopes
}

// Redeem exchanges the code of an authorization answer for a refresh token, or an access
// token that does not expire, and writes that into a member of the scheme's secret. The
// error is as from Get.
func (r *Retriever) Redeem(ctx context.Context, consent *Consent, code string) (member string, err error) {
	in := consent.in
	redeemed := *in.code
	redeemed.code = code
	in.code = &redeemed
	got, host, err := r.ask(ctx, in)
	if err != nil {
		return "", err
	}
	document := asDocument(got)
	member, token, ok := in.consented(document, got.Asked)
	switch {
	case got.Status < 200 || got.Status > 299:
		return "", withAnswer(refusedBy(in, got), host, got)
	case !ok && oauthError(got) != "":
		return "", withAnswer(failed(in.scope, in.oauthProblem(oauthError(got))), host, got)
	case !ok:
		return "", withAnswer(failed(in.scope, in.place()+" gave no refresh token. Many providers give one only where they are asked to: by the scope offline_access, or by "+
			"access_type=offline&prompt=consent in the query of authorizationUrl; some at the first consent alone, which is then to be withdrawn there."), host, got)
	}
	member = in.written(member)
	if err := r.secrets.WriteMember(ctx, in.scope.Secret(), member, token); err != nil {
		return "", err
	}
	return member, r.writeBack(ctx, in, document)
}

// consented is what an answer gives for good, and the member of the secret that keeps it:
// a refresh token, else what x-keyrelay-write-back names, else an access token that does not expire.
func (in *inputs) consented(document []byte, asked time.Time) (member, token string, ok bool) {
	for _, place := range slices.Concat(in.scope.Scheme.WriteBack, refreshTokens()) {
		if text, found := textAt(document, place.Pointer); found && (!ok || place.Member == refreshTokenMember && member != refreshTokenMember) {
			member, token, ok = place.Member, text, true
		}
	}
	if _, expires := expiresIn(in.scope, document, asked); !ok && !expires {
		member = accessTokenMember
		token, ok = textMember(document, accessTokenMember, "accessToken")
	}
	return member, token, ok
}

// register makes a client of a provider that lets anybody do so (RFC 7591), for a secret
// that holds none, and keeps it there. lacking is the error without one. The client is a
// public one, which PKCE protects, unless the provider gives it a secret.
func (r *Retriever) register(ctx context.Context, in *inputs, redirect string, lacking error) (id string, err error) {
	if in.scope.Scheme.Kind != destination.OpenIDConnect {
		return "", lacking
	}
	found, err := r.discoveries.Get(ctx, Scope{Destination: in.scope.Destination, Scheme: in.scope.Scheme})
	if err != nil {
		return "", err
	}
	endpoint := found.Value.registrationEndpoint
	if endpoint.Host == "" {
		return "", lacking
	}
	made := &request{method: http.MethodPost, url: endpoint, at: "the registration_endpoint of its openIdConnectUrl", header: http.Header{"Accept": {jsonType}}, members: []byte(
		`"client_name":"keyrelay","redirect_uris":[` + string(rawjson.Encode(redirect)) + `],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none"`)}
	got, err := r.send(ctx, in.scope, made, nil)
	if err != nil {
		return "", err
	}
	if got.Status < 200 || got.Status > 299 {
		return "", withAnswer(failed(in.scope, "its provider registers no client for "+redirect+". Register one there, and store its client_id in the secret."), endpoint.Hostname(), got)
	}
	id, ok := textMember(got.Body, "client_id")
	if !ok {
		return "", withAnswer(failed(in.scope, "its provider registered a client without a client_id. Register one there, and store its client_id in the secret."), endpoint.Hostname(), got)
	}
	members := in.members()
	for _, name := range []string{"client_id", "client_secret"} {
		text, given := textMember(got.Body, name)
		if !given {
			continue
		}
		if err := r.secrets.WriteMember(ctx, in.scope.Secret(), name, text); err != nil {
			return "", err
		}
		members = rawjson.WithMember(members, []string{name}, rawjson.Encode(text))
	}
	in.members = func() []byte { return members }
	return id, nil
}
