package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
)

// secretWord stands for each secret in the tests.
const secretWord = "S3cr3tW0rdThatMustNotBeKept"

// TestPropose reads commands as people paste them, and proposes what lets them through the relay.
func TestPropose(t *testing.T) {
	for name, test := range map[string]struct {
		command  string
		expected trial
		document []string
	}{
		"bearer and JSON": {
			`curl -sS -X POST https://api.example.com/v2/orders?region=emea -H 'Authorization: Bearer ` + secretWord + `' -H "Content-Type: application/json" -d '{"id": 12345678901234567890, "amount":19.90}'`,
			trial{"POST", "https://api.example.com/v2/orders", `{"id": 12345678901234567890, "amount":19.90, "region": "emea"}`, []fieldMove{{Field: "region", To: "query"}}, ""},
			[]string{`- url: https://api.example.com`, "type: http\n      scheme: bearer", "secretsmanager:keyrelay/example#/bearer", "/v2/orders:\n    post:"},
		},
		"key in a header": {
			`curl https://api.example.com/v2/orders -H "x-api-key: ` + secretWord + `" -H 'Accept: application/json'`,
			trial{"GET", "https://api.example.com/v2/orders", "{}", nil, "Accept: application/json\n"},
			[]string{"in: header\n      name: x-api-key", "get:"},
		},
		"-u and a form": {
			`curl -u me:` + secretWord + ` -d 'a=1&b=x%20y' -da=2 https://h.example/token`,
			trial{"POST", "https://h.example/token", `{"a": ["1","2"], "b": "x y"}`, nil, ""},
			[]string{"scheme: basic", "application/x-www-form-urlencoded"},
		},
		"key in the query": {
			`curl -G 'https://maps.example.com/geo?key=` + secretWord + `' --data-urlencode 'q=Bern, CH'`,
			trial{"GET", "https://maps.example.com/geo", `{"q": "Bern, CH"}`, []fieldMove{{Field: "q", To: "query"}}, ""},
			[]string{"in: query\n      name: key"},
		},
		"user in the URL, loopback": {
			`curl --json '{"a":1}' http://me:` + secretWord + `@127.0.0.1:9000/x -k -L --compressed -o out`,
			trial{"POST", "http://127.0.0.1:9000/x", `{"a":1}`, nil, ""},
			[]string{"x-keyrelay-network: loopback", "scheme: basic"},
		},
		"a scheme of its own": {
			`curl 'https://h.example/x' -H 'Authorization: Token ` + secretWord + `' --request PUT --data-raw $'{"it\'s":"\u20ac"}'`,
			trial{"PUT", "https://h.example/x", `{"it's":"€"}`, nil, ""},
			[]string{`x-keyrelay-value: "Token {{{.}}}"`},
		},
		"a form of parts": {
			`curl -s --user 'api:` + secretWord + `' https://h.example/messages -F from='Me <me@h.example>' -F "to=you@h.example" -F text=hi;type=text/plain`,
			trial{"POST", "https://h.example/messages", `{"from": "Me <me@h.example>", "to": "you@h.example", "text": "hi"}`, nil, ""},
			[]string{"scheme: basic", "requestBody: {content: {multipart/form-data: {}}}"},
		},
		"a here document": {
			"curl -X POST https://h.example/events -H 'DD-API-KEY: " + secretWord + "' -d @- << EOF\n{\n  \"title\": \"x\"\n}\nEOF\n",
			trial{"POST", "https://h.example/events", `{  "title": "x"}`, nil, ""},
			[]string{"name: DD-API-KEY"},
		},
		"a quoted here document": {
			"curl https://h.example/events --data-binary @- <<'END'\n{\"a\": 1,\n\"b\": \"EOF\"}\nEND\ncurl https://other.example",
			trial{"POST", "https://h.example/events", "{\"a\": 1,\n\"b\": \"EOF\"}\n", nil, ""},
			nil,
		},
		"names that only look like secrets": {
			`curl https://h.example/m -H 'x-api-key: ` + secretWord + `' -d '{"max_tokens": 5, "author": "me", "keywords": [], "token_type": "a", "token": "` + secretWord + `"}'`,
			trial{"POST", "https://h.example/m", `{"max_tokens": 5, "author": "me", "keywords": [], "token_type": "a"}`, nil, ""},
			[]string{"name: x-api-key", "name: /token"},
		},
		"a key in the path": {
			`curl https://api.h.example/bot123456:ABC-` + secretWord + `7/send -d chat=1`,
			trial{"POST", "https://api.h.example/bot{key}/send", `{"chat": "1"}`, nil, ""},
			[]string{"/bot{key}/send", "x-keyrelay-in: path", "keyrelay/h#/key"},
		},
		"a webhook": {
			`curl https://hooks.h.example/services/T0/B0/` + secretWord + `7 --json '{"text":"hi"}'`,
			trial{"POST", "https://hooks.h.example/services/T0/B0/{key}", `{"text":"hi"}`, nil, ""},
			[]string{"/services/T0/B0/{key}"},
		},
		"braces that nobody filled": {
			`curl 'https://h.example/x' -H 'Authorization: Bearer ` + secretWord + `' -d '{"a": {{id}}}'`,
			trial{"POST", "https://h.example/x", `{}`, nil, ""},
			[]string{"scheme: bearer"},
		},
		"bare Authorization and cookies": {
			`curl https://h.example/x -H 'Authorization: ` + secretWord + `' -b 'sid=` + secretWord + `; lang=` + secretWord + `'`,
			trial{"GET", "https://h.example/x", "{}", nil, ""},
			[]string{"in: cookie\n      name: sid", "in: cookie\n      name: lang", "name: Authorization"},
		},
		"a browser's copy": {
			"curl 'https://h.example/x?page_token=p' \\\n  -H 'accept: */*' \\\n  -H 'sec-ch-ua: \"x\"' \\\n  -H 'authorization: Bearer " + secretWord + "' \\\n  --data-raw '{\"a\":[1]}' \\\n  --compressed",
			trial{"POST", "https://h.example/x", `{"a":[1], "page_token": "p"}`, []fieldMove{{Field: "page_token", To: "query"}}, "accept: */*\n"},
			nil,
		},
		"an array": {
			`curl https://h.example/x?dry=1 -d '[{"a":1}]' -H 'X-Auth-Token: ` + secretWord + `'`,
			trial{"POST", "https://h.example/x?dry=1", `[{"a":1}]`, nil, ""},
			nil,
		},
		"a prompt, cmd.exe, a signature": {
			"$ curl.exe -X PUT \"https://h.example/x\" ^\r\n  --aws-sigv4 aws:amz:eu-central-1:es -u \"id:" + secretWord + "\" ^\r\n  -d \"{\\\"a\\\": 1}\"",
			trial{"PUT", "https://h.example/x", `{"a": 1}`, nil, ""},
			[]string{"aws:\n", "x-keyrelay-sigv4: {service: es, region: eu-central-1}"},
		},
		"a signature of API Gateway": {
			`curl https://h.example/x --aws-sigv4 aws:amz --user id:` + secretWord,
			trial{"GET", "https://h.example/x", "{}", nil, ""},
			[]string{"x-amazon-apigateway-authtype: awsSigv4"},
		},
		"deep secrets": {
			`curl https://h.example/x -d '{"a":{"client_secret":"` + secretWord + `","n":1.50}}'`,
			trial{"POST", "https://h.example/x", `{"a":{"client_secret":"…","n":1.50}}`, nil, ""},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			command, err := parseCurl(test.command)
			if err != nil {
				t.Fatal(err)
			}
			made := propose(command)
			if difference := cmp.Diff(test.expected, made.Trial); difference != "" {
				t.Error(difference)
			}
			for _, part := range test.document {
				if !strings.Contains(made.Document, part) {
					t.Errorf("the document does not say %q:\n%s", part, made.Document)
				}
			}
			mustLoad(t, made)
			mustNotHold(t, made, secretWord)
		})
	}
}

