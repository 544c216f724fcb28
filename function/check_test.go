package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCheckTellsWhatIsAttached sees that a document whose schemes nothing names, a
// forgotten security most likely, is told from one that attaches them.
func TestCheckTellsWhatIsAttached(t *testing.T) {
	const schemes = "components: {securitySchemes: {key: {type: apiKey, in: header, name: K}}}\n"
	for document, want := range map[string]string{
		"": "api: API, attaches no credential\n  network: public\n",
		schemes: "api: API, attaches no credential: security names none of its schemes\n  network: public\n" +
			"  secret at 4:32: secretsmanager:keyrelay/api#/key\n",
		"security: [{key: []}]\n" + schemes: "api: API, attaches key\n  network: public\n  secret at 5:32: secretsmanager:keyrelay/api#/key\n",
		"x-keyrelay-network: private\npaths: {/a: {get: {security: [{key: []}]}, post: {}}}\n" + schemes: "api: API, attaches key\n" +
			"  network: private\n  secret at 6:32: secretsmanager:keyrelay/api#/key\n",
		"security: [{key: []}, {}]\npaths: {/a: {get: {}, post: {security: [{}, {key: []}]}}}\n" + schemes: "api: API, attaches key\n" +
			"  network: public\n  security at 4:11 and 1 more: key, else nothing: the first whose secrets exist, found out at first use\n" +
			"  secret at 6:32: secretsmanager:keyrelay/api#/key\n",
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

// TestCheckWarns sees that what is switched off is told once for each cause, with a
// place and a count, and stops no build.
func TestCheckWarns(t *testing.T) {
	folder := writeDocument(t, `openapi: 3.1.0
info: {title: API, version: '1'}
servers: [{url: 'https://api.example.com'}, {url: 'http://api.example.com'}]
paths:
  /a: {get: {parameters: [{name: a, in: body}]}, post: {parameters: [{name: b, in: body}]}}
`)
	var out bytes.Buffer
	if err := check(folder, &out); err != nil {
		t.Fatal(err)
	}
	want := `api: API, attaches no credential
  network: public
warning: api.yaml:3:51: the server URL is http:// on the public network; write https://, or x-keyrelay-network: private, or loopback for this machine, where the API is not on the internet (this switches off this server)
warning: api.yaml:5:41: the in of this parameter is not known; write one of: query, header, path, cookie (this switches off GET /a and 1 more)
1 documents, no fault, 2 warnings
`
	if difference := cmp.Diff(want, strings.ReplaceAll(out.String(), folder+string(filepath.Separator), "")); difference != "" {
		t.Error(difference)
	}
}

// TestCheckWarnsOfTheQueue sees that a document that needs a queue is told where the
// function may have none.
func TestCheckWarnsOfTheQueue(t *testing.T) {
	folder := writeDocument(t, "openapi: 3.1.0\nservers: [{url: 'https://api.example.com'}]\npaths: {/a: {post: {x-keyrelay-delivery: later}}}\n")
	for queue, want := range map[string]bool{"": true, "Later": false} {
		t.Setenv("KEYRELAY_QUEUE", queue)
		var out bytes.Buffer
		if err := checkForLambda(folder, &out); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(out.String(), "api.yaml:3:42: x-keyrelay-delivery: later needs a queue"); told != want {
			t.Errorf("KEYRELAY_QUEUE=%s: %s", queue, out.String())
		}
	}
}
