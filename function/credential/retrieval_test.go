package credential_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// template returns x-keyrelay-value.
func template(t testing.TB, text string) *destination.ValueTemplate {
	t.Helper()
	parsed, err := destination.ParseValueTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestKeyRequest shows what a retrieval sends: each parameter for the key from
// variable, secret or default, where the document puts it.
func TestKeyRequest(t *testing.T) {
	parameters := []destination.RetrievalParameter{
		{Name: "q", In: "query", UseIn: []string{"key"}},
		{Name: "count", In: "query", UseIn: []string{"token", "key"}, Default: []byte("7")},
		{Name: "X-Tenant", In: "header", UseIn: []string{"key"}, Variable: "tenant"},
		{Name: "nobody", In: "header", UseIn: []string{"token"}},
		{Name: "never", In: "body"},
		{Name: "pass\"word", In: "body", UseIn: []string{"key"}},
		{Name: "remember", In: "body", UseIn: []string{"key"}},
		{Name: "limit", In: "body", UseIn: []string{"key"}, Variable: "absent", Default: []byte("1.10")},
	}
	const common = "Accept-Encoding: identity\nAccept: application/json, */*;q=0.5\n"
	tests := []struct {
		name, mediaType, method, want string
	}{
		{"JSON", "application/json", "POST", "POST /key?v=2&q=a%20b%26c&count=7\n" + common +
			"Content-Type: application/json\nUser-Agent: keyrelay\nX-Tenant: 12345678901234567890\n\n" +
			`{"pass\"word":"hush \u0026 =hush","remember":true,"limit":1.10}`},
		{"form", "application/x-www-form-urlencoded", "PUT", "PUT /key?v=2&q=a%20b%26c&count=7\n" + common +
			"Content-Type: application/x-www-form-urlencoded\nUser-Agent: keyrelay\nX-Tenant: 12345678901234567890\n\n" +
			"limit=1.10&pass%22word=hush+%26+%3Dhush&remember=true"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{
				"keyrelay/api":  `{"q": "a b&c", "count": null, "pass\"word": "hush \u0026 =hush", "remember": true, "X-Tenant": "not this one", "never": 1}`,
				"keyrelay/vars": `{"all": {"tenant": 12345678901234567890}}`,
			}, fake.Says(200, "application/json", `{"credentials": {"key": "the-key"}}`))
			w.destination.Variables = managed("keyrelay/vars", "/all")
			scheme := w.session("/credentials/key")
			scheme.Parameters, scheme.Secret, scheme.RequestContentType = parameters, managed("keyrelay/api", ""), test.mediaType
			scheme.Retrieval.Method, scheme.Retrieval.URL = test.method, w.at("/key?v=2")
			used := mustGet(t, w.store, w.plan(scheme))
			if got := sent(used).Get("X-Session"); got != "the-key" {
				t.Errorf("sent %q", got)
			}
			if difference := cmp.Diff([]string{test.want}, w.received()); difference != "" {
				t.Errorf("received (-want +got):\n%s", difference)
			}
		})
	}
}

// TestKeyRequestWithoutParameters has no body and needs no secret.
func TestKeyRequestWithoutParameters(t *testing.T) {
	w := newWorld(t, nil, fake.Says(200, "application/json", `"the-key"`))
	scheme := w.session("")
	scheme.Retrieval.Method = "GET"
	mustGet(t, w.store, w.plan(scheme))
	want := "GET /key\nAccept-Encoding: identity\nAccept: application/json, */*;q=0.5\nUser-Agent: keyrelay\n\n"
	if difference := cmp.Diff([]string{want}, w.received()); difference != "" {
		t.Errorf("received (-want +got):\n%s", difference)
	}
	mustHaveCalls(t, w.secrets, 0)
}

// A keyAnswer is an answer of a key's endpoint and the key in it, empty for none.
type keyAnswer struct {
	name      string
	pointer   rawjson.Pointer
	value     string
	status    int
	mediaType string
	body      string
	want      string
}

