package credential_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
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
			used, err := w.store.Get(t.Context(), w.plan(scheme))
			if err != nil {
				mustBeClean(t, err, body)
				continue
			}
			value := sent(used).Get(scheme.Field)
			if status < 200 || status > 299 || strings.ContainsAny(value, "\r\n\x00") || strings.TrimSpace(value) == "" {
				t.Errorf("status %d gave %q", status, value)
			}
			used.Mask(&gateway.Response{Body: []byte(body)})
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
		used, err := newStore(secret.Config{}).Get(t.Context(), planWith(scheme))
		if err != nil {
			mustBeClean(t, err, content)
			return
		}
		value := keyIn(used)
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

// FuzzExpiry reads any text as the expiry of a key: no form of it fails the request, and
// a number or a time is what it says, reckoned here without floating point.
func FuzzExpiry(f *testing.F) {
	for _, form := range []string{"3600", "3600.0", " 90.5 ", "9e1", "1e308", "-1", "NaN", "0x10", "999999999", "1000000000", "1000000090", "99999999999", "100000000000", "1000000090500", "2001-09-09T01:48:10Z", "2001-09-09T03:48:10.5+02:00", "2001-09-09", "tomorrow", "\xff"} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, form string) {
		if len(form) > 100 || strings.ContainsAny(form, "xX_") {
			t.Skip() // hexadecimal says nothing in JSON
		}
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Unix(1_000_000_000, 0)))
			value, _ := json.Marshal(form)
			w := newBubble(nil, fake.Says(200, "application/json", `{"key": "the-key", "until": `+string(value)+`}`))
			scheme := w.session("/key")
			scheme.ExpiresIn = "/until"
			outbound := w.plan(scheme)
			mustGet(t, w.store, outbound)
			lives := expiryOf(strings.ToValidUTF8(strings.TrimSpace(form), "\ufffd"))
			if lives <= 0 || lives > 200*365*24*time.Hour { // clocks of tests end in 2262
				return
			}
			const slack = time.Second // of what floating point makes of a time in milliseconds
			if early := lives - min(time.Minute, lives/10); early > slack {
				time.Sleep(early - slack)
				mustGet(t, w.store, outbound)
				w.mustHaveRetrieved(t, 1)
			}
			time.Sleep(2*slack + time.Minute)
			mustGet(t, w.store, outbound)
			w.mustHaveRetrieved(t, 2)
		})
	})
}

// expiryOf is how long a key lives from the second 1,000,000,000 on; zero where its form says nothing.
func expiryOf(form string) time.Duration {
	if at, err := time.Parse(time.RFC3339, form); err == nil {
		return time.Until(at)
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(form), "e"); ok && len(exponent) > 4 {
		return 0
	}
	number, ok := new(big.Rat).SetString(form)
	if !ok || strings.ContainsAny(form, "/oObBpP") {
		return 0
	}
	if size, _ := number.Float64(); math.IsInf(size, 0) {
		return 0
	}
	reckoned := func(n *big.Rat) time.Duration {
		most := big.NewRat(10*365*24*3600, 1)
		if n.Cmp(most) > 0 {
			n = most
		}
		nanoseconds, _ := n.Mul(n, big.NewRat(1e9, 1)).Float64()
		return time.Duration(nanoseconds)
	}
	if number.Cmp(big.NewRat(100_000_000_000, 1)) >= 0 {
		number.Quo(number, big.NewRat(1000, 1))
	}
	if number.Cmp(big.NewRat(1_000_000_000, 1)) >= 0 {
		number.Sub(number, big.NewRat(1_000_000_000, 1))
	}
	return reckoned(number)
}

// FuzzShared reads whatever an instance of another version may have sealed: it sends a
// credential that a header can carry, or retrieves one.
func FuzzShared(f *testing.F) {
	for _, seed := range []string{
		`{"made": 1, "schemes": {"oauth": {"text": "Bearer a", "secrets": ["a"]}}}`, `{"schemes": {"oauth": {"text": "a\nb"}}}`,
		`{"refresh": -1, "expiry": 99999999999999999, "schemes": {"oauth": {"text": "a"}}}`, `{"schemes": {"oauth": null}}`, `[]`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		f := newFleet(1, map[string]string{"client": client}, fake.Tokens(3600))
		mustGet(t, f.instances[0], f.plan(f.oauth()))
		for id := range f.table.Items() {
			unshared, err := tableOn(f.table, tableKey).Share(t.Context(), cache.Turn{
				ID: id, Use: func([]byte) bool { return false }, Make: func(context.Context) ([]byte, time.Time, error) { return value, time.Time{}, nil },
			})
			if unshared != "" || err != nil {
				t.Fatal(unshared, err)
			}
		}
		used := mustGet(t, f.instance(tableKey), f.plan(f.oauth()))
		if got := sent(used).Get("Authorization"); got == "" || retrieval.HeaderProblem(got) != "" {
			t.Errorf("%s is sent as %q", value, got)
		}
	})
}
