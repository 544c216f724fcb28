package destination_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
)

// The names of header fields are one in any letter case: an operation's own parameter wins.
func TestHeaderParametersTwice(t *testing.T) {
	set := load(t, yaml(head+`
paths:
  /a:
    parameters: [{name: x-tenant, in: header, required: true}, {name: Page, in: query}]
    get: {parameters: [{name: X-Tenant, in: header}, {name: X-TENANT, in: header, required: true}, {name: page, in: query}]}
`))
	var names []string
	for _, each := range find(t, set, "GET", "https://api.example.com/v2/a").Parameters {
		names = append(names, each.Name)
	}
	same(t, "parameters", []string{"X-Tenant", "page", "Page"}, names)
}

// A parameter's media type and schema say how its value is written, too.
func TestParameterContent(t *testing.T) {
	set := load(t, yaml(head+`
components: {schemas: {filter: {type: [object, "null"]}, loop: {$ref: "#/components/schemas/loop"}, range: {properties: {from: {}, to: {}}},
  either: {anyOf: [{type: "null"}, {$ref: "#/components/schemas/either"}, {$ref: "#/components/schemas/range"}]}, words: {oneOf: [{type: string}, {allOf: [{$ref: "#/components/schemas/words"}]}]}}}
paths:
  /a:
    get:
      parameters:
        - {name: json, in: query, content: {application/json; charset=utf-8: {schema: {type: object}}}}
        - {name: text, in: query, content: {text/plain; charset=utf-8: {schema: {type: string}}}}
        - {name: object, in: query, schema: {type: object}}
        - {name: filter, in: header, schema: {$ref: "#/components/schemas/filter"}}
        - {name: deep, in: query, style: deepObject}
        - {name: loop, in: query, schema: {$ref: "#/components/schemas/loop"}}
        - {name: list, in: cookie, explode: true, schema: {type: array}}
        - {name: range, in: query, schema: {allOf: [{$ref: "#/components/schemas/range"}]}}
        - {name: either, in: query, schema: {$ref: "#/components/schemas/either"}}
        - {name: words, in: query, schema: {$ref: "#/components/schemas/words"}}
        - {name: open, in: query, schema: {additionalProperties: {type: string}}}
  /b: {get: {parameters: [{name: xml, in: query, content: {application/xml: {}}}]}}
  /c: {get: {parameters: [{name: X-Forwarded-For, in: header, required: true}, {name: x_api_key, in: header}, {name: Range, in: header}]}}
`))
	want := []destination.Parameter{
		{Name: "json", In: "query", Style: "form", Explode: true, IsJSON: true},
		{Name: "text", In: "query", Style: "form", Explode: true},
		{Name: "object", In: "query", Style: "form", Explode: true, IsObject: true},
		{Name: "filter", In: "header", Style: "simple", IsObject: true},
		{Name: "deep", In: "query", Style: "deepObject", IsObject: true},
		{Name: "loop", In: "query", Style: "form", Explode: true},
		{Name: "list", In: "cookie", Style: "form", Explode: true},
		{Name: "range", In: "query", Style: "form", Explode: true, IsObject: true},
		{Name: "either", In: "query", Style: "form", Explode: true, IsObject: true},
		{Name: "words", In: "query", Style: "form", Explode: true},
		{Name: "open", In: "query", Style: "form", Explode: true, IsObject: true},
	}
	same(t, "parameters", want, find(t, set, "GET", "https://api.example.com/v2/a").Parameters)
	if warnings := set.Warnings(); len(warnings) != 2 || warnings[0].Off != "GET /b" || warnings[1].Off != "the parameter X-Forwarded-For" || warnings[1].Count != 3 {
		t.Errorf("the warnings are %v", warnings)
	}
	if got := find(t, set, "GET", "https://api.example.com/v2/c").Parameters; len(got) != 0 {
		t.Errorf("the parameters are %v", got)
	}
}

