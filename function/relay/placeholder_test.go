package relay_test

import (
	"net/http"
	"testing"
)

// queryKeyDocument is an API whose key goes into the query, where any text can stand.
const queryKeyDocument = loopbackAPI + `security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
`

// TestPlaceholderCannotBreakTheHeader fills no header with a secret that no header can hold.
func TestPlaceholderCannotBreakTheHeader(t *testing.T) {
	for secret, problem := range map[string]string{`a key`: "", `a\nSet-Cookie: b=c`: "secret-unavailable", `a\r\n\r\n`: "secret-unavailable", `a\u0000`: "secret-unavailable"} {
		s := newStage(t, queryKeyDocument)
		s.secrets.Put("keyrelay/api", `{"key": "`+secret+`"}`)
		got := s.send(t.Context(), s.get("/v2/orders", "X-Auth", "v {{{key}}}"))
		if arrived := s.api.Take(); got.problem != problem || (len(arrived) == 1) != (problem == "") {
			t.Errorf("%s: %d %s, and %d requests arrived", secret, got.status, got.body, len(arrived))
		}
	}
}

// alteredDocument is an API whose own token a caller may place by itself.
const alteredDocument = loopbackAPI + `components:
  securitySchemes:
    token: {type: apiKey, in: header, name: Authorization, x-keyrelay-value: "Bearer {{{.}}}", x-keyrelay-secret: "secretsmanager:keyrelay/token"}
    key: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/token"}
`

// TestAlteredCredentialsDoNotCount sees that a refusal counts against a credential only
// where the request carried it as it is: it is read again then, and not otherwise.
func TestAlteredCredentialsDoNotCount(t *testing.T) {
	for _, test := range []struct {
		name, value string
		counts      bool
	}{
		{"Authorization", "{{{token}}}", true},
		{"Authorization", "Bearer {{{token}}}", true}, // the word is not doubled
		{"Authorization", "{{{token}}}x", false},
		{"Authorization", "x{{{token}}}", false},
		{"Authorization", "Basic {{{token}}}", false},
		{"Authorization", "{{{token}}}, {{{token}}}", false},
		{"Authorization", `Partner key="{{{key}}}", v=1`, true},
		{"Authorization", "Partner x{{{key}}}", false},
		{"X-Partner-Key", "{{{key}}}", true},
		{"X-Partner-Key", "{{{key}}}.", false},
		{"X-Partner-Key", "a {{{key}}}", false},
		{"X-Other", "{{{key}}}", true},
		{"X-Other", "v {{{key}}}", true},
		{"Cookie", "a=b; session={{{key}}}; c=d", true},
		{"Cookie", "session=x{{{key}}}", false},
	} {
		s := newStage(t, alteredDocument)
		s.secrets.Put("keyrelay/token", "the-token-of-sixteen-bytes")
		s.api.answerWith(status(http.StatusUnauthorized))
		got := s.send(t.Context(), s.get("/v2/orders", test.name, test.value))
		if calls := s.secrets.TakeCalls(); got.problem != "" || calls != map[bool]int{false: 1, true: 2}[test.counts] {
			t.Errorf("%s: %s: %d %s after %d reads of the secret", test.name, test.value, got.status, got.body, calls)
		}
	}
}
