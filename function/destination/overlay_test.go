package destination_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
)

// overlaid reads a document with an overlay beside it.
func overlaid(t testing.TB, document, overlay string) *destination.Set {
	return load(t, yaml(document), txtar.File{Name: "api.overlay.yaml", Data: []byte("overlay: 1.0.0\ninfo: {title: T, version: '1'}\n" + overlay)})
}

// What operators add to vendors' documents most: a host, a scheme, the prefix of a key.
func TestOverlays(t *testing.T) {
	tenant := overlaid(t, `{openapi: 3.0.3, servers: [{url: "https://{tenant}.example.com", variables: {tenant: {default: "{yourTenant}"}}}]}`,
		"actions: [{target: '$.servers[0].variables.tenant', update: {default: acme}}]")
	find(t, tenant, "GET", "https://acme.example.com/a")
	relative := overlaid(t, `{openapi: 3.0.3, servers: [{url: /v1, description: d}], paths: {/a: {get: {}}}}`,
		`actions: [{target: '$.servers[?@.url == "/v1"]', update: {url: 'https://api.example.com/v1'}}]`)
	find(t, relative, "GET", "https://api.example.com/v1/a")
	bearer := overlaid(t, head+`
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: Authorization}}}
paths: {/a: {get: {}, post: {}, x-vendor: 1}, /b: {get: {}}}
`, `
actions:
  - target: $.components.securitySchemes.key
    update: {x-keyrelay-secret: "env:KEY#/a", x-keyrelay-value: "Prefix {{{b}}}"}
  - {target: "$.paths['/a'].get", update: {security: []}}
`)
	if got := find(t, bearer, "POST", "https://api.example.com/v2/a").Security[0].Scheme; got.Secret.String() != "env:KEY#/a" || got.Value == nil {
		t.Errorf("the scheme is %+v", got)
	}
	if got := find(t, bearer, "GET", "https://api.example.com/v2/a"); len(got.Security) != 0 {
		t.Errorf("the operation is %+v", got)
	}
	scheme := overlaid(t, head+"paths: {/a: {get: {}}}", `
actions:
  - target: $
    update:
      security: [{token: []}]
      components: {securitySchemes: {token: {type: http, scheme: bearer}}}
`)
	if got := find(t, scheme, "GET", "https://api.example.com/v2/a"); len(got.Security) != 1 || got.Security[0].Scheme.Kind != destination.Bearer {
		t.Errorf("the operation is %+v", got)
	}
}

// The overlays of docs/credentials.md do what it says.
func TestDocumentedOverlays(t *testing.T) {
	text, err := os.ReadFile("../../docs/credentials.md")
	if err != nil {
		t.Fatal(err)
	}
	vendors := map[string]string{
		"klaviyo": `{"openapi": "3.0.2", "servers": [{"url": "https://a.klaviyo.com"}], "security": [{"Klaviyo-API-Key": []}],
			"components": {"securitySchemes": {"Klaviyo-API-Key": {"type": "apiKey", "in": "header", "name": "Authorization"}}}}`,
		"okta":   `{"openapi": "3.0.3", "servers": [{"url": "https://{yourOktaDomain}", "variables": {"yourOktaDomain": {"default": "subdomain.okta.com"}}}]}`,
		"github": `{"openapi": "3.0.3", "servers": [{"url": "https://api.github.com"}], "paths": {"/user": {"get": {}}}, "components": {}}`,
	}
	var files []txtar.File
	for name, document := range vendors {
		_, after, found := strings.Cut(string(text), "`"+name+".overlay.yaml`")
		_, after, _ = strings.Cut(after, "```yml\n")
		overlay, _, _ := strings.Cut(after, "```")
		if !found {
			t.Errorf("there is no overlay for %s", name)
		}
		files = append(files, txtar.File{Name: name + ".json", Data: []byte(document)}, txtar.File{Name: name + ".overlay.yaml", Data: []byte(overlay)})
	}
	set := load(t, files...)
	if got := find(t, set, "GET", "https://a.klaviyo.com/api").Security[0].Scheme; got.Value == nil {
		t.Errorf("Klaviyo's key is %+v", got)
	}
	find(t, set, "GET", "https://acme.okta.com/api/v1/users")
	if got := find(t, set, "GET", "https://api.github.com/user").Security[0].Scheme; got.Kind != destination.Bearer || got.Secret.String() != "secretsmanager:keyrelay/github#/token" {
		t.Errorf("GitHub's token is %+v", got)
	}
}

