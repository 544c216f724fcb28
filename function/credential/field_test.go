package credential_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/retrieval"
)

// mangled are the ways in which PEM texts come out of consoles, variables and templates.
func mangled() map[string]func(text string) string {
	return map[string]func(string) string{
		"as it is":              func(text string) string { return text },
		"CRLF":                  func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
		"spaces for lines":      func(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ") },
		"no lines":              func(text string) string { return strings.ReplaceAll(text, "\n", "") },
		"escaped line breaks":   func(text string) string { return strings.ReplaceAll(text, "\n", `\n`) },
		"escaped CRLF":          func(text string) string { return strings.ReplaceAll(text, "\n", `\r\n`) },
		"in base64":             func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) },
		"without its two lines": func(text string) string { return strings.TrimSpace(strings.Split(text, "-----")[2]) },
		"indented, behind words": func(text string) string {
			return "Bag Attributes\n  friendlyName: it\n" + strings.ReplaceAll("\n"+text, "\n", "\n    ")
		},
	}
}

// TestMangledPEM signs, and presents a certificate, with PEM texts whose line breaks were lost.
func TestMangledPEM(t *testing.T) {
	var stored map[string]string
	if err := json.Unmarshal([]byte(fake.ClientCertificate(1)), &stored); err != nil {
		t.Fatal(err)
	}
	for name, mangle := range mangled() {
		content, err := json.Marshal(map[string]string{"certificate": mangle(stored["certificate"]), "private_key": mangle(stored["private_key"])})
		if err != nil {
			t.Fatal(err)
		}
		signing := signedWith(time.Minute)
		signing.JWT.Algorithm = "ES256"
		for _, scheme := range []*destination.SecurityScheme{signing, {Name: "app", Kind: destination.MutualTLS, Secret: managed("app", "")}} {
			w := newWorld(t, map[string]string{"app": string(content)}, nil)
			if _, err := w.store.Get(t.Context(), w.plan(scheme)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestWholeAnswer takes a whole answer for the key where it can be nothing else, whatever
// its media type, and no page or message: a message may be a word.
func TestWholeAnswer(t *testing.T) {
	for _, test := range []struct{ mediaType, body, want string }{
		{"text/plain", "the key\n", "the key"}, {"text/plain", "Forbidden", ""}, {"application/json", `"Forbidden"`, ""}, {"application/json", `"<html>"`, ""}, {"application/json", "403", ""}, {"text/plain", " Not Found \n", ""}, {"text/plain", "\n<html>", ""}, {"application/json", `"Forbidden-1"`, "Forbidden-1"}, {"", "401 unauthorized.", ""}, {"application/json", `not found`, ""},
		{"text/plain", "<html><body>the-key</body></html>", ""}, {"text/plain", "Forbidden-1", "Forbidden-1"}, {"", "the-key", "the-key"}, {"application/json", `"the-key"`, "the-key"},
		{"application/jwt", "aaaaa.bbbbb.cccc", "aaaaa.bbbbb.cccc"}, {"text/html; charset=utf-8", "the-key-with-20-char\r\n", "the-key-with-20-char"}, {"application/octet-stream", "dGhlIGtleQ==", "dGhlIGtleQ=="},
		{"application/json", "the-key", "the-key"},
		{"text/html", "Hushed", ""}, {"text/html; charset=utf-8", "hush:invalid_login", ""}, {"text/html", "hush-of-19-letters-", ""}, {"application/jwt", "hush-of-15-mark", ""}, {"text/css", "Hushed", ""},
		{"application/xml", "Hushed", ""}, {"text/xml", "hush-of-more-than-20-letters", ""}, {"application/soap+xml; charset=utf-8", "hush-of-more-than-20-letters", ""}, {"application/xhtml+xml", "hush-of-more-than-20-letters", ""},
		{"text/html", "<p>hush</p>", ""}, {"text/html", "please hush", ""}, {"application/xml", "<key>hush</key>", ""}, {"application/json", `{"key": "hush"`, ""}, {"application/octet-stream", "hush\x00", ""}, {"text/html", "", ""},
	} {
		w := newWorld(t, nil, fake.Says(200, test.mediaType, test.body))
		had, err := w.store.Get(t.Context(), w.plan(w.session("")))
		if test.want == "" {
			mustFail(t, err, retrieval.ErrFailed, "hush")
		} else if err != nil || sent(had).Get("X-Session") != test.want {
			t.Errorf("%s %q: %v", test.mediaType, test.body, err)
		}
	}
}

// TestOwnUserAgent has a document say who asks: some APIs answer nobody else.
func TestOwnUserAgent(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, fake.Says(200, jsonType, `{"access_token": "the-token", "key": "the-key"}`))
	token, key := w.oauth(), w.session("/key")
	for _, scheme := range []*destination.SecurityScheme{token, key} {
		for _, want := range []string{"keyrelay", "orders/1 (by me)"} {
			mustGet(t, storeOn(t, w.secrets), w.plan(scheme))
			if got := w.provider.Take(); len(got) != 1 || got[0].Header.Get("User-Agent") != want {
				t.Errorf("%s: %v instead of %s", scheme.Name, got, want)
			}
			scheme.Parameters = []destination.RetrievalParameter{{Name: "User-Agent", In: "header", UseIn: []string{"key", "token"}, Default: []byte(`"orders/1 (by me)"`)}}
		}
	}
}

// TestUnencodedClient sends the client as it is, once, where its RFC form may be why the endpoint refuses.
func TestUnencodedClient(t *testing.T) {
	const plain, odd = client, `{"client_id": "the-client", "client_secret": "s+/="}`
	for _, test := range []struct {
		secret string
		status int
		body   string
		calls  int
	}{
		{odd, 401, "", 2}, {odd, 400, `{"error": "invalid_client"}`, 2}, {odd, 400, `{"error": "invalid_request"}`, 2}, {odd, 403, `{"error": "access_denied"}`, 2}, {odd, 403, "<html>", 2},
		{odd, 400, `{"error": "invalid_grant"}`, 1}, {odd, 400, `{"error": "invalid_scope"}`, 1}, {odd, 404, "", 1}, {odd, 500, "", 1}, {plain, 401, "", 1}, {plain, 400, `{"error": "invalid_request"}`, 1},
	} {
		calls := 0
		w := newWorld(t, map[string]string{"client": test.secret}, func(call int, rw http.ResponseWriter, r *http.Request) {
			calls++
			if _, sent, _ := r.BasicAuth(); sent == "s+/=" {
				fake.Says(200, jsonType, `{"access_token": "the-token"}`)(call, rw, r)
				return
			}
			fake.Says(test.status, jsonType, test.body)(call, rw, r)
		})
		_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
		if (err == nil) != (test.calls == 2) || calls != test.calls {
			t.Errorf("%d %s: %d calls, %v", test.status, test.body, calls, err)
		}
	}
}

// TestUnencodedClientStays sends the client at once in the form that the endpoint took last:
// a refused one counts towards a lockout.
func TestUnencodedClientStays(t *testing.T) {
	accepts := "s+/="
	w := newWorld(t, map[string]string{"client": `{"client_id": "the-client", "client_secret": "s+/="}`}, func(call int, rw http.ResponseWriter, r *http.Request) {
		if _, sent, _ := r.BasicAuth(); sent != accepts {
			fake.Says(401, jsonType, `{"error": "invalid_client"}`)(call, rw, r)
			return
		}
		fake.Says(200, jsonType, `{"access_token": "the-token"}`)(call, rw, r)
	})
	scheme, never := w.oauth(), time.Duration(0)
	scheme.Lifetime = &never
	for i, calls := range []int{2, 3, 5, 6} { // so far
		if i == 2 {
			accepts = "s%2B%2F%3D"
		}
		mustGet(t, w.store, w.plan(scheme))
		w.mustHaveRetrieved(t, calls)
	}
}

// TestOwnAuthorization sends the client as the document puts it together, where the secret has no client_id.
func TestOwnAuthorization(t *testing.T) {
	w := newWorld(t, map[string]string{"client": `{"pair": "dGhlLWNsaWVudDpodXNo"}`}, fake.Tokens(60))
	scheme := w.oauth()
	scheme.Parameters = []destination.RetrievalParameter{{Name: "authorization", In: "header", UseIn: []string{"token"}, Value: &destination.JSONTemplate{
		Parts: []destination.JSONPart{{Template: template(t, "Basic {{{pair}}}")}},
	}}}
	w.mustAuthorize(t, w.plan(scheme), "Bearer token-number-1")
	if got := w.provider.Take(); len(got) != 1 || got[0].Header.Get("Authorization") != "Basic dGhlLWNsaWVudDpodXNo" || string(got[0].Body) != "grant_type=client_credentials" {
		t.Errorf("%v", got)
	}
}

// TestOwnClient sends the client once, where the document says.
func TestOwnClient(t *testing.T) {
	for in, want := range map[string]string{
		"query": "POST /token?client_id=the-client&client_secret=the-client-secret grant_type=client_credentials",
		"body":  "POST /token client_id=the-client&client_secret=the-client-secret&grant_type=client_credentials",
	} {
		for _, authentication := range []string{"", "client_secret_basic", "client_secret_post"} {
			w := newWorld(t, map[string]string{"client": client}, fake.Tokens(60))
			scheme := w.oauth()
			scheme.ClientAuthentication = authentication
			for _, name := range []string{"client_id", "client_secret"} {
				scheme.Parameters = append(scheme.Parameters, destination.RetrievalParameter{Name: name, In: in, UseIn: []string{"token"}})
			}
			w.mustAuthorize(t, w.plan(scheme), "Bearer token-number-1")
			got := w.provider.Take()
			if len(got) != 1 || got[0].Header.Get("Authorization") != "" || got[0].Method+" "+got[0].URI+" "+string(got[0].Body) != want {
				t.Errorf("%s %s: %v", in, authentication, got)
			}
		}
	}
}

// TestWholeToken takes a whole answer as the token where the template says so.
func TestWholeToken(t *testing.T) {
	for body, mediaType := range map[string]string{`"the-token-of-20-characters"`: jsonType, "the-token-of-20-characters\n": "text/plain", `{"access_token": "the-token-of-20-characters"}`: jsonType} {
		w := newWorld(t, map[string]string{"client": client}, fake.Says(200, mediaType, body))
		scheme := w.oauth()
		scheme.Value = template(t, "Bearer {{{.}}}")
		w.mustAuthorize(t, w.plan(scheme), "Bearer the-token-of-20-characters")
	}
	for body, mediaType := range map[string]string{`{"token": "hush"}`: jsonType, "<html>Sign in</html>": "text/html", "": "text/plain"} {
		w := newWorld(t, map[string]string{"client": client}, fake.Says(200, mediaType, body))
		scheme := w.oauth()
		scheme.Value = template(t, "Bearer {{{.}}}")
		_, err := w.store.Get(t.Context(), w.plan(scheme))
		mustFail(t, err, retrieval.ErrFailed, "hush", "Sign in", "{{{}}}")
	}
}

// TestCompressedTokenAnswer reads an answer in gzip, which nobody asked for.
func TestCompressedTokenAnswer(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, func(_ int, rw http.ResponseWriter, _ *http.Request) {
		var compressed bytes.Buffer
		writer := gzip.NewWriter(&compressed)
		_, _ = io.WriteString(writer, `{"access_token": "the-token"}`)
		_ = writer.Close()
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = rw.Write(compressed.Bytes())
	})
	w.mustAuthorize(t, w.plan(w.oauth()), "Bearer the-token")
}

// TestTokenElsewhere says how to name the member that is the token.
func TestTokenElsewhere(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, fake.Says(200, jsonType, `{"data": {"token": "hush"}}`))
	_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
	if refusal := mustFail(t, err, retrieval.ErrFailed, "hush"); !strings.Contains(refusal.Detail, "x-keyrelay-value") {
		t.Error(refusal.Detail)
	}
}

// TestNoValue says what of the answer is not there.
func TestNoValue(t *testing.T) {
	for says, place := range map[string]func(*destination.SecurityScheme){
		"no header X-Subject-Token": func(s *destination.SecurityScheme) { s.ResponseHeader = "X-Subject-Token" },
		"no cookie SID":             func(s *destination.SecurityScheme) { s.ResponseCookie = "SID" },
		"an empty text":             func(*destination.SecurityScheme) {},
	} {
		w := newWorld(t, nil, fake.Says(200, jsonType, `{"key": ""}`))
		scheme := w.session("/key")
		place(scheme)
		_, err := w.store.Get(t.Context(), w.plan(scheme))
		if refusal := mustFail(t, err, retrieval.ErrFailed); !strings.Contains(refusal.Detail, says) {
			t.Errorf("%s: %s", says, refusal.Detail)
		}
	}
}
