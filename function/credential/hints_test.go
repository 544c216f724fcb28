package credential_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
)

// TestRetrievalHints sees what the log and the caller learn of a login that fails: the log
// the names in the answer and what was looked for, the caller the secret, and nobody a value.
func TestRetrievalHints(t *testing.T) {
	const answer = `{"session": {"token": "the-token", "ttl": 600}, "hush": {"id": 1}, "k4f5e6d7c8b9a0f1e2": {"id": 1}, "canary": "canary", "data": [{"id": 7}]}`
	const names = "; the answer has /session/token, /session/ttl and /data/0/id."
	for name, test := range map[string]struct {
		status       int
		body, value  string
		pointer      rawjson.Pointer
		detail, note string
	}{
		"a pointer":               {200, answer, "", "/sesion/token", "has nothing at the responsePointer", "Looked for was the responsePointer /sesion/token" + names},
		"an object":               {200, answer, "", "/session", "has no text at the responsePointer", "Looked for was a text at the responsePointer /session" + names},
		"a template":              {200, answer, "Token {{{token}}}", "", "lacks what x-keyrelay-value names", "where {{{/token}}} finds nothing" + names},
		"a template over a part":  {200, answer, "Token {{{key}}}", "/session", "lacks what x-keyrelay-value names", "where {{{/key}}} finds nothing" + names},
		"a pointer of a template": {200, answer, "Token {{{token}}}", "/sessions", "has nothing at the responsePointer", "Looked for was the responsePointer /sessions" + names},
		"a page":                  {200, "<html>", "", "/key", "is no JSON, but a page or XML", "Looked for was the responsePointer /key."},
		"forbidden":               {403, answer, "", "/key", "forbids it to this client. Check the secret secretsmanager:keyrelay/api, and whether it takes JSON (x-keyrelay-request-content-type), then the parameters in the document, such as an audience, the client's rights there, and whether it may come from keyrelay's network. It answered 403.", ""},
		"invalid":                 {422, answer, "", "/key", "and the secret secretsmanager:keyrelay/api, and whether it takes JSON (x-keyrelay-request-content-type). It answered 422.", ""},
		"unauthorized":            {401, answer, "", "/key", "does not accept the client. Check the secret secretsmanager:keyrelay/api, and whether it takes JSON (x-keyrelay-request-content-type). It answered 401.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{"keyrelay/api": `{"password": "hush"}`}, fake.Says(test.status, "application/json", test.body))
			scheme := w.session(test.pointer)
			scheme.Secret = managed("keyrelay/api", "")
			scheme.Parameters = []destination.RetrievalParameter{{Name: "password", In: "body", UseIn: []string{"key"}}}
			if test.value != "" {
				scheme.Value = template(t, test.value)
			}
			_, err := w.store.Get(t.Context(), w.plan(scheme))
			refusal := mustFail(t, err, retrieval.ErrFailed, "the-token", "hush", "ttl")
			if !strings.Contains(refusal.Detail, test.detail) || refusal.Answered != test.status {
				t.Errorf("the detail is %q, the status %d", refusal.Detail, refusal.Answered)
			}
			if !strings.HasSuffix(refusal.Note, test.note) || strings.Contains(refusal.Note, "the-token") || strings.Contains(refusal.Note, "hush") {
				t.Errorf("the note is %q", refusal.Note)
			}
		})
	}
}

// TestHeaderHints sees that an answer that lacks a header or a cookie, or has its
// credential there, is told with the usual names that it has.
func TestHeaderHints(t *testing.T) {
	const names = "; the answer has the header X-Auth-Token and the cookie session_id."
	for name, test := range map[string]struct {
		change func(scheme *destination.SecurityScheme)
		note   string
	}{
		"a header":  {func(s *destination.SecurityScheme) { s.ResponseHeader = "X-Xsrf-Token" }, "Looked for was the header X-Xsrf-Token" + names},
		"a cookie":  {func(s *destination.SecurityScheme) { s.ResponseCookie = "sid" }, "Looked for was the cookie sid" + names},
		"a pointer": {func(*destination.SecurityScheme) {}, "Looked for was the responsePointer /key" + names},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("X-Auth-Token", "hush")
				w.Header().Set("X-K4f5e6d7c8b9a0f1e2", "hush")
				http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "hush"})
				http.SetCookie(w, &http.Cookie{Name: "k4f5e6d7c8b9a0f1e2", Value: "hush"})
				_, _ = io.WriteString(w, "{}")
			})
			scheme := w.session("/key")
			test.change(scheme)
			_, err := w.store.Get(t.Context(), w.plan(scheme))
			refusal := mustFail(t, err, retrieval.ErrFailed, "hush", "k4f5e6d7c8b9a0f1e2", "X-Auth-Token")
			if !strings.HasSuffix(refusal.Note, test.note) || strings.Contains(refusal.Note, "hush") {
				t.Errorf("the note is %q", refusal.Note)
			}
		})
	}
}

// TestLifeThatIsNotFound is told once, with the names in the answer.
func TestLifeThatIsNotFound(t *testing.T) {
	for pointer, told := range map[rawjson.Pointer]string{
		"/ttl":         "session: Its life is unknown, and it is kept until it is refused. Looked for was a number of seconds, or a time with its offset from UTC, at x-keyrelay-expires-in /ttl; the answer has /key, /session/ttl and /in.",
		"/session":     "session: Its life is unknown",
		"/in":          "session: Its life is unknown",
		"/session/ttl": "", "/never": "", "/zero": "", "": "",
	} {
		w := newWorld(t, nil, fake.Says(200, "application/json", `{"key": "the-key", "session": {"ttl": 600}, "never": null, "zero": 0, "in": "an hour"}`))
		scheme := w.session("/key")
		scheme.ExpiresIn = pointer
		if doubts := strings.Join(mustGet(t, w.store, w.plan(scheme)).Stats.Doubts, " "); !strings.HasPrefix(doubts, told) || (doubts == "") != (told == "") {
			t.Errorf("%s: %q", pointer, doubts)
		}
		if doubts := mustGet(t, w.store, w.plan(scheme)).Stats.Doubts; doubts != nil {
			t.Errorf("%s is told again: %q", pointer, doubts)
		}
	}
}
