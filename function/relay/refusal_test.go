package relay_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// privateDocument has names in it that a caller must not learn: a secret with an
// account in its name, a file, and another host.
const privateDocument = loopbackAPI + `components:
  securitySchemes:
    account: {type: http, scheme: bearer, x-keyrelay-secret: "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:private-name-AbCdEf"}
    file: {type: http, scheme: bearer, x-keyrelay-secret: "file:$FILE"}
    refused: {type: apiKey, in: header, name: X-Key, x-keyrelay-secret: "secretsmanager:keyrelay/private-client",
      x-itential-dynamic-retrieval: {method: POST, url: "http://$OTHER/refuses-the-client", responsePointer: /key}}
    unreachable: {type: apiKey, in: header, name: X-Key, x-keyrelay-secret: "secretsmanager:keyrelay/private-client",
      x-itential-dynamic-retrieval: {method: POST, url: "http://private-host.invalid/key", responsePointer: /key}}
paths:
  /account: {post: {security: [{account: []}]}}
  /file: {post: {security: [{file: []}]}}
  /refused: {post: {security: [{refused: []}]}}
  /unreachable: {post: {security: [{unreachable: []}]}}
`

// privateServer is an API that the callers of privateDocument have not heard of.
const privateServer = `
openapi: 3.1.0
info: {title: Private, version: "1"}
servers: [{url: "https://private-host.example.com/private-path"}]
`

// TestRefusalsNameNothingPrivate sees that a caller learns no other hosts, files
// and accounts from a refusal, also in a batch, and that the log has them.
func TestRefusalsNameNothingPrivate(t *testing.T) {
	other := httptest.NewServer(status(http.StatusUnauthorized))
	defer other.Close()
	host := strings.TrimPrefix(other.URL, "http://")
	file := t.TempDir() + "/private-file"
	document := strings.NewReplacer("$OTHER", host, "$FILE", file).Replace(privateDocument)
	s := newStage(t, document, privateServer)
	s.secrets.Put("keyrelay/private-client", `{"client_id": "a", "client_secret": "b"}`)
	for path, logged := range map[string]string{"/v2/account": "123456789012", "/v2/file": file, "/v2/refused": "keyrelay/private-client", "/v2/unreachable": "private-host.invalid", "/v3/none": ""} {
		got := s.send(t.Context(), s.post(path, `{}`))
		text := fmt.Sprint(got.header, string(got.body))
		for _, private := range []string{"private-file", "private-host", "private-path", "private-name", "123456789012", host, file} {
			if strings.Contains(text, private) {
				t.Errorf("%s: the caller learns %q: %s", path, private, text)
			}
		}
		if said := fmt.Sprint(s.lastEntry()["detail"]); got.problem == "" || !strings.Contains(said, logged) {
			t.Errorf("%s: %s, and the log has %q", path, got.body, said)
		}
	}
}

// placedDocument has calls of every kind to an endpoint that speaks plain HTTP and refuses all.
const placedDocument = loopbackAPI + `components:
  securitySchemes:
    token: {type: oauth2, x-keyrelay-secret: "file:$FILE", flows: {clientCredentials: {tokenUrl: "https://$OTHER/token", scopes: {}}}}
    refused: {type: oauth2, x-keyrelay-secret: "file:$FILE", flows: {clientCredentials: {tokenUrl: "http://$OTHER/token", scopes: {}}}}
    refresh: {type: oauth2, x-keyrelay-secret: "secretsmanager:keyrelay/person", flows: {authorizationCode: {authorizationUrl: "https://$OTHER/a", tokenUrl: "http://$OTHER/token", refreshUrl: "https://$OTHER/refresh", scopes: {}}}}
    discovered: {type: openIdConnect, x-keyrelay-secret: "file:$FILE", openIdConnectUrl: "https://$OTHER/.well-known/openid-configuration"}
    found: {type: openIdConnect, x-keyrelay-secret: "file:$FILE", openIdConnectUrl: "http://$OTHER/.well-known/openid-configuration"}
    key: {type: apiKey, in: header, name: X-Key, x-itential-dynamic-retrieval: {method: POST, url: "https://$OTHER/key", responsePointer: /key}}
    silent: {type: apiKey, in: header, name: X-Key, x-itential-dynamic-retrieval: {method: POST, url: "http://127.0.0.1:1/key", responsePointer: /key}}
paths:
  /token: {post: {security: [{token: []}]}}
  /refused: {post: {security: [{refused: []}]}}
  /refresh: {post: {security: [{refresh: []}]}}
  /discovered: {post: {security: [{discovered: []}]}}
  /found: {post: {security: [{found: []}]}}
  /key: {post: {security: [{key: []}]}}
  /silent: {post: {security: [{silent: []}]}}
`