const unusable = head + `
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    nobody: {type: apiKey, in: nowhere, name: X-Key}
paths:
  /remote: {get: {$ref: "operations.yaml#/get"}, post: {}}
  /item: {$ref: "items.yaml#/item"}
  /list: {get: []}
  /style: {get: {parameters: [{name: a, in: query, style: simple}]}, post: {}}
  /common: {parameters: [{name: a, in: body}], get: {}, put: {parameters: []}}
  /query?a=b: {get: {}}
  /plain: {get: {}}
  /plain?a=b: {get: {}, put: {}}
  /part#one: {get: {}}
  /body: {post: {requestBody: {$ref: "bodies.yaml"}}}
  /nobody: {get: {security: [{nobody: []}]}, put: {security: [{nobody: []}, {key: []}]}, post: {security: [{absent: []}]}}
  /{a}/x: {get: {}}
  /{b}/x: {get: {security: []}, put: {}}
  /query/{id}: {get: {}}
  /words: {get: {parameters: [{name: a, in: query, required: yes}, {name: b, in: query, required: Off}, {name: 123, in: query}]}, put: {parameters: [{name: c, in: query, required: "yes"}]}}
`

// What keyrelay cannot use costs its operation, which says why, and no other one.
func TestUnusableOperations(t *testing.T) {
	set := load(t, yaml(unusable))
	for request, problem := range map[string]string{
		"GET /remote":  "this $ref leaves the document",
		"DELETE /item": "this $ref leaves the document",
		"GET /list":    "this operation is not a mapping",
		"GET /style":   "the style of a parameter in: query is not known",
		"GET /common":  "the in of this parameter is not known",
		"PUT /common":  "the in of this parameter is not known",
		"GET /query":   "the path template holds a query or a fragment",
		"PUT /plain":   "the path template holds a query or a fragment",
		"GET /part":    "the path template holds a query or a fragment",
		"POST /body":   "this $ref leaves the document",
		"GET /nobody":  "keyrelay can fill none of these security requirements",
		"POST /nobody": "the security scheme absent is not declared",
		"PUT /words":   "required is neither true nor false",
	} {
		method, path, _ := strings.Cut(request, " ")
		location := located(t, set, "https://api.example.com/v2"+path)
		operation, err := location.Operation(method, location.Path)
		if !errors.Is(err, destination.ErrUnusable) || operation != nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, %v", request, operation, err)
		}
	}
	for _, request := range []string{
		"POST /remote", "POST /style", "GET /plain", "PUT /nobody", "GET /1/x", "PUT /1/x", "GET /query/1", "GET /words",
	} {
		method, path, _ := strings.Cut(request, " ")
		operation := find(t, set, method, "https://api.example.com/v2"+path)
		if len(operation.Security) != 1 || operation.Security[0].Scheme.Name != "key" {
			t.Errorf("%s asks for %v", request, operation.Security)
		}
	}
	want := []destination.Parameter{
		{Name: "a", In: "query", Required: true, Style: "form", Explode: true},
		{Name: "b", In: "query", Style: "form", Explode: true},
		{Name: "123", In: "query", Style: "form", Explode: true},
	}
	same(t, "parameters", want, find(t, set, "GET", "https://api.example.com/v2/words").Parameters)
	if refusal := refused(t, set, "DELETE", "https://api.example.com/v2", "/v2/nobody"); !cmp.Equal(refusal.Allowed, []string{"PUT"}) {
		t.Errorf("allowed are %q", refusal.Allowed)
	}
}

// A parameter is a name and a place: what a list holds twice is written once.
func TestParametersTwice(t *testing.T) {
	set := load(t, yaml(head+`
paths:
  /a:
    parameters: [{name: size, in: query}, {name: size, in: query, required: true}]
    get: {parameters: [{name: page, in: query}, {name: page, in: query, style: pipeDelimited}, {name: page, in: header}]}
`))
	want := []destination.Parameter{
		{Name: "page", In: "query", Style: "form", Explode: true},
		{Name: "page", In: "header", Style: "simple"},
		{Name: "size", In: "query", Style: "form", Explode: true},
	}
	same(t, "parameters", want, find(t, set, "GET", "https://api.example.com/v2/a").Parameters)
}

