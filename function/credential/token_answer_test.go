package credential_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/retrieval"
)

// An odd answer of a token endpoint is one that an OAuth client somewhere stumbled over.
type oddAnswer struct {
	name      string
	status    int
	mediaType string
	body      string
	// want is what stands behind Bearer; where it is empty, says is in the refusal.
	want, says string
}

const jsonType = "application/json"

// oddForms are odd in how the answer is written.
func oddForms() []oddAnswer {
	const document = `{"access_token": "the-token", "token_type": "Bearer", "expires_in": 3600}`
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, _ = io.WriteString(writer, document)
	_ = writer.Close()
	var all []oddAnswer
	for _, mediaType := range []string{"application/json;charset=UTF-8", `application/json; charset="utf-8"`, "APPLICATION/JSON", "application/vnd.x+json", "text/javascript", "text/plain", "text/html; charset=iso-8859-1", "application/x-www-form-urlencoded", "application/octet-stream", ";", ""} {
		all = append(all, oddAnswer{"JSON as " + mediaType, 200, mediaType, document, "the-token", ""})
	}
	return append(all,
		oddAnswer{"201", 201, jsonType, document, "the-token", ""},
		oddAnswer{"a byte order mark", 200, jsonType, "\ufeff" + document, "the-token", ""},
		oddAnswer{"white space around", 200, jsonType, "\r\n\t " + document + "\r\n\r\n", "the-token", ""},
		oddAnswer{"two bodies", 200, jsonType, document + document, "", "did not answer with a credential"},
		oddAnswer{"a cut body", 200, jsonType, document[:50], "", "The answer is no JSON, but another text."},
		oddAnswer{"a form", 200, "application/x-www-form-urlencoded", "access_token=the-token&scope=user%2Crepo&token_type=bearer", "the-token", ""},
		oddAnswer{"a form as text", 200, "text/plain;charset=utf-8", "access_token=the-token&expires=5183999", "the-token", ""},
		oddAnswer{"a form with an encoded token", 200, "", "access_token=the%2Ftoken%2B%3D", "the/token+=", ""},
		oddAnswer{"compressed, though nothing offers it", 200, jsonType, compressed.String(), "", "did not answer with a credential"},
		oddAnswer{"a page", 200, "text/html", "<!DOCTYPE html><title>Sign in</title>", "", "The answer is no JSON, but a page for people (text/html)."},
		oddAnswer{"nothing", 204, "", "", "", "The answer is no JSON, but an empty body."},
		oddAnswer{"a list", 200, jsonType, "[" + document + "]", "", "did not answer with a credential"},
	)
}

