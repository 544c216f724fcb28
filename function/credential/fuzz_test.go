package credential_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// A cannedAnswer is a transport that answers always the same.
type cannedAnswer struct {
	status          int
	mediaType, body string
}

func (c cannedAnswer) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Request: request, Body: io.NopCloser(strings.NewReader(c.body)),
		Header: http.Header{"Content-Type": {c.mediaType}, "Retry-After": {c.body}},
	}, nil
}

// FuzzTokenAnswer reads any answer as that of a token endpoint and of a key
// retrieval: it gives a credential that a header can carry, or a refusal that
// holds nothing of the answer.
func FuzzTokenAnswer(f *testing.F) {
	for _, body := range []string{
		`{"access_token": "2YotnFZFEjr1zCsicMWpAA", "token_type": "example", "expires_in": 3600, "example_parameter": "x"}`,
		`{"access_token": "a", "expires_in": "1e308"}`, `{"accessToken": "a.eyJleHAiOjF9.c", "expiresIn": 86400}`, `{"error": "invalid_client"}`,
		`access_token=90d64460&scope=user&token_type=bearer`, `"a whole text"`, "a whole text\r\n", `{"key": ["a", {"b": null}]}`, `12345`, ``, "\xff",
	} {
		f.Add(200, "application/json", body, "/key")
		f.Add(400, "text/plain", body, "")
	}
	f.Fuzz(func(t *testing.T, status int, mediaType, body, pointer string) {
		parsed, err := destination.ParsePointer(pointer)
		if err != nil {
			t.Skip()
		}
		w := newBubble(nil, nil)
		canned := &http.Client{Transport: cannedAnswer{status, mediaType, body}}
		t.Setenv("KEYRELAY_TEST_CLIENT", client)
		w.build(credential.Config{HTTPClient: func(*destination.Destination) *http.Client { return canned }})
		token, key := w.oauth(), w.session(parsed)
		token.Secret = destination.Reference{Provider: "env", Name: "KEYRELAY_TEST_CLIENT"}
		for _, scheme := range []*destination.SecurityScheme{token, key} {
			held, err := w.store.Get(t.Context(), w.plan(scheme))
			if err != nil {
				mustBeClean(t, err, body)
				continue
			}
			value := sent(held).Get(scheme.Field)
			if status < 200 || status > 299 || strings.ContainsAny(value, "\r\n\x00") || strings.TrimSpace(value) == "" {
				t.Errorf("status %d gave %q", status, value)
			}
			held.Mask(&gateway.Response{Body: []byte(body)})
		}
	})
}

func mustBeClean(t *testing.T, err error, private string) {
	t.Helper()
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) || refusal.Detail == "" || refusal.RetryAfter < 1 || refusal.RetryAfter > 3600 {
		t.Fatalf("got %v", err)
	}
	if len(private) > 15 && strings.Contains(refusal.Detail, private) {
		t.Errorf("the detail holds the answer: %s", refusal.Detail)
	}
}

// FuzzValueTemplate fills any template from any secret: literal text stays, and no
// expression is left.
func FuzzValueTemplate(f *testing.F) {
	f.Add("{{{token_type}}} {{{access_token}}}", `{"token_type": "Bearer", "access_token": "the-token"}`)
	f.Add("Token {{{/a~1b/0}}}", `{"a/b": [1.10, true]}`)
	f.Add("{{{a}}}{{{b}}}", `{"a": "{{{b}}}", "b": null}`)
	f.Add("{{{}}}", `{}`)
	f.Add("{{{a}}}", `text`)
	f.Fuzz(func(t *testing.T, text, secret string) {
		parsed, err := destination.ParseValueTemplate(text)
		if err != nil || !utf8.ValidString(secret) || strings.Contains(secret, "\x00") {
			t.Skip()
		}
		t.Setenv("KEYRELAY_TEST_SECRET", secret)
		scheme := header(destination.Reference{Provider: "env", Name: "KEYRELAY_TEST_SECRET"})
		scheme.Value = parsed
		held, err := credential.New(credential.Config{}).Get(t.Context(), planWith(scheme))
		if err != nil {
			mustBeClean(t, err, secret)
			return
		}
		value := keyIn(held)
		if !json.Valid([]byte(secret)) || strings.ContainsAny(value, "\r\n\x00") {
			t.Errorf("%q over %q gave %q", text, secret, value)
		}
		for _, part := range parsed.Parts {
			if !part.IsPointer && !strings.Contains(value, part.Literal) {
				t.Errorf("%q over %q gave %q, which lacks %q", text, secret, value, part.Literal)
			}
		}
	})
}
