package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCheckTellsWhatIsAttached sees that a document whose schemes nothing names, a
// forgotten security most likely, is told from one that attaches them.
func TestCheckTellsWhatIsAttached(t *testing.T) {
	const schemes = "components: {securitySchemes: {key: {type: apiKey, in: header, name: K}}}\n"
	for document, want := range map[string]string{
		"":                                  "api: API, attaches no credential\n",
		schemes:                             "api: API, attaches no credential: security names none of its schemes\n",
		"security: [{key: []}]\n" + schemes: "api: API, attaches key\n",
		"paths: {/a: {get: {security: [{key: []}]}, post: {}}}\n" + schemes: "api: API, attaches key\n",
	} {
		var out bytes.Buffer
		head := "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://api.example.com'}]\n"
		if err := check(writeDocument(t, head+document), &out); err != nil {
			t.Fatal(err)
		}
		if difference := cmp.Diff(want+"1 documents, no fault\n", out.String()); difference != "" {
			t.Error(difference)
		}
	}
}
