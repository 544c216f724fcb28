package relay_test

import (
	"io"
	"net/http"
	"testing"
)

// echoDocument is an API that says 200 and means 401.
const echoDocument = loopbackAPI + `security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key",
      x-keyrelay-refresh-on: [401, {status: 200, pointer: /errors/0/code, equals: EXPIRED}]}
`

// TestOneRequestOneEffect sees that an API which gives the record back is not sent a
// payment twice because of what the record says, and that any other refusal in a 200 is
// followed by a replay as before.
func TestOneRequestOneEffect(t *testing.T) {
	const refusal = `{"errors":[{"code":"EXPIRED"}]}`
	for name, test := range map[string]struct {
		method, query, contentType, body string
		sent                             int
	}{
		"the record says it":              {"POST", "", "application/json", `{"code":"EXPIRED","amount":10}`, 1},
		"further in, and escaped":         {"POST", "", "application/json", `{"a":[1,{"\u0063ode":"\u0045XPIRED"}]}`, 1},
		"in a list of that name":          {"PUT", "", "application/json", `{"code":["OTHER","EXPIRED"]}`, 1},
		"the query says it":               {"POST", "?code=EXPIRED", "application/json", `{}`, 1},
		"a form says it":                  {"POST", "", "application/x-www-form-urlencoded", "a=b&code=%45XPIRED", 1},
		"in another spelling of the name": {"POST", "", "application/json", `{"Code":"EXPIRED"}`, 1},
		"the query says it in a list":     {"POST", "?a=1;_code%5B%5D=%45XPIRED", "application/json", `{}`, 1},
		"the path says it":                {"POST", "/%45XPIRED/redeem", "application/json", `{}`, 1},
		"the path holds it":               {"POST", "/UNEXPIRED/redeem", "application/json", `{}`, 2},
		"a header says it":                {"POST", "", "application/json", `{"a":"EXPIRED"}`, 1},
		"the record says something else":  {"POST", "", "application/json", `{"code":"OTHER","note":"EXPIRED"}`, 2},
		"the record says it as a name":    {"POST", "", "application/json", `{"EXPIRED":"code"}`, 2},
		"the record says nothing":         {"POST", "", "application/json", `{}`, 2},
		"it has no effect that matters":   {"GET", "?code=EXPIRED", "", "", 2},
	} {
		s := newStage(t, echoDocument)
		rotated := false
		s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
			if !rotated {
				rotated = true
				s.secrets.Put("keyrelay/api", `{"key": "the-rotated-key"}`)
				_, _ = io.WriteString(w, refusal)
			}
		})
		call := sent{method: test.method, url: "http://" + s.api.host + "/v2/payments" + test.query, body: []byte(test.body)}
		if test.contentType != "" {
			call.header = map[string]string{"Content-Type": test.contentType}
		}
		if name == "a header says it" {
			call.header["X-Relay-Header-Fields"] = "a=X-Code"
		}
		got := s.send(t.Context(), call)
		arrived, entry := s.api.Take(), s.lastEntry()
		if len(arrived) != test.sent || (string(got.body) == refusal) != (test.sent == 1) || (entry["replayWithheld"] == true) != (test.sent == 1) || (entry["replayed"] == true) != (test.sent == 2) {
			t.Errorf("%s: %d requests arrived, and the caller got %s: %v", name, len(arrived), got.body, entry)
		}
		// The credential is renewed either way.
		s.send(t.Context(), call)
		if next := s.api.Take(); len(next) != 1 || next[0].Header.Get("X-Partner-Key") != "the-rotated-key" {
			t.Errorf("%s: the next request has %v", name, next)
		}
	}
}
