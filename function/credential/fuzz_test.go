package credential_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// canned is an upstream.CallFunc that answers always the same.
func canned(status int, mediaType, body string) upstream.CallFunc {
	return func(context.Context, *destination.Destination, *http.Request, *tls.Certificate, int) (*upstream.Answer, error) {
		header := http.Header{"Content-Type": {mediaType}, "Retry-After": {body}}
		return &upstream.Answer{Status: status, Header: header, Body: []byte(body), Asked: cache.Now()}, nil
	}
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
		parsed, err := rawjson.ParsePointer(pointer)
		if err != nil {
			t.Skip()
		}
		w := newBubble(nil, nil)
		t.Setenv("KEYRELAY_TEST_CLIENT", client)
		w.callBy(canned(status, mediaType, body))
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
	f.Fuzz(func(t *testing.T, text, content string) {
		parsed, err := destination.ParseValueTemplate(text)
		if err != nil || !utf8.ValidString(content) || strings.Contains(content, "\x00") {
			t.Skip()
		}
		t.Setenv("KEYRELAY_TEST_SECRET", content)
		scheme := header(destination.Reference{Provider: "env", Name: "KEYRELAY_TEST_SECRET"})
		scheme.Value = parsed
		held, err := newStore(secret.Config{}).Get(t.Context(), planWith(scheme))
		if err != nil {
			mustBeClean(t, err, content)
			return
		}
		value := keyIn(held)
		if !json.Valid([]byte(content)) || strings.ContainsAny(value, "\r\n\x00") {
			t.Errorf("%q over %q gave %q", text, content, value)
		}
		for _, part := range parsed.Parts {
			if !part.IsPointer && !strings.Contains(value, part.Literal) {
				t.Errorf("%q over %q gave %q, which lacks %q", text, content, value, part.Literal)
			}
		}
	})
}