func goodAnswers() []keyAnswer {
	return []keyAnswer{
		{"at a pointer", "/credentials/key", "", 200, "application/json", `{"credentials": {"key": "the-key"}}`, "the-key"},
		{"at a pointer with escapes", "/a~1b/~0/1", "", 201, "application/vnd.x+json", `{"a/b": {"~": [0, "the\u002dkey"]}}`, "the-key"},
		{"a number", "/key", "", 200, "application/json", `{"key": 12345678901234567890}`, "12345678901234567890"},
		{"a whole JSON string", "", "", 200, "application/json", ` "the-key" `, "the-key"},
		{"a whole text", "", "", 200, "text/plain; charset=utf-8", "the key=1\r\n", "the key=1"},
		{"a whole text of no type", "", "", 200, "", "the-key\n", "the-key"},
		{"a template", "", "{{{token_type}}} {{{access_token}}}", 200, "application/json", `{"token_type": "Bearer", "access_token": "the-token"}`, "Bearer the-token"},
		{"white space around a whole text", "", "", 200, "text/plain", " the-key\r\n\r\n", "the-key"},
		{"white space around a text", "/key", "", 200, "application/json", `{"key": "\tthe-key\n"}`, "the-key"},
		{"white space behind a template", "", "Token {{{/key}}}", 200, "application/json", `{"key": "the-key\n"}`, "Token the-key"},
		{"a byte order mark before a whole text", "", "", 200, "text/plain", "\ufeffthe-key", "the-key"},
		{"a template over an object in it", "/data", "Token {{{/a/0}}}", 200, "application/json", `{"data": {"a": ["the-token"]}}`, "Token the-token"},
		{"beside a life of its own kind", "/key", "", 200, "application/json", `{"key": "the-key", "expires_in": "tomorrow"}`, "the-key"},
		{"a template beside a text", "/access_token", "{{{token_type}}} {{{access_token}}}", 200, "application/json", `{"token_type": "Bearer", "access_token": "the-token"}`, "Bearer the-token"},
	}
}

func badAnswers() []keyAnswer {
	return []keyAnswer{
		{"nothing at the pointer", "/credentials/key", "", 200, "application/json", `{"credentials": {"kez": "the-key"}}`, ""},
		{"an object", "/credentials", "", 200, "application/json", `{"credentials": {"key": "the-key"}}`, ""},
		{"a whole object", "", "", 200, "text/plain", `{"key": "the-key"}`, ""},
		{"null", "/key", "", 200, "application/json", `{"key": null}`, ""},
		{"false", "/key", "", 200, "application/json", `{"key": false}`, ""},
		{"an empty text", "/key", "", 200, "application/json", `{"key": ""}`, ""},
		{"an empty answer", "", "", 204, "", "", ""},
		{"a page", "", "", 200, "text/html", "<html>Sign in</html>", ""},
		{"a page where JSON is wanted", "/key", "", 200, "text/html", "<html>Sign in</html>", ""},
		{"a line break", "/key", "", 200, "application/json", `{"key": "the\r\nX-Other: key"}`, ""},
		{"two lines", "", "", 200, "text/plain", "the-key\nthe-key", ""},
		{"a redirect", "/key", "", 302, "application/json", `{"key": "the-key"}`, ""},
		{"an error", "/key", "", 500, "application/json", `{"key": "the-key"}`, ""},
		{"not found", "/key", "", 404, "application/json", `{"key": "the-key"}`, ""},
		{"a template that finds nothing", "", "{{{access_token}}}", 200, "application/json", `{"token": "the-token"}`, ""},
		{"a template with an empty text", "", "Token {{{token}}}", 200, "application/json", `{"token": ""}`, ""},
		{"a template with white space alone", "", "Token {{{token}}}", 200, "application/json", `{"token": " \n"}`, ""},
		{"a template without JSON", "", "{{{access_token}}}", 200, "text/html", `the-token`, ""},
		{"a template over nothing", "/data", "{{{access_token}}}", 200, "application/json", `{"access_token": "the-token"}`, ""},
		{"more than 64 KB", "/key", "", 200, "application/json", `{"key": "the-key"` + strings.Repeat(" ", 64<<10) + `}`, ""},
		{"a text of more than 64 KB", "", "", 200, "text/plain", strings.Repeat("k", 64<<10+1), ""},
	}
}