// A document that only describes what an API calls declares nothing that can be sent.
func TestWebhooksOnly(t *testing.T) {
	const webhooks = "webhooks: {new: {post: {security: [{nope: []}]}}}"
	refused(t, load(t, yaml(head+webhooks)), "POST", "https://api.example.com/v2", "/v2/new")
	load(t, yaml("openapi: 3.1.0\n"+webhooks))
}

// YAML's merge keys stand for the members that they merge.
func TestMergeKeys(t *testing.T) {
	set := load(t, yaml(head+`
x-common: &common {parameters: &list [{name: q, in: query}], x-keyrelay-timeout: 1}
x-more: &more {<<: *common, x-keyrelay-timeout: 2}
paths:
  /a: {get: {<<: *common, x-keyrelay-timeout: 3}}
  /b: {get: *common}
  /c: {get: {<<: [*more, *common], parameters: *list}}
`))
	for path, want := range map[string]float64{"/a": 3, "/b": 1, "/c": 2} {
		got := find(t, set, "GET", "https://api.example.com/v2"+path)
		if got.Timeout.Seconds() != want || len(got.Parameters) != 1 || got.Parameters[0].Name != "q" {
			t.Errorf("%s is %+v", path, got)
		}
	}
}

const owners = `
openapi: 3.0.3
servers: [{url: "https://api.example.com/v2"}]
security: [{key: []}, {}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Api-Key}
    oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://a.example.com", scopes: {a: "", b: ""}}}}
    digest: {type: http, scheme: digest}
  parameters:
    page: {name: page, in: query, required: true, style: pipeDelimited}
paths:
  /a:
    servers: [{url: "https://path.example.com"}]
    parameters:
      - {name: x, in: header, required: true}
      - {name: y, in: path}
      - {name: Content-Type, in: header}
      - $ref: "#/components/parameters/page"
    get:
      parameters: [{name: x, in: header, explode: true}, {name: x, in: query, allowReserved: true}, {name: c, in: cookie}]
    put:
      servers: [{url: "https://operation.example.com/deep"}]
      security: [{digest: []}, {key: [], oauth: [b]}, {}]
    post: {security: [{digest: []}, {}]}
    patch: {security: []}
`

// An operation's own servers, security and parameters win over those of its path
// item, and these over the document's.
func TestOwnWins(t *testing.T) {
	set := load(t, yaml(owners), txtar.File{Name: "refs.json", Data: []byte(`{"openapi": "3.1.0", "servers": [{"url": "https://refs.example.com"}],
 "paths": {"/b": {"$ref": "#/components/pathItems/a~1b%20c"}, "/c": {"$ref": "#/x-items/1"}}, "x-items": [1, {"get": {}}],
 "components": {"pathItems": {"a/b c": {"post": {"x-keyrelay-timeout": 1}}}}}`)})
	get := find(t, set, "GET", "https://path.example.com/a")
	want := []destination.Parameter{
		{Name: "x", In: "header", Style: "simple", Explode: true},
		{Name: "x", In: "query", Style: "form", Explode: true, AllowReserved: true},
		{Name: "c", In: "cookie", Style: "form"},
		{Name: "y", In: "path", Style: "simple"},
		{Name: "page", In: "query", Required: true, Style: "pipeDelimited"},
	}
	same(t, "parameters", want, get.Parameters)
	schemes := set.Destinations()[0].Schemes
	key := []destination.Requirement{{Scheme: schemes["key"]}}
	for method, want := range map[string][]destination.Requirement{
		"GET": key, "POST": nil, "PATCH": nil,
		"PUT": {{Scheme: schemes["key"]}, {Scheme: schemes["oauth"], Scopes: []string{"b"}}},
	} {
		server := "https://path.example.com/a"
		if method == "PUT" {
			server = "https://operation.example.com/deep/a"
		}
		same(t, method+" security", want, find(t, set, method, server).Security)
	}
	refused(t, set, "PUT", "https://path.example.com/a", "/a")
	refused(t, set, "GET", "https://api.example.com/v2/a", "/v2/a")
	if operation := find(t, set, "POST", "https://refs.example.com/b"); operation.Timeout.Seconds() != 1 {
		t.Errorf("the referenced path item gives %+v", operation)
	}
	find(t, set, "GET", "https://refs.example.com/c")
}

