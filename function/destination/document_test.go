package destination_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

const head = "openapi: 3.1.1\nservers: [{url: \"https://api.example.com/v2\"}]\n"

// parsed is a URL that a test writes down.
func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// kinds is a document with a scheme of every kind, mostly the one of the design.
const kinds = head + `
info: {title: Kinds}
components:
  securitySchemes:
    partnerKey: {type: apiKey, in: query, name: api-key, x-keyrelay-secret: "secretsmanager:keyrelay/orders#/api_key"}
    plain: {type: apiKey, in: cookie, name: sid}
    session:
      type: apiKey
      in: header
      name: my_auth
      x-itential-dynamic-retrieval: {method: post, url: "https://some.api.com/api/v2/key?a=b", responsePointer: /credentials/key}
      x-itential-parameters:
        - {name: password, in: query, x-itential-use-in: [key], schema: {type: string}}
        - {name: level, in: body, x-itential-use-in: [key, token], schema: {type: number, default: 1.10}}
    free:
      type: apiKey
      in: header
      name: Authorization
      x-itential-dynamic-retrieval: {method: GET, url: "https://auth.example.com/token", responsePointer: ""}
      x-itential-parameters: [{name: a, in: header, x-itential-use-in: [key], x-itential-variable: b}]
      x-keyrelay-value: "{{{token_type}}} {{{/access~1token}}}!"
      x-keyrelay-request-content-type: application/x-www-form-urlencoded
      x-keyrelay-lifetime: 0
      x-keyrelay-expires-in: /life
    oauth:
      type: oauth2
      flows:
        implicit: {authorizationUrl: /nowhere}
        clientCredentials: {tokenUrl: "https://auth.example.com/oauth/token", scopes: {write: "", read: ""}}
      x-keyrelay-client-authentication: client_secret_post
      x-keyrelay-refresh-on: [401, {status: 200, pointer: /error/code, equals: {a: [1.0, "x"]}}]
      x-keyrelay-lifetime: 0.5
    owner: {type: oauth2, flows: {password: {tokenUrl: "https://auth.example.com/oauth/token"}}, x-keyrelay-refresh-on: []}
    vendor: {type: openIdConnect, openIdConnectUrl: "https://id.example.com/.well-known/openid-configuration"}
    cert: {type: mutualTLS, x-keyrelay-secret: "file:/run/secrets/cert#/a~1b"}
    aws: {type: apiKey, in: header, name: authorization, x-amazon-apigateway-authtype: awsSigv4}
    basic: {type: http, scheme: Basic, x-keyrelay-secret: "env:ORDERS_BASIC"}
    bearer: {type: http, scheme: bearer}
    digest: {type: http, scheme: digest}
    signature: {type: http, scheme: HMAC-SHA256}
    person: {$ref: "#/components/x-schemes/person"}
  x-schemes:
    person: {type: oauth2, flows: {implicit: {authorizationUrl: "https://id.example.com"}}}
`