// TestKeyAnswer takes the key out of every kind of answer that holds one, and out
// of no other.
func TestKeyAnswer(t *testing.T) {
	for _, test := range append(goodAnswers(), badAnswers()...) {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil, fake.Says(test.status, test.mediaType, test.body))
			scheme := w.session(test.pointer)
			if test.value != "" {
				scheme.Value = template(t, test.value)
			}
			used, err := w.store.Get(t.Context(), w.plan(scheme))
			if test.want == "" {
				mustFail(t, err, retrieval.ErrFailed, "the-key", "the-token", w.url, "Sign in")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sent(used).Get("X-Session"); got != test.want {
				t.Errorf("sent %q, want %q", got, test.want)
			}
		})
	}
}

// TestExpiryForms reads a life in every form that answers have; one that is none, and
// zero, is no life, and fails nothing.
func TestExpiryForms(t *testing.T) {
	for form, lives := range map[string]time.Duration{
		`90`: 90 * time.Second, `"90"`: 90 * time.Second, `" 90.5 "`: 90500 * time.Millisecond, `9e1`: 90 * time.Second,
		`946684890`:  10 * 365 * 24 * time.Hour, // under 1,000,000,000 it is a life, longer than any
		`1000000090`: 90 * time.Second, `"1000000090"`: 90 * time.Second, `1000000090000`: 90 * time.Second, `"1000000090500"`: 90500 * time.Millisecond,
		`"2001-09-09T01:48:10Z"`: 90 * time.Second, `"2001-09-09T03:48:10.5+02:00"`: 90500 * time.Millisecond,
		`"2001-09-09T01:48:10.000+0000"`: 90 * time.Second, `"2001-09-09 03:48:10+02:00"`: 90 * time.Second, `"2001-09-09 03:48:10 +0200"`: 90 * time.Second, `"2001-09-09 01:48:10 UTC"`: 90 * time.Second,
		`"Sun, 09 Sep 2001 01:48:10 GMT"`: 90 * time.Second, `"Sun, 09 Sep 2001 03:48:10 +0200"`: 90 * time.Second,
		`"2001-09-09T01:48:10"`: 0, `"2001-09-09 01:48:10"`: 0, `"Sun, 09 Sep 2001 01:48:10 PST"`: 0, `"09/09/2001 01:48:10"`: 0,
		`0`: 0, `null`: 0, `-1`: 0, `"NaN"`: 0, `"tomorrow"`: 0, `"2001-09-09"`: 0, `{"seconds": 90}`: 0, `true`: 0, `""`: 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Unix(1_000_000_000, 0)))
			w := newBubble(nil, fake.Says(200, "application/json", `{"key": "the-key", "until": `+form+`}`))
			scheme := w.session("/key")
			scheme.ExpiresIn = "/until"
			outbound := w.plan(scheme)
			mustGet(t, w.store, outbound)
			early := min(time.Minute, lives/10)
			time.Sleep(lives - early - time.Nanosecond)
			mustGet(t, w.store, outbound)
			w.mustHaveRetrieved(t, 1)
			time.Sleep(time.Nanosecond)
			if mustGet(t, w.store, outbound); lives > 0 {
				w.mustHaveRetrieved(t, 2)
			}
		})
	}
}

// mustFail wants a refusal for a reason, without certain words in its detail.
func mustFail(t testing.TB, err, reason error, private ...string) *gateway.Refusal {
	t.Helper()
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != reason {
		t.Fatalf("got %v, want a refusal for the reason that %v", err, reason)
	}
	for _, words := range private {
		if strings.Contains(refusal.Detail, words) {
			t.Errorf("the detail holds %q: %s", words, refusal.Detail)
		}
	}
	if refusal.RetryAfter < 1 {
		t.Errorf("RetryAfter is %d", refusal.RetryAfter)
	}
	return refusal
}