const bodies = head + `
paths:
  /json: {post: {requestBody: {content: {application/x-www-form-urlencoded: {}, Application/JSON; charset=utf-8: {}}}}}
  /suffix: {post: {requestBody: {content: {multipart/form-data: {}, application/vnd.api+json: {}}}}}
  /any: {post: {requestBody: {content: {application/x-www-form-urlencoded: {}, "*/*": {}}}}}
  /kinds: {post: {requestBody: {content: {application/vnd.api+json: {}, application/*+json: {}}}}}
  /patch: {post: {requestBody: {content: {application/json-patch+json: {}, " application/Merge-Patch+json; v=2 ": {}, application/vnd.api+json: {}}}}}
  /text: {post: {requestBody: {content: {text/csv: {}}}}}
  /none: {post: {}}
  /form:
    post:
      requestBody: {$ref: "#/components/requestBodies/form"}
  /multipart: {post: {requestBody: {content: {text/csv: {}, multipart/form-data: {}, application/x-www-form-urlencoded: {}}}}}
  /own: {post: {x-keyrelay-body-type: multipart/form-data, requestBody: {content: {application/json: {}, multipart/form-data: {encoding: {a: {contentType: text/csv}}}}}}}
  /own-json: {post: {x-keyrelay-body-type: application/json, requestBody: {content: {multipart/form-data: {}}}}}
components:
  requestBodies:
    form:
      content:
        application/x-www-form-urlencoded; charset=utf-8:
          encoding:
            metadata: {style: deepObject, explode: true}
            list: {style: form}
            tags: {style: pipeDelimited, allowReserved: true}
            note: {contentType: application/json}
`

// Of alternatives that can be filled, the first counts whose schemes all name their
// secret; else the secrets decide, with no credential last.
func TestAlternatives(t *testing.T) {
	set := load(t, yaml(alternatives))
	list := func(security []destination.Requirement) (names string) {
		for _, each := range security {
			names += each.Scheme.Name
		}
		return names
	}
	for request, want := range map[string][]string{
		"GET /inherits": {"a", "a", "d"}, "GET /one": {"a"}, "PUT /one": {"d"}, "GET /own": {"b"}, "GET /both": {"bc"},
		"GET /half": {"ab", "ab", "d"}, "GET /optional": {"a", "a", ""}, "PUT /optional": {"b"}, "GET /none": {""}, "PUT /none": {""},
	} {
		method, path, _ := strings.Cut(request, " ")
		operation := find(t, set, method, "https://api.example.com/v2"+path)
		got := []string{list(operation.Security)}
		if operation.Alternatives != nil {
			for _, each := range operation.Alternatives.Lists {
				got = append(got, list(each))
			}
		}
		same(t, request, want, got)
	}
	first, second := find(t, set, "GET", "https://api.example.com/v2/inherits"), find(t, set, "PUT", "https://api.example.com/v2/inherits")
	if first.Alternatives != second.Alternatives {
		t.Error("operations that inherit their security share no alternatives")
	}
	want := []string{
		"a, else d: the first whose secrets exist, found out at first use",
		"b: the first alternative whose schemes all have x-keyrelay-secret",
		"b with c: the first alternative whose schemes all have x-keyrelay-secret",
		"a with b, else d: the first whose secrets exist, found out at first use",
		"a, else nothing: the first whose secrets exist, found out at first use",
	}
	var got []string
	for _, each := range set.Destinations()[0].Choices {
		got = append(got, each.Text)
	}
	same(t, "choices", want, got)
}
