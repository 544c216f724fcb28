package relay_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/fake"
)

// blamedDocument has operations of each kind of credential, and of none.
const blamedDocument = loopbackAPI + `security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    strict: {type: apiKey, in: header, name: X-Strict, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key", x-keyrelay-refresh-on: [403]}
    lost: {type: apiKey, in: header, name: X-Lost, x-keyrelay-secret: "secretsmanager:keyrelay/lost"}
    token: {type: apiKey, in: header, name: X-Token, x-keyrelay-secret: "secretsmanager:keyrelay/api", x-itential-dynamic-retrieval: {method: POST, url: "http://$API/token", responsePointer: /token}}
paths:
  /orders: {post: {}}
  /both: {post: {security: [{key: [], strict: []}]}}
  /strict: {post: {security: [{strict: []}]}}
  /open: {post: {security: []}}
  /lost: {post: {security: [{lost: []}]}}
  /token: {post: {security: [{token: []}]}}
  /batch: {post: {x-keyrelay-batch: split}}
`

// A verdict is what the log says of one request.
type verdict struct {
	Level, Blame, Scheme, Detail string
	// Faulty is the metric that names the credential.
	Faulty string
}

func (s *stage) lastVerdict() verdict {
	s.t.Helper()
	entry := s.lastEntry()
	text := func(name string) string { got, _ := entry[name].(string); return got }
	got := verdict{text("level"), text("blame"), text("scheme"), text("detail"), ""}
	if entry["CredentialFaults"] == 1.0 {
		got.Faulty = text("Destination") + " " + text("Scheme")
	}
	if faults := entry["Success"] == 0.0; faults != (got.Level == "ERROR") {
		s.t.Errorf("Success is %v at the level %s", entry["Success"], got.Level)
	}
	return got
}

// TestCredentialBlame sees that an answer that refuses a credential, also after its
// renewal, is blamed on the credential and names it, and that no other answer is.
func TestCredentialBlame(t *testing.T) {
	const refused, noOther = "The API answered 401, which means that it refuses the credential, also after it was renewed.", "The API answered 401, which means that it refuses the credential, and there is no other. Check its secret and where the document puts it, and of a signature also the clock."
	const noRight = " The credential may lack the right to do this. If the API refuses a credential so, name the status in the scheme's x-keyrelay-refresh-on."
	const noCredential = " No credential was attached: if the API asks for one, the document's security has to name it, since a caller's own Authorization is not forwarded."
	for name, test := range map[string]struct {
		path, body string
		status     int
		rotated    bool
		want       verdict
	}{
		"a revoked key":             {"/orders", `{}`, 401, false, verdict{"ERROR", "credential", "key", noOther, "a key"}},
		"a new one that is refused": {"/orders", `{}`, 401, true, verdict{"ERROR", "credential", "key", refused, "a key"}},
		"two schemes":               {"/both", `{}`, 401, false, verdict{"ERROR", "credential", "key,strict", noOther, "a key,strict"}},
		"another refresh status":    {"/strict", `{}`, 403, false, verdict{"ERROR", "credential", "strict", strings.Replace(noOther, "401", "403", 1), "a strict"}},
		"a status that is none":     {"/strict", `{}`, 401, false, verdict{"INFO", "caller", "strict", "The API answered 401." + noRight, ""}},
		"a 403 of the API":          {"/orders", `{}`, 403, false, verdict{"INFO", "caller", "key", "The API answered 403." + noRight, ""}},
		"a fault of the API":        {"/orders", `{}`, 500, false, verdict{"ERROR", "downstream", "key", "The API answered 500.", ""}},
		"no credential":             {"/open", `{}`, 401, false, verdict{"INFO", "caller", "", "The API answered 401." + noCredential, ""}},
		"a batch":                   {"/batch", `[{}]`, 401, false, verdict{"ERROR", "credential", "key", noOther, "a key"}},
		"a batch of conflicts":      {"/batch", `[{}]`, 409, false, verdict{"INFO", "caller", "key", "The API answered 409 to a record.", ""}},
		"an answer":                 {"/orders", `{}`, 200, false, verdict{"INFO", "nobody", "key", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, blamedDocument)
			call := s.post("/v2"+test.path, test.body)
			s.send(t.Context(), call)
			if test.rotated {
				s.secrets.Put("keyrelay/api", `{"key": "another-key-that-is-refused"}`)
			}
			s.api.answerWith(status(test.status))
			s.send(t.Context(), call)
			if difference := cmp.Diff(test.want, s.lastVerdict()); difference != "" {
				t.Errorf("(-want +got):\n%s", difference)
			}
		})
	}
}

