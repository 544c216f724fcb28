package retrieval

import (
	"bytes"
	"context"
	"net/http"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

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
	made := &request{method: http.MethodPost, url: endpoint, at: "the registration_endpoint of its openIdConnectUrl", header: http.Header{"Accept": {jsonType}}, members: []bodyMember{
		{"client_name", []byte(`"keyrelay"`)}, {"redirect_uris", []byte("[" + string(quoted(redirect)) + "]")}, {"grant_types", []byte(`["authorization_code","refresh_token"]`)},
		{"response_types", []byte(`["code"]`)}, {"token_endpoint_auth_method", []byte(`"none"`)},
	}}
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
	members := bytes.Clone(in.members())
	for _, name := range []string{"client_id", "client_secret"} {
		text, given := textMember(got.Body, name)
		if !given {
			continue
		}
		if err := r.secrets.WriteMember(ctx, in.scope.Secret(), name, text); err != nil {
			return "", err
		}
		members = rawjson.WithMember(members, []string{name}, quoted(text))
	}
	in.members = func() []byte { return members }
	return id, nil
}