// wanted are the schemes of kinds, without what they have in common.
func wanted(t *testing.T) map[string]*destination.SecurityScheme {
	t.Helper()
	own := func(scheme string) destination.Reference {
		return destination.Reference{Provider: "secretsmanager", Name: "keyrelay/api", Pointer: rawjson.Pointer("/" + scheme)}
	}
	none, half := time.Duration(0), 500*time.Millisecond
	return map[string]*destination.SecurityScheme{
		"partnerKey": {Kind: destination.StaticKey, In: "query", Field: "api-key",
			Secret: destination.Reference{Provider: "secretsmanager", Name: "keyrelay/orders", Pointer: "/api_key"}},
		"plain": {Kind: destination.StaticKey, In: "cookie", Field: "sid", Secret: own("plain")},
		"session": {Kind: destination.RetrievedKey, In: "header", Field: "My_auth", Secret: own("session"),
			Retrieval: &destination.Retrieval{Method: "POST", URL: parsed(t, "https://some.api.com/api/v2/key?a=b"), ResponsePointer: "/credentials/key"},
			Parameters: []destination.RetrievalParameter{
				{Name: "password", In: "query", UseIn: []string{"key"}},
				{Name: "level", In: "body", UseIn: []string{"key", "token"}, Default: []byte("1.10")},
			}},
		"free": {Kind: destination.RetrievedKey, In: "header", Field: "Authorization", Lifetime: &none, ExpiresIn: "/life",
			RequestContentType: "application/x-www-form-urlencoded",
			Value: &destination.ValueTemplate{Parts: []destination.TemplatePart{
				{Pointer: "/token_type", IsPointer: true}, {Literal: " "}, {Pointer: "/access~1token", IsPointer: true}, {Literal: "!"},
			}},
			Retrieval:  &destination.Retrieval{Method: "GET", URL: parsed(t, "https://auth.example.com/token")},
			Parameters: []destination.RetrievalParameter{{Name: "a", In: "header", UseIn: []string{"key"}, Variable: "b"}}},
		"oauth": {Kind: destination.OAuth2, In: "header", Field: "Authorization", Secret: own("oauth"), Lifetime: &half, ClientAuthentication: "client_secret_post",
			Flow: &destination.Flow{GrantType: "client_credentials", TokenURL: parsed(t, "https://auth.example.com/oauth/token"), RefreshURL: parsed(t, "https://auth.example.com/oauth/token"), Scopes: []string{"read", "write"}},
			RefreshOn: []destination.RefreshRule{{Status: 401},
				{Status: 200, Pointer: "/error/code", Equals: []byte(`{"a":[1.0,"x"]}`), ByBody: true}}},
		"owner": {Kind: destination.OAuth2, In: "header", Field: "Authorization", Secret: own("owner"),
			Flow: &destination.Flow{GrantType: "password", TokenURL: parsed(t, "https://auth.example.com/oauth/token"), RefreshURL: parsed(t, "https://auth.example.com/oauth/token")}, RefreshOn: []destination.RefreshRule{}},
		"vendor": {Kind: destination.OpenIDConnect, In: "header", Field: "Authorization", Secret: own("vendor"),
			DiscoveryURL: parsed(t, "https://id.example.com/.well-known/openid-configuration")},
		"cert": {Kind: destination.MutualTLS, Secret: destination.Reference{Provider: "file", Name: "/run/secrets/cert", Pointer: "/a~1b"}},
		"aws":  {Kind: destination.AWSSignatureV4, In: "header", Field: "Authorization"},
		"basic": {Kind: destination.Basic, In: "header", Field: "Authorization",
			Secret: destination.Reference{Provider: "env", Name: "ORDERS_BASIC"}},
		"bearer": {Kind: destination.Bearer, Word: "Bearer", In: "header", Field: "Authorization", Secret: own("bearer")},
		"digest": {Kind: destination.Unsupported}, "signature": {Kind: destination.Unsupported},
		"person": {Kind: destination.Bearer, Word: "Bearer", In: "header", Field: "Authorization", Secret: own("person")},
	}
}

// TestFingerprint tells schemes apart whose retrievals differ in anything, and no others;
// those of a static key have none.
func TestFingerprint(t *testing.T) {
	const document = `
openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: https://api.example.com}]
security: [{session: []}]
components:
  securitySchemes:
    session:
      type: apiKey
      in: header
      name: X-Session
      x-itential-dynamic-retrieval: {method: POST, url: https://auth.example.com/key, responsePointer: /key}
      x-itential-parameters: [{name: tenant, in: body, x-itential-use-in: [key], schema: {type: integer, default: 7}}]
    key: {type: apiKey, in: header, name: X-Key}
`
	first := one(t, document).Schemes
	if again := one(t, document+"    other: {type: http, scheme: bearer}\n").Schemes; again["session"].Fingerprint != first["session"].Fingerprint {
		t.Error("the same scheme has another fingerprint")
	}
	if other := one(t, strings.Replace(document, "default: 7", "default: 8", 1)).Schemes; other["session"].Fingerprint == first["session"].Fingerprint {
		t.Error("another parameter leaves the fingerprint as it is")
	}
	if first["key"].Fingerprint != (destination.SecurityScheme{}).Fingerprint {
		t.Error("a static key has a fingerprint")
	}
}