// oddMembers are odd in what the answer says.
func oddMembers() []oddAnswer {
	all := []oddAnswer{
		{"the word in the token", 200, jsonType, `{"access_token": "bearer the-token"}`, "the-token", ""},
		{"a nested token", 200, jsonType, `{"data": {"access_token": "the-token"}}`, "", "did not answer with a credential"},
		{"a token by another name", 200, jsonType, `{"token": "the-token"}`, "", "did not answer with a credential"},
		{"an id token alone", 200, jsonType, `{"id_token": "the-token"}`, "", "did not answer with a credential"},
		{"a number for a token", 200, jsonType, `{"access_token": 12345678}`, "", "did not answer with a credential"},
		{"null for a token", 200, jsonType, `{"access_token": null, "error": "invalid_scope"}`, "", "does not grant the scopes"},
		{"a line break behind the token", 200, jsonType, `{"access_token": "the-token\n"}`, "the-token", ""},
		{"a line break in the token", 200, jsonType, `{"access_token": "the\ntoken"}`, "", "control character"},
		{"a proof of possession asked for", 400, jsonType, `{"error": "use_dpop_nonce"}`, "", "DPoP"},
		{"an unknown resource", 400, jsonType, `{"error": "invalid_target"}`, "", "resource"},
		{"a person asked for", 400, jsonType, `{"error": "interaction_required"}`, "", "wants a person"},
		{"a pause asked for", 400, jsonType, `{"error": "slow_down"}`, "", "Try again later"},
		{"no access", 400, jsonType, `{"error": "access_denied"}`, "", "forbids it"},
		{"an error in 200", 200, jsonType, `{"ok": false, "error": "invalid_client"}`, "", "does not accept the client"},
		{"an unknown error in 200", 200, jsonType, `{"ok": false, "error": "bad_verification_code"}`, "", "did not answer with a credential"},
		{"no error in 200", 200, jsonType, `{"access_token": "the-token", "error": null, "error_description": ""}`, "the-token", ""},
		{"an error as text/html", 400, "text/html", `{"error": "invalid_scope"}`, "", "does not grant the scopes"},
		{"an error in depth", 400, jsonType, `{"error": {"code": "invalid_scope"}}`, "", "did not answer with a credential"},
		{"an error of a provider's own", 400, jsonType, `{"errors": [{"message": "the-token"}]}`, "", "did not answer with a credential"},
		{"an error that a challenge says", 401, "text/plain", `the-token`, "", "does not accept the client"},
		{"members of Azure", 200, jsonType, `{"token_type": "Bearer", "expires_in": "3599", "ext_expires_in": "3599", "expires_on": "1700000000", "not_before": "1", "resource": "x", "access_token": "the-token"}`, "the-token", ""},
	}
	for _, kind := range []string{"null", `""`, `"bearer"`, `"BEARER"`, `"Bearer "`, `"BearerToken"`, `"access_token"`, "7", `["Bearer"]`} {
		all = append(all, oddAnswer{"token_type " + kind, 200, jsonType, `{"access_token": "the-token", "token_type": ` + kind + `}`, "the-token", ""})
	}
	for _, life := range []string{`"3600.0"`, `" 3600 "`, `3.6e3`, `"3,600"`, `"1 hour"`, `-1`, `null`, `[]`, `{"seconds": 1}`, `""`, `true`, `1e400`, `"Thu, 26 Nov 2026 12:00:00 GMT"`} {
		all = append(all, oddAnswer{"expires_in " + life, 200, jsonType, `{"access_token": "the-token", "expires_in": ` + life + `}`, "the-token", ""})
	}
	for _, scope := range []string{`["a", "b"]`, `null`, `""`, `{"a": true}`} {
		all = append(all, oddAnswer{"scope " + scope, 200, jsonType, `{"access_token": "the-token", "scope": ` + scope + `, "refresh_token": null}`, "the-token", ""})
	}
	return all
}

// TestOddTokenAnswers reads what token endpoints write that keep to RFC 6749 section 5 more
// or less, and refuses the rest in words that hold nothing of it.
func TestOddTokenAnswers(t *testing.T) {
	for _, test := range append(oddForms(), oddMembers()...) {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{"client": client}, fake.Says(test.status, test.mediaType, test.body))
			used, err := w.store.Get(t.Context(), w.plan(w.oauth()))
			if test.want == "" {
				if refusal := mustFail(t, err, retrieval.ErrFailed, "the-token", "Sign in", "verification"); !strings.Contains(refusal.Detail, test.says) {
					t.Errorf("the detail does not say %q: %s", test.says, refusal.Detail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sent(used).Get("Authorization"); got != "Bearer "+test.want {
				t.Errorf("Authorization is %q, want Bearer %s", got, test.want)
			}
		})
	}
}

// TestTokenEndpointRedirects follows no redirect, which would carry the client's secret on.
func TestTokenEndpointRedirects(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := newWorld(t, map[string]string{"client": client}, func(call int, rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				t.Errorf("%s is called", r.URL.Path)
			}
			rw.Header().Set("Location", "/elsewhere")
			fake.Says(status, jsonType, `{"access_token": "the-token"}`)(call, rw, r)
		})
		_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
		if refusal := mustFail(t, err, retrieval.ErrFailed, "the-token", "elsewhere"); !strings.Contains(refusal.Detail, fmt.Sprint("redirects, which keyrelay does not follow. Write the final URL into the document. It answered ", status)) {
			t.Error(refusal.Detail)
		}
	}
}