// TestParameterWithoutValue names what is missing in which secret.
func TestParameterWithoutValue(t *testing.T) {
	w := newWorld(t, map[string]string{"keyrelay/api": `{"password": "hush\n", "list": [["hush"]]}`, "text": "hush"}, fake.Says(200, "", "the-key"))
	tests := []struct {
		name      string
		secret    destination.Reference
		parameter destination.RetrievalParameter
		says      string
	}{
		{"no member", managed("keyrelay/api", ""), destination.RetrievalParameter{Name: "user", In: "query"}, "no member user"},
		{"no object", managed("text", ""), destination.RetrievalParameter{Name: "user", In: "query"}, "no JSON object"},
		{"no secret", destination.Reference{}, destination.RetrievalParameter{Name: "user", In: "query"}, "parameter user"},
		{"no header", managed("keyrelay/api", ""), destination.RetrievalParameter{Name: "password", In: "header"}, "header cannot carry"},
		{"an array of arrays in a query", managed("keyrelay/api", ""), destination.RetrievalParameter{Name: "list", In: "query"}, "an array"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			scheme := w.session("")
			test.parameter.UseIn = []string{"key"}
			scheme.Secret, scheme.Parameters = test.secret, []destination.RetrievalParameter{test.parameter}
			_, err := w.store.Get(t.Context(), w.plan(scheme))
			refusal := mustFail(t, err, secret.ErrUnavailable, "hush")
			if !strings.Contains(refusal.Detail, test.says) {
				t.Errorf("the detail does not say %q: %s", test.says, refusal.Detail)
			}
		})
	}
	w.mustHaveRetrieved(t, 0)
}

// TestRetrievedPlaces attaches a retrieved key in query and cookie too.
func TestRetrievedPlaces(t *testing.T) {
	w := newWorld(t, nil, fake.Says(200, "text/plain", "a&key;"))
	scheme := w.session("")
	scheme.In, scheme.Field = "query", "k"
	request := &http.Request{URL: w.at("/?k=1"), Header: http.Header{}}
	mustGet(t, w.store, w.plan(scheme)).Apply(request)
	if request.URL.RawQuery != "k=a%26key%3B" {
		t.Errorf("query %q", request.URL.RawQuery)
	}
	scheme = w.session("")
	scheme.In, scheme.Field = "cookie", "k"
	_, err := w.store.Get(t.Context(), w.plan(scheme))
	mustFail(t, err, retrieval.ErrFailed, "a&key")
}

// TestRetrievedMask hides a retrieved credential and the token in it, and nothing that
// only its endpoint got.
func TestRetrievedMask(t *testing.T) {
	w := newWorld(t, map[string]string{"keyrelay/api": `{"username": "the-username", "password": "the-long-password"}`, "client": client}, func(call int, w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"access_token": "token-of-the-call-%d", "token_type": "bearer"}`, call)
	})
	scheme := w.session("")
	scheme.Value, scheme.Secret = template(t, "{{{token_type}}} {{{access_token}}}"), managed("keyrelay/api", "")
	scheme.Parameters = []destination.RetrievalParameter{
		{Name: "username", In: "body", UseIn: []string{"key"}}, {Name: "password", In: "body", UseIn: []string{"key"}},
	}
	used := mustGet(t, w.store, w.plan(scheme, w.oauth()))
	response := &gateway.Response{Body: []byte("token-of-the-call-1 token-of-the-call-2 the-username the-long-password the-client the-client-secret")}
	found := used.Mask(response)
	if got := string(response.Body); got != "*** *** the-username the-long-password the-client the-client-secret" {
		t.Errorf("left %q", got)
	}
	if difference := cmp.Diff([]string{"session", "oauth"}, found); difference != "" {
		t.Errorf("found (-want +got):\n%s", difference)
	}
}