// Objects are merged by their members, lists get entries, anything else is replaced,
// and each action sees what the one before it left.
func TestOverlayActions(t *testing.T) {
	const document = `
openapi: 3.1.0
servers: &servers [{url: "https://a.example.com"}, {url: "https://b.example.com"}, {url: "https://c.example.com"}]
x-keyrelay-body: &body {one: {a: 1, list: [1, 2]}, two: {a: 1, list: [1, 2]}, three: [{a: 1}, {a: 2}, {a: 1}], four: *servers}
x-other: *body
`
	for actions, want := range map[string]string{
		`{target: '$["x-keyrelay-body"].one', update: {a: {b: c}, d: null, list: [3]}}`:                                         `{"one":{"a":{"b":"c"},"list":[1,2,3],"d":null},"two":{"a":1,"list":[1,2]},"three":[{"a":1},{"a":2},{"a":1}]}`,
		`{target: '$["x-keyrelay-body"].*.list', update: [3]}`:                                                                  `{"one":{"a":1,"list":[1,2,[3]]},"two":{"a":1,"list":[1,2,[3]]},"three":[{"a":1},{"a":2},{"a":1}]}`,
		`{target: '$["x-keyrelay-body"].three[?@.a == 1]', remove: true}`:                                                       `{"one":{"a":1,"list":[1,2]},"two":{"a":1,"list":[1,2]},"three":[{"a":2}]}`,
		`{target: '$["x-keyrelay-body"]..a', remove: true}`:                                                                     `{"one":{"list":[1,2]},"two":{"list":[1,2]},"three":[{},{},{}]}`,
		`{target: '$["x-keyrelay-body"].one', remove: true, update: {b: 1}}`:                                                    `{"two":{"a":1,"list":[1,2]},"three":[{"a":1},{"a":2},{"a":1}]}`,
		`{target: '$["x-keyrelay-body"]["one", "two"]', update: {list: text}}`:                                                  `{"one":{"a":1,"list":"text"},"two":{"a":1,"list":"text"},"three":[{"a":1},{"a":2},{"a":1}]}`,
		`{target: '$["x-keyrelay-body"]', update: {five: {b: 1}}}, {target: '$["x-keyrelay-body"].five', update: {b: 2, c: 3}}`: `{"one":{"a":1,"list":[1,2]},"two":{"a":1,"list":[1,2]},"three":[{"a":1},{"a":2},{"a":1}],"five":{"b":2,"c":3}}`,
		`{target: '$["x-keyrelay-body"].three[0]', remove: true}, {target: '$["x-keyrelay-body"].three[0]', update: {a: gone}}`: `{"one":{"a":1,"list":[1,2]},"two":{"a":1,"list":[1,2]},"three":[{"a":"gone"},{"a":1}]}`,
		`{target: '$["x-other"]..*', remove: true}`:                                                                             `{"one":{"a":1,"list":[1,2]},"two":{"a":1,"list":[1,2]},"three":[{"a":1},{"a":2},{"a":1}]}`,
	} {
		set := overlaid(t, document, "actions: ["+actions+`, {target: '$["x-keyrelay-body"].four', remove: true}]`)
		got := string(find(t, set, "POST", "https://b.example.com/").Body.JSON)
		same(t, actions, want, got)
	}
}