func TestSchemes(t *testing.T) {
	want := wanted(t)
	for name, scheme := range want {
		scheme.Name = name
		if scheme.RefreshOn == nil {
			scheme.RefreshOn = []destination.RefreshRule{{Status: 401}}
		}
		if scheme.RequestContentType == "" {
			scheme.RequestContentType = "application/json"
		}
	}
	got := one(t, kinds)
	same(t, "schemes", want, got.Schemes, cmpopts.IgnoreFields(destination.SecurityScheme{}, "Fingerprint"))
	if want := "secretsmanager:keyrelay/api#/variables"; got.Variables.String() != want {
		t.Errorf("the variables are %s, want %s", got.Variables, want)
	}
	places := map[string]int{}
	for _, reference := range got.References {
		places[reference.String()] = reference.Line
	}
	if len(places) != 11 || places["secretsmanager:keyrelay/orders#/api_key"] != 7 || places["secretsmanager:keyrelay/api#/plain"] != 8 {
		t.Errorf("the references are %v", places)
	}
}

func TestDefaults(t *testing.T) {
	got := one(t, head)
	want := &destination.Destination{Name: "api", Title: "api", AuxiliaryTimeout: 10 * time.Second, Schemes: map[string]*destination.SecurityScheme{}}
	same(t, "destination", want, got, cmpopts.IgnoreUnexported(destination.Destination{}))
	operation := find(t, load(t, yaml(head)), "PUT", "https://api.example.com/v2/anything")
	same(t, "operation", &destination.Operation{Timeout: 25 * time.Second, BatchConcurrency: 8, BatchMax: 1000, DeliverWithin: 24 * time.Hour}, operation, cmpopts.IgnoreFields(destination.Operation{}, "Destination"))
}

func TestSettings(t *testing.T) {
	text := head + `
info: {title: Orders}
x-keyrelay-network: private
x-keyrelay-ca: file:/etc/ca.pem
x-keyrelay-variables: secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:keyrelay/vars-AbCdEf
x-keyrelay-timeout: 3
x-keyrelay-batch: split
x-keyrelay-batch-concurrency: 2
x-keyrelay-batch-max: 3
x-keyrelay-body: {b: "{{{field}}}", a: [1.10, 12345678901234567890, 1E40, true, null, "<&>\u2028", 2024-01-01]}
paths:
  /plain: {post: {}}
  /own: {post: {x-keyrelay-timeout: 0.25, x-keyrelay-batch: whole, x-keyrelay-batch-concurrency: 100, x-keyrelay-batch-max: 10000, x-keyrelay-body: "{{{all?}}}"}}
`
	set := load(t, yaml(text))
	d := set.Destinations()[0]
	if d.Title != "Orders" || d.Network != destination.Private || d.AuxiliaryTimeout != 3*time.Second || d.CA.String() != "file:/etc/ca.pem" {
		t.Errorf("destination: %+v", d)
	}
	plain := find(t, set, "POST", "https://api.example.com/v2/plain")
	if plain.Timeout != 3*time.Second || plain.Batch != destination.Split || plain.BatchConcurrency != 2 || plain.BatchMax != 3 {
		t.Errorf("plain: %+v", plain)
	}
	body := `{"b":"{{{field}}}","a":[1.10,12345678901234567890,1E40,true,null,"<&>\u2028","2024-01-01"]}`
	if got := string(plain.Body.JSON); got != body {
		t.Errorf("the body is %s", got)
	}
	own := find(t, set, "POST", "https://api.example.com/v2/own")
	if own.Timeout != 250*time.Millisecond || own.Batch != destination.Whole || own.BatchConcurrency != 100 || own.BatchMax != 10_000 || string(own.Body.JSON) != `"{{{all?}}}"` {
		t.Errorf("own: %+v", own)
	}
}

