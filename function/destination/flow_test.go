package destination_test

import (
	"strings"
	"testing"

	"keyrelay/function/destination"
)

const flows = `
openapi: 3.0.3
servers:
  - {url: "https://api.{region}.example.com/{version}", variables: {region: {enum: [us, eu], default: eu}, version: {default: v2}}}
  - {url: "https://{tenant}.example.net", variables: {tenant: {default: acme}}}
components:
  securitySchemes:
    implicit: {type: oauth2, flows: {implicit: {authorizationUrl: "https://id.example.com/authorize", scopes: {}}}}
    own: {type: oauth2, flows: {implicit: {}}, x-keyrelay-secret: "env:OWN"}
    both: {type: oauth2, flows: {implicit: {}, password: {tokenUrl: "https://id.example.com/token"}}}
    misspelt: {type: oauth2, flows: {implicit: {}, accessCode: {tokenUrl: "https://id.example.com/token"}}}
    empty: {type: oauth2, flows: {}}
    region: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://id.{region}.example.com/{version}/token", refreshUrl: "/{version}/refresh"}}}
    discovered: {type: openIdConnect, openIdConnectUrl: "https://{region}.example.org/.well-known/openid-configuration"}
    tenant: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://{region}.example.net/{tenant}/token"}}}
paths:
  /implicit: {get: {security: [{implicit: [read]}]}}
  /choice: {get: {security: [{implicit: [read]}, {empty: []}]}}
  /repeated: {get: {security: [{implicit: [read], both: [read]}]}, put: {security: [{both: [], own: []}]}}
  /misspelt: {get: {security: [{misspelt: []}]}}
  /empty: {get: {security: [{empty: []}]}}
`

// A scheme that has an implicit flow alone has the access token as its secret. Where there
// is a flow that a program can use, or one is meant, that counts.
func TestImplicitFlow(t *testing.T) {
	set := load(t, yaml(flows))
	schemes := set.Destinations()[0].Schemes
	for name, want := range map[string]destination.Kind{
		"implicit": destination.Bearer, "both": destination.OAuth2, "misspelt": destination.Unsupported, "empty": destination.Unsupported,
	} {
		if schemes[name].Kind != want {
			t.Errorf("%s is of the kind %d, want %d", name, schemes[name].Kind, want)
		}
	}
	if got := schemes["implicit"]; got.Word != "Bearer" || got.Field != "Authorization" || got.Secret.String() != "secretsmanager:keyrelay/api#/implicit" {
		t.Errorf("the token goes into %s after %q, from %s", got.Field, got.Word, got.Secret)
	}
	for _, path := range []string{"/implicit", "/choice"} {
		got := find(t, set, "GET", "https://api.eu.example.com/v2"+path)
		same(t, path, []destination.Requirement{{Scheme: schemes["implicit"], Scopes: []string{"read"}}}, got.Security)
		if got.Alternatives != nil {
			t.Errorf("%s has the alternatives %v", path, got.Alternatives)
		}
	}
}

// A requirement that asks for one authorization by a scheme for each flow gets the token that
// can be retrieved, unless the secret of the other one is named.
func TestRepeatedFlow(t *testing.T) {
	set := load(t, yaml(flows))
	schemes := set.Destinations()[0].Schemes
	for method, want := range map[string][]destination.Requirement{
		"GET": {{Scheme: schemes["both"], Scopes: []string{"read"}}}, "PUT": {{Scheme: schemes["both"]}, {Scheme: schemes["own"]}},
	} {
		same(t, method, want, find(t, set, method, "https://api.eu.example.com/v2/repeated").Security)
	}
}

// The variables of the first server are filled in the URLs of schemes too; those of
// another server are not.
func TestFlowVariables(t *testing.T) {
	set := load(t, yaml(flows))
	schemes := set.Destinations()[0].Schemes
	same(t, "token endpoint", "https://id.eu.example.com/v2/token", schemes["region"].Flow.TokenURL.String())
	same(t, "refresh endpoint", "https://api.eu.example.com/v2/refresh", schemes["region"].Flow.RefreshURL.String())
	same(t, "discovery document", "https://eu.example.org/.well-known/openid-configuration", schemes["discovered"].DiscoveryURL.String())
	if schemes["tenant"].Kind != destination.Unsupported {
		t.Error("the variable of another server is filled")
	}
	told := false
	for _, each := range set.Warnings() {
		told = told || strings.Contains(each.String(), "tokenUrl holds the variable tenant") && strings.Contains(each.Off, "tenant")
	}
	if !told {
		t.Errorf("the warnings are %v", set.Warnings())
	}
}

// A server that says nothing of variables fills none, whatever stands in its place.
func TestFlowWithoutVariables(t *testing.T) {
	const scheme = `
components: {securitySchemes: {region: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://{region}.example.com/token"}}}}}
`
	for _, servers := range []string{"[text]", "[{}]", "[null]", "[[]]", "text", "[]", "[{variables: text}]", "[{variables: {region: text}}]", "[{variables: {region: {enum: text}}}]"} {
		_, err := destination.Load(write(t, yaml("openapi: 3.1.0\nservers: "+servers+scheme)), destination.Config{})
		if err == nil || !strings.Contains(err.Error(), "server") {
			t.Errorf("%s: %v", servers, err)
		}
	}
}
