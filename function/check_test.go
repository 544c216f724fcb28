package main

import (
	"bytes"
	"io"
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
		"": "api: API, attaches no credential\n  network: public\n  hosts: https://api.example.com\n",
		"security: []\n" + schemes: "api: API, attaches no credential: security names none of its schemes\n  network: public\n  hosts: https://api.example.com\n" +
			"  secret at line 5, column 32: secretsmanager:keyrelay/api#/key\n",
		"security: [{key: []}]\n" + schemes: "api: API, attaches key\n  network: public\n  hosts: https://api.example.com\n  secret at line 5, column 32: secretsmanager:keyrelay/api#/key\n",
		"x-keyrelay-network: private\npaths: {/a: {get: {security: [{key: []}]}, post: {}}}\n" + schemes: "api: API, attaches key\n" +
			"  network: private\n  hosts: https://api.example.com\n  secret at line 6, column 32: secretsmanager:keyrelay/api#/key\n",
		"security: [{o: []}]\nx-keyrelay-session: {field: s, introspectionUrl: 'https://tokens.example.com/introspect'}\ncomponents: {securitySchemes: {o: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://login.example.com/token', scopes: {}}}}}}\n": "api: API, attaches o\n" +
			"  network: public\n  hosts: https://api.example.com, https://login.example.com, https://tokens.example.com\n" +
			"  secret at line 6, column 32: secretsmanager:keyrelay/api#/o\n",
		"security: [{key: []}, {}]\n" + schemes: "api: API, attaches key\n" +
			"  network: public\n  hosts: https://api.example.com\n  security at line 4, column 11: key, else nothing: the first whose secrets exist, found out at first use\n" +
			"  secret at line 5, column 32: secretsmanager:keyrelay/api#/key\n",
		"security: [{key: []}, {}]\npaths: {/a: {get: {}, post: {security: [{}, {key: []}]}}}\n" + schemes: "api: API, attaches key\n" +
			"  network: public\n  hosts: https://api.example.com\n  security at line 4, column 11 and 1 more: key, else nothing: the first whose secrets exist, found out at first use\n" +
			"  secret at line 6, column 32: secretsmanager:keyrelay/api#/key\n",
		"x-keyrelay-ca: secretsmanager:keyrelay/roots\nx-keyrelay-variables: secretsmanager:keyrelay/v\nx-keyrelay-session: {field: s, secret: 'secretsmanager:keyrelay/digests#/list'}\n": "api: API, attaches no credential\n  network: public\n  hosts: https://api.example.com\n" +
			"  secret at line 4, column 16: secretsmanager:keyrelay/roots\n  secret at line 5, column 23: secretsmanager:keyrelay/v\n  secret at line 6, column 40: secretsmanager:keyrelay/digests#/list\n",
	} {
		var out bytes.Buffer
		head := "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://api.example.com'}]\n"
		if err := check(writeDocuments(t, head+document), &out); err != nil {
			t.Fatal(err)
		}
		if difference := cmp.Diff(want+"1 document, no fault\n", out.String()); difference != "" {
			t.Error(difference)
		}
	}
}

// TestCheckWarns sees that what is switched off is told once for each cause, with a
// place and a count, and stops no build.
func TestCheckWarns(t *testing.T) {
	folder := writeDocuments(t, `openapi: 3.1.0
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
  hosts: https://api.example.com
warning: api.yaml:3:51: the server URL is http:// on the public network; write https://, or x-keyrelay-network: private, or loopback for this machine, where the API is not on the internet (this switches off this server)
warning: api.yaml:5:41: the in of this parameter is not known; write one of: query, header, path, cookie (this switches off GET /a and 1 more)
1 document, no fault, 2 warnings
`
	if difference := cmp.Diff(want, strings.ReplaceAll(out.String(), folder+string(filepath.Separator), "")); difference != "" {
		t.Error(difference)
	}
}

// A checked is a document with what a check of it says.
type checked struct {
	document    string
	environment map[string]string
	// says is what the output has; refused is what the error has, empty for none.
	says, refused string
}

func (c checked) run(t *testing.T, check func(string, io.Writer) error) {
	t.Helper()
	for _, name := range []string{"KEYRELAY_NETWORKS", "KEYRELAY_QUEUE", "KEYRELAY_ENVIRONMENT", "KEYRELAY_SECRET_PREFIX"} {
		t.Setenv(name, c.environment[name])
	}
	var out bytes.Buffer
	err := check(writeDocuments(t, c.document), &out)
	if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
		t.Errorf("%s\nwith %v: %v", c.document, c.environment, err)
	}
	if !strings.Contains(out.String(), c.says) || strings.Contains(out.String(), "no fault") != (err == nil) {
		t.Errorf("%s\nwith %v, which %v refuses, it says: %s", c.document, c.environment, err, out.String())
	}
}

