package destination_test

import (
	"fmt"
	"strings"
	"testing"

	"keyrelay/function/destination"
)

// The rest of a record is a form where the operation offers no JSON.
func TestBodyType(t *testing.T) {
	set := load(t, yaml(bodies))
	const form, multipart = "application/x-www-form-urlencoded", "multipart/form-data"
	for path, want := range map[string]string{
		"/json": "", "/suffix": "", "/any": "", "/text": "", "/none": "", "/form": form, "/multipart": multipart, "/own": multipart, "/own-json": "",
	} {
		if got := find(t, set, "POST", "https://api.example.com/v2"+path).BodyType; got != want {
			t.Errorf("%s is sent as %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{"/json": "", "/suffix": "application/vnd.api+json", "/any": "", "/kinds": "", "/patch": "application/Merge-Patch+json; v=2", "/text": "", "/none": ""} {
		if got := find(t, set, "POST", "https://api.example.com/v2"+path).JSONType; got != want {
			t.Errorf("%s has JSON of the type %q, want %q", path, got, want)
		}
	}
	want := map[string]destination.Encoding{
		"metadata": {Style: "deepObject", Explode: true},
		"list":     {Style: "form", Explode: true},
		"tags":     {Style: "pipeDelimited", AllowReserved: true},
		"note":     {ContentType: "application/json", Explode: true},
	}
	same(t, "encoding", want, find(t, set, "POST", "https://api.example.com/v2/form").BodyEncoding)
	if got := find(t, set, "POST", "https://api.example.com/v2/own").BodyEncoding["a"].ContentType; got != "text/csv" {
		t.Errorf("the encoding of a is %q", got)
	}
	all := load(t, yaml(head+"x-keyrelay-body-type: "+form))
	if got := find(t, all, "POST", "https://api.example.com/v2/any").BodyType; got != form {
		t.Errorf("a document's own type gives %q", got)
	}
}

// Of schemas that are composed of very many others not all are looked at: many parameters of
// such ones would take minutes to read.
func TestComposedOfMany(t *testing.T) {
	var chained strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&chained, "  s%d: {anyOf: [{$ref: '#/components/schemas/s%d'}]}\n", i, i+1)
	}
	set := load(t, yaml(head+`
paths:
  /near: {get: {parameters: [{name: q, in: query, schema: {$ref: "#/components/schemas/s900"}}]}}
  /far: {get: {parameters: [{name: q, in: query, schema: {$ref: "#/components/schemas/s0"}}]}}
  /file: {post: {requestBody: {content: {multipart/form-data: {schema: {properties: {near: {$ref: "#/components/schemas/s900"}, far: {$ref: "#/components/schemas/s0"}}}}}}}}
components:
 schemas:
  s1000: {type: object, format: binary}
`+chained.String()))
	for path, want := range map[string]bool{"/near": true, "/far": false} {
		if got := find(t, set, "GET", "https://api.example.com/v2"+path).Parameters[0].IsObject; got != want {
			t.Errorf("the parameter of %s is an object: %t", path, got)
		}
	}
	files := find(t, set, "POST", "https://api.example.com/v2/file").BodyEncoding
	if _, far := files["far"]; far || files["near"].ContentType == "" {
		t.Errorf("files are %v", files)
	}
}

// Members of a multipart form are files by their schemas, however those are composed.
func TestFiles(t *testing.T) {
	set := load(t, yaml(head+`
paths:
  /files:
    post:
      requestBody:
        content:
          multipart/form-data:
            encoding: {own: {contentType: image/png}}
            schema:
              properties: {plain: {type: string, format: binary}, own: {format: binary}, text: {type: string}, several: {type: array, items: {format: binary}}}
              allOf:
                - {$ref: "#/components/schemas/upload"}
                - {properties: {maybe: {anyOf: [{type: string, format: binary}, {type: "null"}]}, named: {contentMediaType: application/pdf}, rows: {items: {contentMediaType: text/csv}}, json: {contentMediaType: application/json}}}
components: {schemas: {upload: {oneOf: [{$ref: "#/components/schemas/upload"}, {properties: {inner: {$ref: "#/components/schemas/file"}}}]}, file: {allOf: [{format: binary}, {$ref: "#/components/schemas/file"}]}}}
`))
	bytes := destination.Encoding{ContentType: "application/octet-stream", Explode: true}
	want := map[string]destination.Encoding{
		"plain": bytes, "several": bytes, "maybe": bytes, "inner": bytes, "own": {ContentType: "image/png", Explode: true},
		"named": {ContentType: "application/pdf", Explode: true}, "rows": {ContentType: "text/csv", Explode: true},
	}
	same(t, "encodings", want, find(t, set, "POST", "https://api.example.com/v2/files").BodyEncoding)
}

const alternatives = head + `
components:
  securitySchemes:
    a: {type: apiKey, in: header, name: A}
    b: {type: apiKey, in: header, name: B, x-keyrelay-secret: "env:B"}
    c: {type: apiKey, in: header, name: C, x-keyrelay-secret: "env:C"}
    d: {type: apiKey, in: header, name: D}
    no: {type: apiKey, in: nowhere, name: N}
security: [{a: []}, {d: []}]
paths:
  /inherits: {get: {}, put: {}}
  /one: {get: {security: [{a: []}]}, put: {security: [{no: []}, {d: []}]}}
  /own: {get: {security: [{a: []}, {b: []}, {c: []}]}}
  /both: {get: {security: [{a: [], b: []}, {b: [], c: []}]}}
  /half: {get: {security: [{a: [], b: []}, {d: []}]}}
  /optional: {get: {security: [{}, {a: []}]}, put: {security: [{b: []}, {}]}}
  /none: {get: {security: [{}]}, put: {security: []}}
`