func TestDelivery(t *testing.T) {
	text := head + `
x-keyrelay-rate: 100/min
x-keyrelay-delivery: later
x-keyrelay-delivery-hours: 312
paths:
  /later: {post: {}}
  /now: {post: {x-keyrelay-delivery: now, x-keyrelay-delivery-hours: 1}}
`
	set := load(t, yaml(text))
	d := set.Destinations()[0]
	if d.Pace != 600*time.Millisecond || len(d.Later) != 1 || d.Later[0].Line != 5 {
		t.Errorf("the pace is %v; later is said at %v", d.Pace, d.Later)
	}
	later, now := find(t, set, "POST", "https://api.example.com/v2/later"), find(t, set, "POST", "https://api.example.com/v2/now")
	if !later.Later || later.DeliverWithin != 312*time.Hour || now.Later || now.DeliverWithin != time.Hour {
		t.Errorf("later: %+v\nnow: %+v", later, now)
	}
	folder := write(t, yaml(text))
	if _, err := destination.Load(folder, destination.Config{NoQueue: true}); err == nil || !strings.Contains(err.Error(), "api.yaml:5:22: x-keyrelay-delivery: later needs a queue") {
		t.Errorf("without a queue the fault is %v", err)
	}
}

func TestSession(t *testing.T) {
	for text, want := range map[string]destination.Session{
		"{field: s, secret: env:DIGESTS}": {Field: "s", Secret: destination.Reference{Provider: "env", Name: "DIGESTS"}},
		"{field: s, jwksUri: 'https://id.example.com/jwks', issuer: i, audience: a, cacheSeconds: 60}": {Field: "s",
			JWKSURL: parsed(t, "https://id.example.com/jwks"), Issuer: "i", Audience: "a", CacheFor: time.Minute},
		"{field: s, introspectionUrl: 'https://id.example.com/introspect'}": {Field: "s",
			IntrospectionURL: parsed(t, "https://id.example.com/introspect")},
		"{field: s, introspectionUrl: 'https://id.example.com/introspect', issuer: i, audience: a, scope: 'b  c'}": {Field: "s",
			IntrospectionURL: parsed(t, "https://id.example.com/introspect"), Issuer: "i", Audience: "a", Scopes: []string{"b", "c"}},
	} {
		got := one(t, head+"x-keyrelay-session: "+text)
		same(t, text, &want, got.Session)
	}
	got := one(t, kinds+"x-keyrelay-session: {field: s, introspectionUrl: 'https://id.example.com', security: [{digest: []}, {basic: []}]}")
	if security := got.Session.IntrospectionSecurity; len(security) != 1 || security[0].Scheme != got.Schemes["basic"] {
		t.Errorf("the security of the introspection is %+v", security)
	}
}

// JSON is read as JSON: with its escapes, tabs, long names and exact numbers.
func TestJSONDocument(t *testing.T) {
	long := strings.Repeat("n", 2000)
	text := "\xef\xbb\xbf{\t\"openapi\":\t\"3.0.3\",\n\t\"servers\": [{\"url\": \"https:\\/\\/\\u0061pi.example.com\"}],\n" +
		`"x-keyrelay-ca": "file:/ca.pem", "x-keyrelay-body": {"` + long + `": [true, false, null, 1.10, 1e400, -0, 12345678901234567890, "\ud83d\ude00 \/ \t", "12", "true", {}, []]}}`
	set := load(t, txtar.File{Name: "api.json", Data: []byte(text)})
	got := find(t, set, "POST", "https://api.example.com/").Body
	want := `{"` + long + `":[true,false,null,1.10,1e400,-0,12345678901234567890,"😀 / \t","12","true",{},[]]}`
	same(t, "body", want, string(got.JSON))
	if ca := set.Destinations()[0].References[0]; ca.Line != 3 || ca.Column != 18 {
		t.Errorf("the reference stands at %d:%d", ca.Line, ca.Column)
	}
}