const (
	laterDocument   = "openapi: 3.1.0\nservers: [{url: 'https://api.example.com'}]\npaths: {/a: {post: {x-keyrelay-delivery: later}}}\n"
	privateDocument = "openapi: 3.1.0\nservers: [{url: 'https://api.example.com'}]\nx-keyrelay-network: private\n"
)

// TestCheckForLambda sees that whatever stops the function from starting is a fault of
// that check, that nothing is said to have no fault before, and that a secret which the role
// may not read as it is is a warning.
func TestCheckForLambda(t *testing.T) {
	staging := map[string]string{"KEYRELAY_SECRET_PREFIX": "staging/"}
	both := strings.Replace(secretDocument("env:ORDERS_KEY"), "servers:", "x-keyrelay-network: private\nservers:", 1)
	for _, each := range []checked{
		{laterDocument, nil, "", "api.yaml:3:42: x-keyrelay-delivery: later needs a queue"},
		{laterDocument, map[string]string{"KEYRELAY_QUEUE": "Later"}, "1 document", ""},
		{privateDocument, nil, "", "api.yaml:3:21: the network private is wider"},
		{privateDocument, map[string]string{"KEYRELAY_NETWORKS": "private"}, "1 document", ""},
		{openDocument("http://127.0.0.1"), map[string]string{"KEYRELAY_NETWORKS": "loopback"}, "", "the network loopback is open to nobody"},
		{secretDocument("env:ORDERS_KEY"), nil, "", "the environment variable ORDERS_KEY"},
		{secretDocument("env:ORDERS_KEY"), map[string]string{"KEYRELAY_ENVIRONMENT": `{"ORDERS_KEY": ""}`}, "no fault\n", ""},
		{secretDocument("secretsmanager:keyrelay/orders"), staging, "warning: ", ""},
		{secretDocument("secretsmanager:staging/orders"), staging, "no fault\n", ""},
		{strings.Replace(secretDocument("x"), `, x-keyrelay-secret: "x"`, "", 1), staging, "no fault\n", ""},
		{secretDocument("secretsmanager:arn:aws:secretsmanager:eu-west-1:111122223333:secret:keyrelay/orders"), nil, "no fault\n", ""},
		{both, nil, "", "the environment variable ORDERS_KEY"},
		{both, nil, "", "the network private is wider"},
		{privateDocument, map[string]string{"KEYRELAY_NETWORKS": "intranet"}, "", "KEYRELAY_NETWORKS must"},
	} {
		each.run(t, checkForLambda)
	}
}

// TestCheckJudgesAsHere sees that a check without more takes what this machine would
// serve, warns of what would stop it from starting here, and that pack takes the same.
func TestCheckJudgesAsHere(t *testing.T) {
	t.Setenv("BROKEN_CLIENT", `{"client_id": "hush"}`)
	client := openDocument("http://127.0.0.1") + "security: [{o: []}]\ncomponents: {securitySchemes: {o: {type: oauth2, x-keyrelay-secret: 'env:BROKEN_CLIENT', " +
		"flows: {clientCredentials: {tokenUrl: 'http://127.0.0.1/token', scopes: {}}}}}}\n"
	for _, each := range []checked{
		{openDocument("http://127.0.0.1"), nil, "1 document", ""},
		{openDocument("http://127.0.0.1"), map[string]string{"KEYRELAY_NETWORKS": "private"}, "", "the network loopback is wider"},
		{privateDocument, nil, "1 document", ""},
		{privateDocument, map[string]string{"KEYRELAY_NETWORKS": "public"}, "", "the network private is wider"},
		{privateDocument, map[string]string{"KEYRELAY_NETWORKS": "intranet"}, "", "KEYRELAY_NETWORKS must"},
		{secretDocument("env:ABSENT_KEY"), nil, "warning: ", ""},
		{secretDocument("env:ABSENT_KEY"), nil, "api.yaml:7:69: the environment variable ABSENT_KEY is not set, so that keyrelay does not start here; set it", ""},
		{secretDocument("env:GIVEN_KEY"), map[string]string{"KEYRELAY_ENVIRONMENT": `{"GIVEN_KEY": "hush"}`}, "no fault\n", ""},
		{secretDocument("file:/nowhere/key"), nil, "the file /nowhere/key does not exist, so that", ""},
		{client, nil, "has no member client_secret, which", ""},
		{laterDocument, nil, "api.yaml:3:42: x-keyrelay-delivery: later needs a queue, and there is none, so that", ""},
		{laterDocument, map[string]string{"KEYRELAY_QUEUE": queueURL}, "no fault\n", ""},
	} {
		each.run(t, check)
		each.packs(t)
	}
}

// packs sees that pack refuses what the check refuses.
func (c checked) packs(t *testing.T) {
	t.Helper()
	err := pack(writeDocuments(t, c.document), t.TempDir(), io.Discard)
	if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
		t.Errorf("pack of %s\nwith %v: %v", c.document, c.environment, err)
	}
}