// TestRetrievalRefusalsNameTheirPlace sees that the detail says which URL of the document is
// to be looked at, and whose secret, and that the log alone has host and file.
func TestRetrievalRefusalsNameTheirPlace(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			fmt.Fprintf(w, `{"token_endpoint": "https://%s/found"}`, r.Host)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	host, file := strings.TrimPrefix(other.URL, "http://"), filepath.Join(t.TempDir(), "private-file")
	if err := os.WriteFile(file, []byte(`{"client_id": "a", "client_secret": "b"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, strings.NewReplacer("$OTHER", host, "$FILE", file).Replace(placedDocument))
	s.secrets.Put("keyrelay/person", `{"client_id": "a", "client_secret": "b", "refresh_token": "c"}`)
	const plain = " does not speak TLS at this port. Check scheme and port of "
	for name, want := range map[string]string{
		"token":      "its tokenUrl" + plain + "its tokenUrl.",
		"refused":    "its tokenUrl does not accept the client. Check the secret of a file that its x-keyrelay-secret names, and x-keyrelay-client-authentication. It answered 401.",
		"refresh":    "its refreshUrl" + plain + "its refreshUrl.",
		"discovered": "its openIdConnectUrl" + plain + "its openIdConnectUrl.",
		"found":      "the token_endpoint of its openIdConnectUrl" + plain + "the token_endpoint of its openIdConnectUrl.",
		"key":        "the url of its x-itential-dynamic-retrieval" + plain + "the url of its x-itential-dynamic-retrieval.",
		"silent":     "the url of its x-itential-dynamic-retrieval refused the connection. The request was not sent; check the host and port of the url of its x-itential-dynamic-retrieval, and that it is up.",
	} {
		got := s.send(t.Context(), s.post("/v2/"+name, `{}`))
		if !strings.HasPrefix(got.detail, "The credential of the security scheme "+name+" of ") || !strings.HasSuffix(got.detail, " could not be retrieved: "+want) {
			t.Errorf("%s: %s", name, got.body)
		}
		said := fmt.Sprint(s.lastEntry()["detail"])
		if strings.Contains(string(got.body), "127.0.0.1") || strings.Contains(string(got.body), file) || !strings.Contains(said, "The endpoint is at 127.0.0.1") {
			t.Errorf("%s: %s, and the log has %q", name, got.body, said)
		}
		if name == "refused" && !strings.HasSuffix(said, " The secret is file:"+file+".") {
			t.Error(said)
		}
	}
}

// TestSessionRefusalsNameTheirPlace sees the same of the calls that check a session.
func TestSessionRefusalsNameTheirPlace(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for checker, want := range map[string]string{
		`introspectionUrl: "https://$OTHER/i"`:                   "its introspectionUrl does not speak TLS at this port. Check scheme and port of its introspectionUrl.",
		`introspectionUrl: "http://$OTHER/i"`:                    "its introspectionUrl does not understand the call. Check that URL in the document.",
		`jwksUri: "https://$OTHER/keys", issuer: a, audience: b`: "the jwksUri of its key set does not speak TLS at this port. Check scheme and port of the jwksUri of its key set.",
	} {
		document := `{"openapi": "3.1.0", "info": {"title": "API", "version": "1"}, "servers": [{"url": "http://$API/v2"}], "x-keyrelay-network": "loopback", "x-keyrelay-session": {field: session, ` + checker + "}}"
		s := newStage(t, strings.ReplaceAll(document, "$OTHER", strings.TrimPrefix(other.URL, "http://")))
		token := "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJpc3MiOiJhIiwiYXVkIjoiYiIsImV4cCI6OTk5OTk5OTk5OX0." + strings.Repeat("A", 86)
		got := s.send(t.Context(), s.post("/v2", `{"session":"`+token+`"}`))
		if got.problem != "session-check-unavailable" || !strings.HasSuffix(got.detail, want) {
			t.Errorf("%s: %s", checker, got.body)
		}
	}
}

// locatedDocument has an operation for each way to be refused after it was found.
const locatedDocument = loopbackAPI + `
paths:
  /orders: {post: {parameters: [{name: region, in: query, required: true, schema: {type: string}}]}}
  /orders/{id}: {get: {}}
`

// TestRefusalsNameTheDocument sees that the log says of a refused request which document
// and operation it called, or which host where no document has it, and no more of the URL.
func TestRefusalsNameTheDocument(t *testing.T) {
	s := newStage(t, locatedDocument)
	for name, test := range map[string]struct {
		call                           sent
		destination, operation, detail string
	}{
		"a missing parameter":      {s.post("/v2/orders", `{}`), "a", "/orders", `Missing: "region".`},
		"a broken record":          {s.post("/v2/orders", `{`), "a", "/orders", "not valid JSON"},
		"a directive":              {s.post("/v2/orders", `{}`, "X-Relay-Dry-Run", "maybe"), "a", "/orders", "X-Relay-Dry-Run"},
		"a batch":                  {s.post("/v2/orders", `[{}]`), "a", "/orders", "one record at a time"},
		"an expression unfilled":   {s.get("/v2/orders/{id}"), "a", "/orders/{id}", `Missing: "id".`},
		"a path that nothing has":  {s.post("/v2/private-path", `{}`), "a", "", "No declared path"},
		"a method that it has not": {s.post("/v2/orders/1", `{}`), "a", "/orders/{id}", "without the method POST"},
		"a host that nothing has":  {sent{method: "POST", url: "https://API.elsewhere.example:8443/private-path?private"}, "", "", "The URL begins with https://api.elsewhere.example:8443."},
		"a prefix that it has not": {s.post("/v3/private-path", `{}`), "", "", "Of its host there are http://" + s.api.host + "/v2."},
		"an address without name":  {sent{method: "POST", url: "http://[2001:db8::1]/private-path"}, "", "", "The URL begins with http://[2001:db8::1]."},
	} {
		t.Run(name, func(t *testing.T) {
			answer := s.send(t.Context(), test.call)
			entry := fmt.Sprint(s.lastEntry())
			if strings.Contains(answer.detail, "Of its host") {
				t.Errorf("the caller learns %s", answer.detail)
			}
			got := func(member string) string { text, _ := s.lastEntry()[member].(string); return text }
			if got("destination") != test.destination || got("operation") != test.operation || !strings.Contains(got("detail"), test.detail) || strings.Contains(entry, "private") {
				t.Errorf("the log says %s", entry)
			}
		})
	}
}