// mustLoad wants the document to be one that keyrelay takes, and the trial to belong to it.
func mustLoad(t *testing.T, made *proposal) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, made.File+".yaml"), []byte(made.Document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatalf("%v\n%s", err, made.Document)
	}
	location, err := set.Locate(made.Trial.URL)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, made.Trial.URL, made.Document)
	}
	if _, err := location.Operation(made.Trial.Method, location.Path); err != nil {
		t.Fatalf("%v\n%s\n%s", err, made.Trial.URL, made.Document)
	}
}

func mustNotHold(t *testing.T, made *proposal, secret string) {
	t.Helper()
	text, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) {
		t.Errorf("the secret is kept: %s", text)
	}
}

// TestRefusedCommands says why a command is not read, and quotes none of its values.
func TestRefusedCommands(t *testing.T) {
	for command, expected := range map[string]string{
		"wget https://h.example": "begins with curl",
		"curl":                   "no URL",
		"curl ftp://h.example/x": "http or https",
		"curl https://a.example https://b.example":               "two URLs",
		"curl -d @body.json https://h.example":                   "in a file",
		"curl https://h.example -H @" + secretWord:               "header fields are in a file",
		"curl -F a=@b https://h.example":                         "-F",
		"curl -F a='<b' https://h.example":                       "leave that part out",
		"curl '{{base}}/x'":                                      "put their values in",
		"curl -T b https://h.example":                            "-T sends a file",
		"curl https://h.example -d @- <<EOF":                     "in a file",
		"curl https://h.example -H “X-Api-Key: k” -d ‘{}’":       "typographic quotation marks",
		"curl -X TRACE https://h.example":                        "GET, POST",
		"curl --unheard-of " + secretWord + " https://h.example": "--unheard-of",
		"curl -" + secretWord + " https://h.example":             "not known here",
		"curl 'https://h.example":                                "quotation mark",
		"curl https://h.example -H":                              "has no value",
		"curl https://h.example --unheard-of":                    "--unheard-of is not known here",
	} {
		_, err := parseCurl(command)
		if err == nil || !strings.Contains(err.Error(), expected) || strings.Contains(err.Error(), secretWord[1:]) {
			t.Errorf("%s: %v", command, err)
		}
	}
}