// Version 1.1 adds the entries of a list, replaces texts and numbers, and copies what the document has.
func TestOverlayVersion11(t *testing.T) {
	const document = `
openapi: 3.1.0
servers: [{url: "https://a.example.com"}]
x-keyrelay-body: {one: {a: 1, list: [1, 2]}, two: {b: "x"}}
`
	for actions, want := range map[string]string{
		`{target: '$.x.one.list', update: [3, [4]]}`:                                                     `{"one":{"a":1,"list":[1,2,3,[4]]},"two":{"b":"x"}}`,
		`{target: '$.x.one.list', update: {c: 3}}`:                                                       `{"one":{"a":1,"list":[1,2,{"c":3}]},"two":{"b":"x"}}`,
		`{target: '$.x.*["a", "b"]', update: false}`:                                                     `{"one":{"a":false,"list":[1,2]},"two":{"b":false}}`,
		`{target: '$.x.one.list[?@ == 2]', update: two}`:                                                 `{"one":{"a":1,"list":[1,"two"]},"two":{"b":"x"}}`,
		`{target: '$.x.two', copy: '$.x.one'}, {target: '$.x.one', update: {a: 3}}`:                      `{"one":{"a":3,"list":[1,2]},"two":{"b":"x","a":1,"list":[1,2]}}`,
		`{target: '$.x.one.list', copy: '$.x.one.list'}, {target: '$.x.two.b', copy: '$.x.one.list[0]'}`: `{"one":{"a":1,"list":[1,2,1,2]},"two":{"b":1}}`,
		`{target: '$.x', update: {three: {}}}, {target: '$.x.three', copy: '$.x'}`:                       `{"one":{"a":1,"list":[1,2]},"two":{"b":"x"},"three":{"one":{"a":1,"list":[1,2]},"two":{"b":"x"},"three":{}}}`,
		`{target: '$.x.one', copy: '$.nowhere', remove: true}`:                                           `{"two":{"b":"x"}}`,
	} {
		overlay := "overlay: 1.1.0\ninfo: {description: d}\nactions: [" + strings.ReplaceAll(actions, "$.x", `$["x-keyrelay-body"]`) + "]"
		set := load(t, yaml(document), txtar.File{Name: "api.overlay.yaml", Data: []byte(overlay)})
		same(t, actions, want, string(find(t, set, "POST", "https://a.example.com/").Body.JSON))
	}
}

// An overlay names its document, or is named as it is; several are applied in the order of their names.
func TestOverlaysOfOneDocument(t *testing.T) {
	set := load(t, txtar.File{Name: "vendor.json", Data: []byte(`{"openapi": "3.1.0", "servers": [{"url": "/"}]}`)},
		txtar.File{Name: "vendor.overlay.json", Data: []byte(`{"overlay": "1.0.0", "extends": "https://vendor.example.com/v1.json", "actions": [{"target": "$.servers[0]", "update": {"url": "https://one.example.com"}}]}`)},
		txtar.File{Name: "site.overlay.yml", Data: []byte("overlay: 1.0.1\nextends: ./vendor.json\nactions: [{target: $.servers, update: {url: 'https://two.example.com'}}]")})
	find(t, set, "GET", "https://one.example.com/")
	find(t, set, "GET", "https://two.example.com/")
	if len(set.Destinations()) != 1 {
		t.Errorf("there are %d destinations", len(set.Destinations()))
	}
}

// No overlay ends the program, and whatever is wrong has a place in one of the two files.
func FuzzOverlay(f *testing.F) {
	for _, seed := range []string{
		"overlay: 1.0.0\nactions: [{target: $, update: {a: b}}]",
		"overlay: 1.0.0\nactions: [{target: '$..*', remove: true}]",
		"overlay: 1.0.0\nactions: [{target: '$..[0]', remove: true}, {target: '$.paths[?match(@.get.operationId, \"a.*\")]', update: {x: &a [*a]}}]",
		"overlay: 1.0.0\nactions: [{target: '$.servers[-1:]', update: {url: null}}, {target: '$[?@[0].url]', remove: true}]",
		`{"overlay": "1.0.0", "actions": [{"target": "$.components['securitySchemes'].*", "update": {"x-keyrelay-secret": "env:A"}}]}`,
	} {
		f.Add([]byte(kinds), []byte(seed))
		f.Add([]byte(unusable), []byte(seed))
		f.Add([]byte("openapi: 3.1.0\nservers: &a [{url: 'https://a.example.com'}]\nx: {<<: {b: *a}, c: *a}\ny: &y {z: *y}"), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, document, overlay []byte) {
		folder := write(t, yaml(string(document)), txtar.File{Name: "api.overlay.yaml", Data: overlay})
		if _, err := destination.Load(folder, destination.Config{}); err != nil {
			checkFaults(t, folder, err)
		}
	})
}