// TestFailedCredentials sees that a credential that cannot be had is named, with why.
func TestFailedCredentials(t *testing.T) {
	s := newStage(t, blamedDocument)
	s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error": "invalid_scope", "error_description": "canary"}`)
		}
	})
	for path, want := range map[string]verdict{
		"/lost":  {"ERROR", "keyrelay", "lost", "The secret secretsmanager:keyrelay/lost does not exist in this AWS account and region", "a lost"},
		"/token": {"ERROR", "token-endpoint", "token", "It answered 400, invalid_scope. The endpoint is at 127.0.0.1.", "a token"},
	} {
		s.send(t.Context(), s.post("/v2"+path, `{}`))
		got := s.lastVerdict()
		if !strings.Contains(got.Detail, want.Detail) || strings.Contains(got.Detail, "canary") {
			t.Errorf("%s: the detail is %q", path, got.Detail)
		}
		if got.Detail = want.Detail; got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// TestUnrenewed sees that the log says why there is no other credential than the one that
// the API refused: now, and as long as that failure is remembered.
func TestUnrenewed(t *testing.T) {
	s := newStage(t, blamedDocument)
	revoked := false
	s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/token" && revoked:
			w.WriteHeader(http.StatusUnauthorized)
		case revoked:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error": "invalid_grant", "error_description": "canary"}`)
		case r.URL.Path == "/token":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"token": "the-token-of-the-test"}`)
		}
	})
	call := s.post("/v2/token", `{}`)
	if got := s.send(t.Context(), call); got.status != http.StatusOK {
		t.Fatalf("got %+v", got)
	}
	revoked = true
	for range 2 {
		s.send(t.Context(), call)
		got := s.lastVerdict()
		if got.Blame != "credential" || strings.Contains(got.Detail, "canary") || strings.Contains(got.Detail, "Check its secret and where") ||
			!strings.Contains(got.Detail, "answered 401") || !strings.Contains(got.Detail, "there is no other. ") || !strings.Contains(got.Detail, "invalid_grant") {
			t.Errorf("got %+v", got)
		}
	}
}

// TestHTTPLogNamesCredential sees that the log over HTTP, which has no metrics, tells the same.
func TestHTTPLogNamesCredential(t *testing.T) {
	s := newStage(t, blamedDocument)
	s.api.answerWith(status(http.StatusUnauthorized))
	s.post("/v2/orders", `{}`).overHTTP(s.handler)
	entry := s.lastEntry()
	if entry["level"] != "ERROR" || entry["blame"] != "credential" || entry["destination"] != "a" || entry["scheme"] != "key" {
		t.Errorf("got %v", entry)
	}
}

// TestCredentialVersion sees that the log tells one credential from another, and not what it is.
func TestCredentialVersion(t *testing.T) {
	s := newStage(t, blamedDocument)
	version := func() string {
		s.send(t.Context(), s.post("/v2/orders", `{}`))
		got, _ := s.lastEntry()["credentialVersion"].(string)
		if !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(got) {
			t.Errorf("the version is %q", got)
		}
		return got
	}
	first := version()
	if again := version(); again != first {
		t.Errorf("one key has the versions %s and %s", first, again)
	}
	s.api.answerWith(keyed("the-rotated-key"))
	s.secrets.Put("keyrelay/api", `{"key": "the-rotated-key"}`)
	if rotated := version(); rotated == first {
		t.Errorf("two keys have the version %s", first)
	}
	other := newStage(t, blamedDocument)
	other.secrets.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
	other.send(t.Context(), other.post("/v2/orders", `{}`))
	if got, found := other.lastEntry()["credentialVersion"]; found {
		t.Errorf("a key that was not had has the version %v", got)
	}
}

// TestLogQuotesNothing sees that a refusal is explained in the log by the names of
// fields, and by nothing else that the caller sent.
func TestLogQuotesNothing(t *testing.T) {
	s := newStage(t, blamedDocument)
	for name, call := range map[string]sent{
		"amount": s.post("/v2/orders", `{"amount": {"a": "canary"}}`, "X-Osmos-Query-Param-Fields", "amount"),
		"header": s.post("/v2/orders", `{"amount": 1}`, "X-Relay-Header-Fields", "amount=canary\"\\ x"),
		"type":   s.post("/v2/orders", `{}`, "Content-Type", "canary/x; a=\"b", "X-Osmos-Query-Param-Fields", "amount"),
	} {
		got := s.send(t.Context(), call)
		detail, _ := s.lastEntry()["detail"].(string)
		if got.problem == "" || detail == "" || strings.Contains(s.log.String(), "canary") || name == "amount" && !strings.Contains(detail, `"amount"`) {
			t.Errorf("%s: %s, the log says %s", name, got.problem, detail)
		}
	}
}

// TestBlameBehindManyRefusals sees that a record at which the API fails is told of in full,
// to the caller and in the log, however much the refusals of the caller's other records say.
func TestBlameBehindManyRefusals(t *testing.T) {
	s := newStage(t, splitDocument("http://$API", 8))
	s.api.answerWith(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	var names []string
	whole := map[string]int{}
	for i := range 200 {
		names = append(names, fmt.Sprint("field-of-the-record-", i))
		whole[names[i]] = i
	}
	last, _ := json.Marshal(whole)
	batch := "[" + strings.Repeat(`{"n":1},`, 500) + string(last) + "]"
	got := s.send(t.Context(), s.post("/orders", batch, "X-Osmos-Query-Param-Fields", strings.Join(names, ",")))
	const says = "It may have received the request"
	if entry := s.lastVerdict(); entry.Blame != "downstream" || !strings.Contains(entry.Detail, says) || !strings.Contains(string(got.body), says) {
		t.Errorf("%+v: %d %s", entry, got.status, got.body[max(0, len(got.body)-1000):])
	}
}
