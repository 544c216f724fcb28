package retrieval

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// How long a discovery document is used, and how long while it cannot be read again.
const (
	discoveryTTL    = time.Hour
	discoveryMaxAge = 24 * time.Hour
)

// A discovery is what a discovery document says (OpenID Connect Discovery 1.0 section 3).
type discovery struct {
	tokenEndpoint url.URL
	// authorizationEndpoint is zero if there is none that may be used.
	authorizationEndpoint url.URL
	// registrationEndpoint is where anybody may make a client (RFC 7591); zero if there is none that may be used.
	registrationEndpoint url.URL
	// post says that clients authenticate in the form and not by HTTP basic.
	post bool
}

func newDiscoveries(r *Retriever) *cache.Cache[Scope, *discovery] {
	return &cache.Cache[Scope, *discovery]{
		Fetch:    r.discover,
		Timeout:  func(scope Scope) time.Duration { return scope.Destination.AuxiliaryTimeout },
		OnCancel: cancelled,
	}
}

// newTokenRequest puts a token request together, for the endpoint that the document
// names or that is discovered.
func (r *Retriever) newTokenRequest(ctx context.Context, in *inputs) (*request, error) {
	if flow := in.scope.Scheme.Flow; flow != nil {
		if in.refreshToken() != "" {
			return newTokenRequest(in, flow.RefreshURL)
		}
		return newTokenRequest(in, flow.TokenURL)
	}
	scheme := Scope{Destination: in.scope.Destination, Scheme: in.scope.Scheme, Certificate: in.scope.Certificate}
	got, err := r.discoveries.Get(ctx, scheme)
	if err != nil {
		return nil, err
	}
	if got.Value.post && in.scope.Scheme.ClientAuthentication == "" {
		in.post = true
	}
	return newTokenRequest(in, &got.Value.tokenEndpoint)
}

func (r *Retriever) discover(ctx context.Context, scope Scope, previous *discovery) (*discovery, cache.Life, error) {
	in := inputs{scope: scope, members: nothing, discovers: true}
	sent := &request{method: http.MethodGet, url: *scope.Scheme.DiscoveryURL, at: in.place(), header: http.Header{"Accept": {jsonType}}}
	got, err := r.send(ctx, scope, sent, nil)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if got.Status != http.StatusOK {
		return nil, cache.Life{}, withAnswer(refusedBy(in, got), sent.url.Hostname(), got)
	}
	names := []string{"token_endpoint"}
	if scope.Certificate != nil {
		names = []string{"mtls_endpoint_aliases/token_endpoint", "token_endpoint"} // RFC 8705 section 5
	}
	document := asDocument(got)
	text, ok := textMember(document, names...)
	if !ok {
		return nil, cache.Life{}, withAnswer(failed(scope, noDiscovery), sent.url.Hostname(), got)
	}
	endpoint, err := url.Parse(text)
	if err != nil || !admitted(endpoint, scope.Destination.Network) {
		return nil, cache.Life{}, withAnswer(failed(scope, "its discovery document names a token_endpoint that keyrelay does not call: it has to be an https URL without user name and fragment."), sent.url.Hostname(), got)
	}
	now := cache.Now()
	life := cache.Life{Refresh: now.Add(discoveryTTL), Expiry: now.Add(discoveryMaxAge)}
	read := discovery{tokenEndpoint: *endpoint, post: onlyPost(document)}
	for name, place := range map[string]*url.URL{"authorization_endpoint": &read.authorizationEndpoint, "registration_endpoint": &read.registrationEndpoint} {
		text, _ = textMember(document, name)
		if endpoint, err = url.Parse(text); err == nil && admitted(endpoint, scope.Destination.Network) {
			*place = *endpoint
		}
	}
	if previous != nil && *previous == read {
		return previous, life, nil
	}
	return &read, life, nil
}

// admitted holds a discovered URL to the rules of a server's URL: a credential
// does not cross the internet in the clear.
func admitted(endpoint *url.URL, network destination.Network) bool {
	secure := endpoint.Scheme == "https" || endpoint.Scheme == "http" && network != destination.Public
	return secure && endpoint.Hostname() != "" && endpoint.User == nil && endpoint.Fragment == ""
}

// onlyPost reports whether a discovery document offers client_secret_post and not the
// client_secret_basic that is meant where it offers nothing.
func onlyPost(document []byte) bool {
	offered := map[string]bool{}
	if methods, ok := rawjson.Pointer("/token_endpoint_auth_methods_supported").Find(document); ok {
		for each := range rawjson.Elements(methods) {
			method, _ := rawjson.Plain(each)
			offered[method] = true
		}
	}
	return offered["client_secret_post"] && !offered["client_secret_basic"]
}
