package destination_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
	"keyrelay/function/hostile"
)

// packed writes what Pack makes of a folder into another one.
func packed(t testing.TB, folder string) (target string, size int) {
	t.Helper()
	documents, err := destination.Pack(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	target = t.TempDir()
	for name, document := range documents {
		if !json.Valid(document) {
			t.Errorf("%s is not JSON", name)
		}
		size += len(document)
		if err := os.WriteFile(filepath.Join(target, name), document, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return target, size
}

// alike compares all that two folders are read as, but for the places in their files
// and what is only told to the operator.
func alike(t *testing.T, folder, other string) {
	t.Helper()
	sets := [2]*destination.Set{}
	for i, each := range []string{folder, other} {
		var err error
		if sets[i], err = destination.Load(each, destination.Config{}); err != nil {
			t.Fatal(err)
		}
	}
	private := cmp.Exporter(func(reflect.Type) bool { return true })
	untold := cmp.FilterPath(func(path cmp.Path) bool {
		field, ok := path.Last().(cmp.StructField)
		return ok && (field.Name() == "file" || field.Name() == "warnings" || field.Name() == "size" || field.Name() == "Choices")
	}, cmp.Ignore())
	same(t, "unpacked and packed", sets[0], sets[1], private, untold, cmpopts.IgnoreTypes(destination.Place{}))
}

// A packed document is read as the one that it was made of.
func TestPack(t *testing.T) {
	for name, document := range map[string]string{
		"kinds": kinds, "routes": routes, "unusable": unusable, "bodies": bodies, "alternatives": alternatives, "owners": strings.TrimSpace(owners),
		"webhooks": head + "webhooks: {a: {post: {}}}", "nothing": head,
		"settings": head + "x-keyrelay-body: {a: no, b: [1.10, yes, 12345678901234567890], c: 2024-01-01}\nx-keyrelay-timeout: 3\nx-keyrelay-batch: split",
		"containers": head + `
security: [{key: []}]
paths: {$ref: "#/x-paths"}
x-paths: {/a: {get: {}}}
components: {$ref: "#/x-components"}
x-components: {securitySchemes: {$ref: "#/x-schemes"}}
x-schemes: {key: {type: apiKey, in: header, name: K}}
`,
		"quirks": head + `
x-shared: &shared {parameters: [{name: 0x10, in: query, explode: off, description: long}]}
paths:
  /composed: {get: {parameters: [{name: either, in: query, schema: {oneOf: [{type: string}, {$ref: "#/components/schemas/range"}]}}]}}
  /merged: {get: {<<: *shared, summary: s, responses: {200: {description: ok}}, security: []}}
  /file:
    post:
      security: []
      requestBody:
        content:
          multipart/form-data:
            schema: {type: object, properties: {a: {type: string, format: binary}, b: {type: array, items: {$ref: "#/components/schemas/file"}}, c: {type: string}}}
            encoding: {c: {contentType: text/csv, headers: {}}}
          text/csv: {}
  /files:
    post:
      requestBody:
        content:
          multipart/form-data:
            schema: {allOf: [{$ref: "#/components/schemas/upload"}, {properties: {c: {contentMediaType: image/png}, d: {contentMediaType: application/json}}}]}
  /odd: {get: {parameters: {}}, put: {requestBody: []}, post: {requestBody: {content: []}}, patch: [], delete: text}
components: {schemas: {file: {type: string, format: binary}, upload: {anyOf: [{$ref: "#/components/schemas/upload"}, {properties: {a: {$ref: "#/components/schemas/file"}}}]}, range: {properties: {from: {}}}}}
`,
	} {
		t.Run(name, func(t *testing.T) {
			folder := write(t, yaml(document))
			target, _ := packed(t, folder)
			alike(t, folder, target)
			again, _ := packed(t, target)
			first, _ := os.ReadFile(filepath.Join(target, "api.json"))
			second, _ := os.ReadFile(filepath.Join(again, "api.json"))
			if !bytes.Equal(first, second) {
				t.Errorf("packed again it is another document:\n%s\n%s", first, second)
			}
		})
	}
}

// What the relay does not read is left out, and an overlay is applied.
func TestPackIsSmall(t *testing.T) {
	folder := write(t, yaml(`
openapi: 3.0.3
info: {title: T, version: "1", description: long}
servers: [{url: /v1, description: d, x-other: 1}]
tags: [{name: a}]
paths:
  /a/{id}:
    summary: s
    parameters: [{$ref: "#/components/parameters/id"}]
    get: {operationId: getA, tags: [a], responses: {"200": {description: ok}}, parameters: [{name: q, in: query, required: false, schema: {type: string}, example: a}]}
    post: {requestBody: {content: {application/json: {schema: {type: object}}}}}
    head: {}
components:
  parameters: {id: {name: id, in: path, required: true, description: long, schema: {type: string}}}
  schemas: {a: {type: object}}
  securitySchemes: {key: {type: apiKey, in: header, name: K, description: long}}
`), txtar.File{Name: "api.overlay.yaml", Data: []byte("overlay: 1.0.0\nactions: [{target: '$.servers[0]', update: {url: 'https://api.example.com'}}]")})
	documents, err := destination.Pack(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"openapi":"3.0.3","info":{"title":"T"},"servers":[{"url":"https://api.example.com"}],"paths":{"/a/{id}":{` +
		`"parameters":[{"name":"id","in":"path","required":true}],"get":{"operationId":"getA","parameters":[{"name":"q","in":"query","required":false}]},"post":{}}},` +
		`"components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"K"}}}}`
	if difference := cmp.Diff(want, string(documents["api.json"])); difference != "" || len(documents) != 1 {
		t.Errorf("packed (-want +got):\n%s", difference)
	}
	loop := write(t, yaml(head+"security: &loop [*loop]\npaths: {/a: {get: {}}}"))
	if documents, err := destination.Pack(loop, destination.Config{}); err != nil || !bytes.Contains(documents["api.json"], []byte(`"security":""`)) {
		t.Errorf("a document that holds itself is %s, %v", documents["api.json"], err)
	}
	if _, err := destination.Pack(write(t, yaml("openapi: 3.0.3")), destination.Config{}); err == nil {
		t.Error("a document with a fault is packed")
	}
}

// vendors are the documents of the shared test data, by their vendors.
func vendors(t *testing.T) map[string][]txtar.File {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(hostile.Further(t, "openapi/vendors.jsonl.gz")))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]txtar.File{}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Name string
			Doc  json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		vendor, _, _ := strings.Cut(line.Name, "__")
		if !strings.Contains(line.Name, "opa-minimal") { // its tenant has to be given
			found[vendor] = append(found[vendor], txtar.File{Name: line.Name + ".json", Data: bytes.Clone(line.Doc)})
		}
	}
	return found
}

// sameOperations asks two sets for every operation that documents declare, by the
// nearest of their servers, and compares what is answered.
func sameOperations(t *testing.T, files []txtar.File, sets [2]*destination.Set) (compared int) {
	t.Helper()
	type server struct{ URL string }
	for _, file := range files {
		var document struct {
			Servers []server
			Paths   map[string]map[string]json.RawMessage
		}
		if err := json.Unmarshal(file.Data, &document); err != nil {
			t.Fatal(err)
		}
		for path, item := range document.Paths {
			for method, operation := range item {
				nearest := struct{ Servers []server }{document.Servers}
				_ = json.Unmarshal(item["servers"], &nearest.Servers)
				_ = json.Unmarshal(operation, &nearest)
				if len(nearest.Servers) == 0 || method == "servers" || method == "parameters" {
					continue
				}
				compared++
				outboundURL := strings.TrimSuffix(nearest.Servers[0].URL, "/") + path
				if first, second := asked(sets[0], method, outboundURL), asked(sets[1], method, outboundURL); first != second {
					t.Errorf("%s %s is\n%s\npacked it is\n%s", method, outboundURL, first, second)
				}
			}
		}
	}
	return compared
}

// asked is what a set answers for an operation, as JSON or the words of a refusal.
func asked(set *destination.Set, method, outboundURL string) string {
	location, err := set.Locate(outboundURL)
	if err != nil {
		return err.Error()
	}
	operation, err := location.Operation(strings.ToUpper(method), location.Path)
	if err != nil {
		return err.Error()
	}
	bare := *operation
	bare.Destination, bare.Placeholders = nil, nil
	text, err := json.Marshal(bare)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// The documents of each vendor load together.
func TestVendorsTogether(t *testing.T) {
	for vendor, files := range vendors(t) {
		if _, err := destination.Load(write(t, files...), destination.Config{RealLambda: true}); err != nil {
			t.Errorf("%s: %v", vendor, err)
		}
	}
}

// The documents of vendors are read alike when they are packed.
func TestPackVendors(t *testing.T) {
	for vendor, files := range vendors(t) {
		t.Run(vendor, func(t *testing.T) {
			files = files[:min(len(files), 30)]
			folder := write(t, files...)
			target, size := packed(t, folder)
			var sets [2]*destination.Set
			for i, each := range []string{folder, target} {
				var err error
				if sets[i], err = destination.Load(each, destination.Config{}); err != nil {
					t.Fatal(err)
				}
			}
			before := 0
			for _, file := range files {
				before += len(file.Data)
			}
			t.Logf("%d operations are the same; %d bytes become %d", sameOperations(t, files, sets), before, size)
		})
	}
}
