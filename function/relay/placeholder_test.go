package relay_test

import (
	"testing"
)

// queryKeyDocument is an API whose key goes into the query, where any text can stand.
const queryKeyDocument = `
openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: "http://$API/v2"}]
x-keyrelay-network: loopback
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
`

// TestPlaceholderCannotBreakTheHeader fills no header with a secret that no header can hold.
func TestPlaceholderCannotBreakTheHeader(t *testing.T) {
	for secret, problem := range map[string]string{`a key`: "", `a\nSet-Cookie: b=c`: "secret-unavailable", `a\r\n\r\n`: "secret-unavailable", `a\u0000`: "secret-unavailable"} {
		s := newStage(t, queryKeyDocument)
		s.secrets.Put("keyrelay/api", `{"key": "`+secret+`"}`)
		got := s.send(t.Context(), sent{method: "GET", url: "http://" + s.api.host + "/v2/orders", header: map[string]string{"X-Auth": "v {{{key}}}"}})
		if arrived := s.api.Take(); got.problem != problem || (len(arrived) == 1) != (problem == "") {
			t.Errorf("%s: %d %s, and %d requests arrived", secret, got.status, got.body, len(arrived))
		}
	}
}
