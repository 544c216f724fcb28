package relay_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// privateDocument has names in it that a caller must not learn: a secret with an
// account in its name, a file, and another host.
const privateDocument = `
openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: "http://$API/v2"}]
x-keyrelay-network: loopback
components:
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
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer other.Close()
	host := strings.TrimPrefix(other.URL, "http://")
	file := t.TempDir() + "/private-file"
	document := strings.NewReplacer("$OTHER", host, "$FILE", file).Replace(privateDocument)
	s := newStage(t, document, privateServer)
	s.secrets.Put("keyrelay/private-client", `{"client_id": "a", "client_secret": "b"}`)
	for path, logged := range map[string]string{"/v2/account": "123456789012", "/v2/file": file, "/v2/refused": "keyrelay/private-client", "/v2/unreachable": "private-host.invalid", "/v3/none": ""} {
		got := s.send(t.Context(), sent{method: "POST", url: "http://" + s.api.host + path, body: []byte(`{}`)})
		text := fmt.Sprint(got.header, string(got.body))
		for _, private := range []string{"private-file", "private-host", "private-path", "private-name", "123456789012", host, file} {
			if strings.Contains(text, private) {
				t.Errorf("%s: the caller learns %q: %s", path, private, text)
			}
		}
		if said := fmt.Sprint(lastEntry(t, s.log.String())["detail"]); got.problem == "" || !strings.Contains(said, logged) {
			t.Errorf("%s: %s, and the log has %q", path, got.body, said)
		}
	}
}