// A vendor's integration model needs no member of ours: its secret and its
// variables have a place of their own.
func TestVendorModel(t *testing.T) {
	set := load(t, txtar.File{Name: "product-orders.json", Data: []byte(`{
  "openapi": "3.0.0", "info": {"title": "Product orders", "version": "1.0.0"}, "servers": [{"url": "https://example.service-now.com"}],
  "paths": {}, "security": [{"login": []}],
  "components": {"schemas": {}, "securitySchemes": {"login": {"type": "oauth2",
    "flows": {"clientCredentials": {"tokenUrl": "https://example.service-now.com/oauth_token.do", "refreshUrl": "", "scopes": {}}},
    "x-itential-parameters": [
      {"name": "client_assertion", "in": "header", "x-itential-use-in": ["refresh", "token"], "x-itential-variable": "assertion"},
      {"name": "audience", "in": "body", "x-itential-use-in": ["token"], "schema": {"$ref": "#/components/x-audience"}},
      {"name": "plain", "in": "query", "x-itential-use-in": ["token"]}]}},
   "x-audience": {"type": "string", "default": "orders"}}}`)})
	d := set.Destinations()[0]
	login := d.Schemes["login"]
	got := []string{d.Variables.String(), login.Secret.String(), string(login.Parameters[1].Default), login.Parameters[0].Variable}
	want := []string{"secretsmanager:keyrelay/product-orders#/variables", "secretsmanager:keyrelay/product-orders#/login", `"orders"`, "assertion"}
	same(t, "model", want, got)
	if operation := find(t, set, "POST", "https://example.service-now.com/api"); operation.Security[0].Scheme != login {
		t.Errorf("the security is %+v", operation.Security)
	}
}

// Relative URLs of schemes are resolved against the first server that can be used.
func TestRelativeURLs(t *testing.T) {
	set := load(t, yaml(`
openapi: 3.0.3
servers:
  - url: /relative
  - url: https://{region}.example.com/v1/
    variables: {region: {enum: [eu, us], default: us}}
  - url: https://other.example.com
components:
  securitySchemes:
    rooted: {type: oauth2, flows: {clientCredentials: {tokenUrl: /oauth/token}}}
    below: {type: oauth2, flows: {password: {tokenUrl: oauth/token?a=b}}}
    above: {type: oauth2, flows: {password: {tokenUrl: ../token}}}
    host: {type: oauth2, flows: {password: {tokenUrl: //id.example.com/token}}}
    whole: {type: oauth2, flows: {password: {tokenUrl: "https://id.example.com/token"}}}
    discovery: {type: openIdConnect, openIdConnectUrl: .well-known/openid-configuration}
    clear: {type: openIdConnect, openIdConnectUrl: "http://id.example.com/"}
`))
	for name, want := range map[string]string{
		"rooted": "https://us.example.com/oauth/token", "below": "https://us.example.com/v1/oauth/token?a=b", "above": "https://us.example.com/token",
		"host": "https://id.example.com/token", "whole": "https://id.example.com/token",
	} {
		if got := set.Destinations()[0].Schemes[name].Flow.TokenURL.String(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	schemes := set.Destinations()[0].Schemes
	if got := schemes["discovery"].DiscoveryURL.String(); got != "https://us.example.com/v1/.well-known/openid-configuration" {
		t.Errorf("the discovery document is %s", got)
	}
	if schemes["clear"].Kind != destination.Unsupported {
		t.Error("a scheme in the clear can be filled")
	}
}

// No document opens more than documents may.
func TestWidestNetwork(t *testing.T) {
	for _, text := range []string{"public", "private", "loopback"} {
		folder := write(t, yaml(head+"x-keyrelay-network: "+text))
		for _, widest := range []destination.Network{destination.Public, destination.Private, destination.Loopback} {
			network, ok := destination.ParseNetwork(text)
			_, err := destination.Load(folder, destination.Config{Widest: &widest})
			if !ok || (err == nil) != (network <= widest) {
				t.Errorf("%s where %s is the widest: %v", text, widest, err)
			}
		}
	}
	if _, ok := destination.ParseNetwork("internet"); ok {
		t.Error("internet is a network")
	}
}
