package credential

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
)

// How long a discovery document is used, and how long while it cannot be read again.
const (
	discoveryTTL    = time.Hour
	discoveryMaxAge = 24 * time.Hour
)

// A discovery is what a discovery document says (OpenID Connect Discovery 1.0 section 3).
type discovery struct {
	tokenEndpoint url.URL
}

// newDiscoveries returns the cache of discovery documents.
func newDiscoveries(s *Store) *cache.Cache[want, *discovery] {
	return &cache.Cache[want, *discovery]{
		Fetch:    s.discover,
		Timeout:  func(wanted want) time.Duration { return wanted.destination.AuxiliaryTimeout },
		OnCancel: leftRetrieval,
	}
}

// tokenDraft puts a token request together, for the endpoint that the document
// names or that is discovered.
func (s *Store) tokenDraft(ctx context.Context, in *inputs) (*draft, error) {
	if flow := in.want.scheme.Flow; flow != nil {
		return tokenDraft(in, flow.TokenURL)
	}
	scheme := want{destination: in.want.destination, scheme: in.want.scheme}
	got, err := s.discoveries.Get(ctx, scheme)
	if err != nil {
		return nil, err
	}
	return tokenDraft(in, &got.Value.tokenEndpoint)
}

// discover reads a discovery document.
func (s *Store) discover(ctx context.Context, wanted want, previous *discovery) (*discovery, cache.Life, error) {
	sent := &draft{method: http.MethodGet, url: *wanted.scheme.DiscoveryURL, header: http.Header{"Accept": {jsonType}}}
	got, err := s.call(ctx, wanted, sent)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if got.status != http.StatusOK {
		return nil, cache.Life{}, refusedBy(wanted, got)
	}
	text, ok := textMember(got.body, "token_endpoint")
	if !ok {
		return nil, cache.Life{}, failed(wanted, "its discovery document names no token_endpoint. Check openIdConnectUrl in the document.")
	}
	endpoint, err := url.Parse(text)
	if err != nil || !admitted(endpoint, wanted.destination.Network) {
		return nil, cache.Life{}, failed(wanted, "its discovery document names a token_endpoint that keyrelay does not call: it has to be an https URL without user name and fragment.")
	}
	now := cache.Now()
	span := cache.Life{Refresh: now.Add(discoveryTTL), Expiry: now.Add(discoveryMaxAge)}
	if previous != nil && previous.tokenEndpoint == *endpoint {
		return previous, span, nil
	}
	return &discovery{*endpoint}, span, nil
}

// admitted holds a discovered URL to the rules of a server's URL: a credential
// does not cross the internet in the clear.
func admitted(endpoint *url.URL, network destination.Network) bool {
	secure := endpoint.Scheme == "https" || endpoint.Scheme == "http" && network != destination.Public
	return secure && endpoint.Host != "" && endpoint.Hostname() != "" && endpoint.User == nil && endpoint.Fragment == "" && endpoint.Opaque == ""
}