// TestNotes says what the relay does otherwise than the command.
func TestNotes(t *testing.T) {
	for command, expected := range map[string]string{
		"curl https://h.example -u a:b --digest":                              "sends the name and password of -u as Basic",
		`curl https://h.example -d "{\"a\": $B}"`:                             "put their values in",
		"curl https://h.example -L":                                           "X-Relay-Location",
		"curl https://h.example -d grant_type=password":                       "as tokenUrl of an oauth2 scheme",
		`curl http://127.0.0.1:9771/crm/login -d '{"client":"a","pass":"b"}'`: "docs/credentials.md#a-login-with-json",
		`curl https://h.example/auth/v1 --json '{"user":"a","Secret":"b"}'`:   "docs/credentials.md#a-login-with-json",
		"curl https://h.example -H 'X-Warehouse: B4' -H 'X-Zone: 1'":          "Headers that every request has as they are: X-Warehouse, X-Zone.",
		"curl https://h.example/{{version}}/x":                                "variables in two braces",
		`curl https://h.example -d '{"a": {{b}}}'`:                            "begins as JSON and is none, so it was left out: braces and signs",
		"curl https://h.example/sheets/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74":   "a part that looks like a key",
		"curl https://h.example -d '[1]'":                                     "no JSON object",
		"curl https://h.example/x?a=1&b=2 -d c=3":                             "put the URL in quotes",
	} {
		read, err := parseCurl(command)
		if err != nil {
			t.Fatal(command, err)
		}
		if notes := strings.Join(propose(read).Notes, "\n"); !strings.Contains(notes, expected) {
			t.Errorf("%s: %q", command, notes)
		}
	}
}

// FuzzCurl takes any command without a panic, and proposes only what a document can say.
func FuzzCurl(f *testing.F) {
	for _, seed := range []string{
		`curl https://h.example/a?b=c -H 'X-Api-Key: k' -d '{"a":1}'`, `curl -u a:b h.example -G -d x=y`, `curl $'\x41\u20ac' -H "A: \" b"`,
		`curl --json [1] http://[::1]:80/%7Ba%7D -b a=b;c=d`, `curl -E c https://h.example`, `curl https://h.example -H 'Authorization: X y'`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		command, err := parseCurl(text)
		if err != nil {
			return
		}
		made := propose(command)
		if made.Document == "" || made.Trial.Method == "" || made.Trial.URL == "" {
			t.Errorf("%q becomes %+v", text, made)
		}
	})
}

// FuzzCurlSecret hides a credential in each place of a command where one is recognised, behind any other words.
func FuzzCurlSecret(f *testing.F) {
	f.Add("https://h.example/x", "-s", uint8(0))
	f.Add("https://h.example/x?a=b", "-d {\"a\":1}", uint8(3))
	f.Fuzz(func(t *testing.T, target, more string, place uint8) {
		options := []string{"-u me:%", "-H 'Authorization: Bearer %'", "-H 'Authorization: %'", "-H 'X-Api-Key: %'", "-b 'sid=%'", "--oauth2-bearer %", "-H 'X-Session-Token: %'", "--url-query 'access_token=%'"}
		option := strings.ReplaceAll(options[int(place)%len(options)], "%", secretWord)
		command, err := parseCurl("curl " + option + " " + target + " " + more)
		if err == nil {
			mustNotHold(t, propose(command), secretWord)
		}
	})
}

// TestProposedFile names documents so that those of two APIs differ.
func TestProposedFile(t *testing.T) {
	for address, name := range map[string]string{
		"https://api.example.com/v2/orders": "example", "http://127.0.0.1:9771/shipping/v1/labels": "shipping", "http://localhost:9771/crm": "crm",
		"http://[::1]/Ab_c/d": "abc", "http://127.0.0.1/": "my-api", "http://127.0.0.1/api/x": "my-api",
	} {
		read, err := parseCurl("curl " + address)
		if err != nil {
			t.Fatal(err)
		}
		made := propose(read)
		if made.File != name {
			t.Errorf("%s is %s", address, made.File)
		}
		if notes := strings.Join(made.Notes, " "); strings.Contains(notes, "login") || strings.Contains(notes, "Headers") {
			t.Errorf("%s: %s", address, notes)
		}
	}
}
