package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyrelay/function/fake"
)

// TestLacking has a file of secrets lack, one after the other, what a credential is made
// of: the start names what is missing and what in the file is near, and no value.
func TestLacking(t *testing.T) {
	const login = `type: apiKey, in: header, name: X, x-itential-dynamic-retrieval: {method: POST, url: "https://api.example/login", responsePointer: /key}, `
	const parameters = login + `x-itential-parameters: [{name: client, in: body, x-itential-use-in: [key]}, {name: pass, in: body, x-itential-use-in: [key]}]`
	for name, test := range map[string]struct{ scheme, name, secret, told string }{
		"a parameter":           {parameters, "keyrelay/api", `{"key": {"client": "hush", "password": "hush"}}`, "has no member pass, which the retrieval for key sends. Add it. It has client and password. Perhaps password is meant by pass."},
		"all parameters flat":   {parameters, "keyrelay/api", `{"client": "hush", "pass": "hush"}`, `has no value at its pointer. Add that member to the secret, or fix the part of the reference from # on. It has client and pass. Where that is what it should hold, wrap it: {"key": {"client": …, "pass": …}}.`},
		"a variable":            {login + `x-itential-parameters: [{name: site, in: query, x-itential-use-in: [key], x-itential-variable: site_id}]`, "keyrelay/api", `{"variables": {"siteId": "hush"}}`, "has no member site_id, which the retrieval for key sends. Add it. It has siteId. Perhaps siteId is meant by site_id."},
		"a parameter's value":   {login + `x-itential-parameters: [{name: u, in: query, x-itential-use-in: [key], x-keyrelay-value: "{{{login}}}@x"}]`, "keyrelay/api", `{"key": {"log_in_name": "hush"}}`, "lacks a member that x-keyrelay-value of u names, or holds no text there: {{{/login}}} finds nothing."},
		"a user name":           {`type: http, scheme: basic`, "keyrelay/api", `{"key": {"user": "hush", "password": "hush"}}`, "It has user and password. Perhaps user is meant by username."},
		"a client secret":       {`type: oauth2, flows: {clientCredentials: {tokenUrl: "https://api.example/token", scopes: {}}}`, "keyrelay/api", `{"key": {"client_id": "hush", "secret": "hush"}}`, "has no member client_secret, which the retrieval for key sends. Add it. It has client_id and secret. Perhaps secret is meant by client_secret."},
		"a template":            {`type: apiKey, in: header, name: X, x-keyrelay-value: "{{{id}}}-{{{part}}}"`, "keyrelay/api", `{"key": {"id": "hush", "Part": "hush"}}`, "{{{/part}}} finds nothing. Add it to the secret, or fix the template. It has id and Part. Perhaps Part is meant by part."},
		"a signing key":         {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, "keyrelay/api", `{"key": {"private_key_pem": "hush"}}`, "It has private_key_pem. Perhaps private_key_pem is meant by private_key."},
		"an access key":         {`type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"`, "keyrelay/api", `{"key": {"access_key_id": "hush", "secret_key": "hush"}}`, "Perhaps secret_key is meant by secret_access_key."},
		"a key beside another":  {`type: apiKey, in: header, name: X`, "keyrelay/api", `{"api_key": "hush"}`, "It has api_key. Perhaps api_key is meant by key."},
		"a text":                {`type: apiKey, in: header, name: X`, "keyrelay/api", `hush`, `is not JSON, so that its pointer selects nothing. Store a JSON object such as {"key": "…"}`},
		"a name without folder": {`type: apiKey, in: header, name: X`, "api", `{"key": "hush"}`, `secrets.json has no member "keyrelay/api", but "api". Rename that one.`},
		"a name with an ending": {`type: apiKey, in: header, name: X`, "keyrelay/api.yaml", `{"key": "hush"}`, `secrets.json has no member "keyrelay/api", but "keyrelay/api.yaml". Rename that one.`},
		"a reference as a name": {`type: apiKey, in: header, name: X`, "keyrelay/api#/key", `hush`, `secrets.json has a whole reference in the place of the name "keyrelay/api". Write the name alone`},
		"a scheme in the name":  {`type: apiKey, in: header, name: X`, "secretsmanager:keyrelay/api", `{"key": "hush"}`, `secrets.json has a whole reference in the place of the name "keyrelay/api".`},
		"a nested name":         {`type: apiKey, in: header, name: X`, "keyrelay", `{"api": {"key": "hush"}}`, `has no member "keyrelay/api", but "keyrelay". Write the slash into one name`},
		"a placeholder":         {`type: apiKey, in: header, name: X`, "keyrelay/api", `{"key": "…"}`, "is a placeholder"},
		"a placeholder inside":  {`type: http, scheme: basic`, "keyrelay/api", `{"key": {"username": "hush", "password": "<your password>"}}`, "is a placeholder"},
		"an invisible mark":     {`type: http, scheme: bearer`, "keyrelay/api", `{"key": "hu\u200bsh"}`, "a character that nobody sees"},
		"a line break":          {`type: apiKey, in: query, name: X`, "keyrelay/api", `{"key": "hush\n"}`, "ends with white space or a line break"},
		"white space inside":    {`type: http, scheme: basic`, "keyrelay/api", `{"key": {"username": " hush", "password": "hush"}}`, "begins or ends with white space"},
		"quotation marks":       {`type: http, scheme: basic`, "keyrelay/api", `{"key": {"username": "hush", "password": "\"hush\""}}`, "stands in quotation marks"},
		"a PEM text":            {`type: apiKey, in: query, name: X`, "keyrelay/api", `{"key": "-----BEGIN X-----\n"}`, ""},
		"what looks odd":        {`type: http, scheme: basic`, "keyrelay/api", `{"key": {"username": "hush", "password": "<x y>'"}}`, ""},
		"of another scheme":     {`type: apiKey, in: header, name: X, x-itential-dynamic-retrieval: {method: POST, url: "https://api.example/login", responsePointer: /key}, x-itential-parameters: [{name: Authorization, in: header, x-itential-use-in: [key], x-keyrelay-value: "{{{app}}}"}]}, app: {type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, "keyrelay/api", `{"app": {"key": "hush"}}`, "private_key"},
		"another name":          {`type: apiKey, in: header, name: X`, "keyrelay/other", `{"key": "hush"}`, `secrets.json has no member "keyrelay/api", but "keyrelay/other". Its members are whole names of secrets: add {"keyrelay/api": …}, or fix the name in the document.`},
		"a key as a name":       {`type: apiKey, in: header, name: X`, "hush-4f5e6d7c", `x`, `secrets.json has no member "keyrelay/api". Its members are whole names`},
		"a key like the name":   {`type: apiKey, in: header, name: X`, "keyrelay-hush-4f5e6d7c", `x`, `secrets.json has no member "keyrelay/api". Its members are whole names`},
		"nothing":               {`type: apiKey, in: header, name: X`, "keyrelay/api", `{"key": "hush"}`, ""},
		"no name that is a key": {`type: apiKey, in: header, name: X`, "keyrelay/api", `{"hush-4f5e6d7c8b9a0f1e2d3c": "x"}`, "from # on."},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(fake.NewSecretsFile("secrets.json", map[string]string{test.name: test.secret}))
			defer server.Close()
			around := &surroundings{folder: t.TempDir(), secrets: strings.TrimPrefix(server.URL, "http://")}
			document := "openapi: 3.1.0\nservers: [{url: 'https://api.example'}]\nsecurity: [{key: []}]\ncomponents: {securitySchemes: {key: {" + test.scheme + "}}}\n"
			if err := os.WriteFile(filepath.Join(around.folder, "api.yaml"), []byte(document), 0o600); err != nil {
				t.Fatal(err)
			}
			set, _, err := around.documents()
			if err != nil {
				t.Fatal(err)
			}
			problem := around.describeDocuments(t.Context(), set)[0].Attachments[0].Problem
			if !strings.Contains(problem, test.told) || (problem == "") != (test.told == "") || strings.Contains(problem, "hush") {
				t.Errorf("it says %q", problem)
			}
			if strings.Contains(problem, "AWS account") || strings.Contains(problem, "AWS_REGION") {
				t.Errorf("it speaks of AWS: %q", problem)
			}
		})
	}
}

// TestLoginCommand tells, where a refresh token is missing, the command that gets one for
// the secrets that the relay has.
func TestLoginCommand(t *testing.T) {
	server := httptest.NewServer(fake.NewSecretsFile("secrets.json", map[string]string{"keyrelay/crm": `{"person": {"client_id": "me"}}`}))
	defer server.Close()
	around := &surroundings{folder: t.TempDir(), secrets: strings.TrimPrefix(server.URL, "http://")}
	document := "openapi: 3.1.0\nservers: [{url: 'https://api.example'}]\nsecurity: [{person: []}]\ncomponents: {securitySchemes: {person: {type: oauth2, " +
		"flows: {authorizationCode: {authorizationUrl: 'https://api.example/a', tokenUrl: 'https://api.example/t', scopes: {}}}}}}\n"
	if err := os.WriteFile(filepath.Join(around.folder, "crm.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, _, err := around.documents()
	if err != nil {
		t.Fatal(err)
	}
	problem := around.describeDocuments(t.Context(), set)[0].Attachments[0].Problem
	if !strings.Contains(problem, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+server.URL+" ") || !strings.Contains(problem, " dist/keyrelay login "+around.folder+" crm person") {
		t.Errorf("it says %q", problem)
	}
}

// TestTokenAsSecret says of an oauth2 scheme whose secret is a text, and so the token itself,
// that no call is made for it.
func TestTokenAsSecret(t *testing.T) {
	for secret, want := range map[string]string{`"a-token"`: "secretsmanager:keyrelay/api#/key", `{"client_id": "a", "client_secret": "b"}`: "a call to https://api.example/token with secretsmanager:keyrelay/api#/key"} {
		server := httptest.NewServer(fake.NewSecretsFile("secrets.json", map[string]string{"keyrelay/api": `{"key": ` + secret + `}`}))
		defer server.Close()
		around := &surroundings{folder: t.TempDir(), secrets: strings.TrimPrefix(server.URL, "http://")}
		document := "openapi: 3.1.0\nservers: [{url: 'https://api.example'}]\nsecurity: [{key: []}]\ncomponents: {securitySchemes: {key: {type: oauth2, flows: {clientCredentials: {tokenUrl: /token, scopes: {}}}}}}\n"
		if err := os.WriteFile(filepath.Join(around.folder, "api.yaml"), []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		set, _, err := around.documents()
		if err != nil {
			t.Fatal(err)
		}
		if got := around.describeDocuments(t.Context(), set)[0].Attachments[0]; got.From() != want || got.Problem != "" {
			t.Errorf("%s is from %q: %q", secret, got.From(), got.Problem)
		}
	}
}
