package relay_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestStatusBlame sees whom the log blames for an API's status, and that it says what the
// status alone does not. A record of a batch has the same blame.
func TestStatusBlame(t *testing.T) {
	const redirected = "It is a redirect, and none is followed"
	for _, test := range []struct {
		method string
		status int
		// blame is that of a request, and of a record of a batch.
		blame, level, says string
	}{
		{http.MethodPost, 204, "nobody", "INFO", ""},
		{http.MethodPost, 301, "caller", "INFO", redirected},
		{http.MethodPost, 302, "caller", "INFO", redirected},
		{http.MethodPut, 307, "caller", "INFO", redirected},
		{http.MethodPatch, 308, "caller", "INFO", redirected},
		{http.MethodPost, 303, "nobody", "INFO", ""},
		{http.MethodGet, 302, "nobody", "INFO", ""},
		{http.MethodGet, 304, "nobody", "INFO", ""},
		{http.MethodPost, 400, "caller", "INFO", "its own answer"},
		{http.MethodGet, 404, "caller", "INFO", "nothing at that URL"},
		{http.MethodPost, 405, "caller", "INFO", "that method"},
		{http.MethodPost, 407, "downstream", "ERROR", "A proxy in front of the API"},
		{http.MethodPost, 408, "downstream", "ERROR", ""},
		{http.MethodPost, 409, "caller", "INFO", ""},
		{http.MethodPost, 413, "caller", "INFO", "too long"},
		{http.MethodPost, 415, "caller", "INFO", "x-keyrelay-body-type"},
		{http.MethodPost, 421, "downstream", "ERROR", ""},
		{http.MethodPost, 425, "downstream", "ERROR", ""},
		{http.MethodPost, 429, "caller", "INFO", "x-keyrelay-rate"},
		{http.MethodPost, 503, "downstream", "ERROR", ""},
	} {
		s := newStage(t, loopbackAPI+"x-keyrelay-batch: split\n")
		s.api.answerWith(status(test.status))
		call := s.post("/v2/orders", `{}`)
		call.method = test.method
		s.send(t.Context(), call)
		entry := s.lastEntry()
		detail, _ := entry["detail"].(string)
		if entry["blame"] != test.blame || entry["level"] != test.level || (detail == "") != (test.blame == "nobody") || !strings.Contains(detail, test.says) {
			t.Errorf("%s %d: level %v, blame %v, detail %q", test.method, test.status, entry["level"], entry["blame"], detail)
		}
		if test.blame == "nobody" {
			continue
		}
		call.body = []byte(`[{}]`)
		s.send(t.Context(), call)
		entry = s.lastEntry()
		if detail, _ = entry["detail"].(string); entry["blame"] != test.blame || !strings.Contains(detail, " to a record.") || !strings.Contains(detail, test.says) {
			t.Errorf("%s %d to a record: blame %v, detail %q", test.method, test.status, entry["blame"], detail)
		}
	}
}

// TestForeignEventIsLogged sees that an event of another service is an error that the
// operator has to mend, since the service reads no answer, and that of whoever calls the
// function by hand, or to keep it warm, is none. Messages of a queue come again.
func TestForeignEventIsLogged(t *testing.T) {
	const refused, again = `{"statusCode":400,`, `{"batchItemFailures":[{"itemIdentifier":""}]}`
	for event, want := range map[string]struct{ level, blame, says, answer string }{
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"{}"}}]}`:                {"ERROR", "keyrelay", "of aws:sns", refused},
		`{"version":"0","detail-type":"Order","detail":{"id":"canary"}}`:                {"ERROR", "keyrelay", "of Amazon EventBridge", refused},
		`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":1}]}`:              {"ERROR", "keyrelay", "of aws:sqs", again},
		`{"version":"0","detail-type":"Scheduled Event","source":"canary","detail":{}}`: {"INFO", "caller", "of a schedule of Amazon EventBridge", refused},
		`{"source":"canary"}`:                             {"INFO", "caller", `members "source"`, refused},
		`{"id":"canary","amount":1}`:                      {"INFO", "caller", `members "id", "amount"`, refused},
		`{"httpMethod":"GET","path":"/canary","body":{}}`: {"INFO", "caller", `member "body"`, refused},
		`{}`: {"INFO", "caller", "no members", refused},
	} {
		s := newStage(t, managedDocument)
		answered, err := s.lambda.Invoke(t.Context(), []byte(event))
		if err != nil || !strings.HasPrefix(string(answered), want.answer) {
			t.Errorf("%s: answer %s, error %v", event, answered, err)
		}
		got := s.lastVerdict()
		if got.Level != want.level || got.Blame != want.blame || s.lastEntry()["problem"] != "record-invalid" || !strings.Contains(got.Detail, want.says) || strings.Contains(got.Detail, "canary") {
			t.Errorf("%s: got %+v", event, got)
		}
	}
}

// TestProhibitedAddressIsLogged sees that a network that the document does not open is the
// operator's to mend, in a request and in a record of a batch.
func TestProhibitedAddressIsLogged(t *testing.T) {
	s := newStage(t, "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://localhost/v2'}]\nx-keyrelay-batch: split\n")
	for _, body := range []string{`{}`, `[{}]`} {
		call := s.post("/v2/orders", body)
		call.url = "https://localhost/v2/orders"
		s.send(t.Context(), call)
		if got := s.lastVerdict(); got.Level != "ERROR" || got.Blame != "keyrelay" || !strings.Contains(got.Detail, "x-keyrelay-network") {
			t.Errorf("%s: got %+v", body, got)
		}
	}
}
