package credential_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/hostile"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// TestTokenRequest shows what a token request sends for each flow and way of
// client authentication (RFC 6749 sections 2.3.1, 4.3.2 and 4.4.2).
func TestTokenRequest(t *testing.T) {
	password := func(s *destination.SecurityScheme) { s.Flow.GrantType = "password" }
	post := func(s *destination.SecurityScheme) { s.ClientAuthentication = "client_secret_post" }
	both := func(s *destination.SecurityScheme) { password(s); post(s) }
	extra := func(s *destination.SecurityScheme) {
		s.Parameters = []destination.RetrievalParameter{
			{Name: "audience", In: "body", UseIn: []string{"token"}, Default: []byte(`"https://api.example.com/"`)},
			{Name: "tenant", In: "query", UseIn: []string{"token"}},
			{Name: "X-Tenant", In: "header", UseIn: []string{"token"}, Default: []byte(`7`)},
			{Name: "key", In: "query", UseIn: []string{"key"}},
		}
	}
	basic := func(pair string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) + "\n"
	}
	const odd = `{"client_id": "a b:é", "client_secret": "s+%&é", "username": "me@x", "password": "p&=w", "tenant": "t1"}`
	tests := []struct {
		name, secret string
		change       func(*destination.SecurityScheme)
		scopes       []string
		path, header string
		want         string
	}{
		{"client_secret_basic", odd, func(*destination.SecurityScheme) {}, []string{"orders.write", "a"}, "/token", basic("a+b%3A%C3%A9:s%2B%25%26%C3%A9"),
			"grant_type=client_credentials&scope=orders.write+a"},
		{"client_secret_post", odd, post, nil, "/token", "",
			"client_id=a+b%3A%C3%A9&client_secret=s%2B%25%26%C3%A9&grant_type=client_credentials"},
		{"all scopes of the flow", odd, func(s *destination.SecurityScheme) { s.Flow.Scopes = []string{"x", "y"} }, nil, "/token", basic("a+b%3A%C3%A9:s%2B%25%26%C3%A9"),
			"grant_type=client_credentials&scope=x+y"},
		{"password", odd, password, nil, "/token", basic("a+b%3A%C3%A9:s%2B%25%26%C3%A9"),
			"grant_type=password&password=p%26%3Dw&username=me%40x"},
		{"password and client_secret_post", odd, both, nil, "/token", "",
			"client_id=a+b%3A%C3%A9&client_secret=s%2B%25%26%C3%A9&grant_type=password&password=p%26%3Dw&username=me%40x"},
		{"password of a public client", `{"client_id": "c", "username": "u", "password": "p"}`, password, nil, "/token", "",
			"client_id=c&grant_type=password&password=p&username=u"},
		{"password without a client", `{"username": "u", "password": "p"}`, password, nil, "/token", "",
			"grant_type=password&password=p&username=u"},
		{"extra parameters", odd, extra, nil, "/token?tenant=t1", basic("a+b%3A%C3%A9:s%2B%25%26%C3%A9"),
			"audience=https%3A%2F%2Fapi.example.com%2F&grant_type=client_credentials"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{"client": test.secret}, fake.Tokens(60))
			scheme := w.oauth()
			test.change(scheme)
			outbound := w.plan(scheme)
			outbound.Operation.Security[0].Scopes = test.scopes
			w.mustAuthorize(t, outbound, "Bearer token-number-1")
			tenant := ""
			if test.name == "extra parameters" {
				tenant = "X-Tenant: 7\n"
			}
			want := "POST " + test.path + "\nAccept-Encoding: identity\nAccept: application/json\n" + test.header +
				"Content-Type: application/x-www-form-urlencoded\nUser-Agent: keyrelay\n" + tenant + "\n" + test.want
			if difference := cmp.Diff([]string{want}, w.received()); difference != "" {
				t.Errorf("received (-want +got):\n%s", difference)
			}
		})
	}
}

// TestClientMissing names what a secret of a client lacks.
func TestClientMissing(t *testing.T) {
	w := newWorld(t, map[string]string{"client": `{"client_id": "hush-hush"}`}, fake.Tokens(60))
	_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
	if refusal := mustFail(t, err, secret.ErrUnavailable, "hush"); !strings.Contains(refusal.Detail, "client_secret") {
		t.Errorf("the detail is %s", refusal.Detail)
	}
}

// TestScopesApart retrieves a token for each set of scopes, and shares it.
func TestScopesApart(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, fake.Tokens(60))
	scheme := w.oauth()
	read, write, again := w.plan(scheme), w.plan(scheme), w.plan(scheme)
	read.Operation.Security[0].Scopes = []string{"read"}
	write.Operation.Security[0].Scopes = []string{"write"}
	again.Operation.Security[0].Scopes = []string{"read"}
	w.mustAuthorize(t, read, "Bearer token-number-1")
	w.mustAuthorize(t, write, "Bearer token-number-2")
	w.mustAuthorize(t, again, "Bearer token-number-1")
}

// A tokenAnswer is one recorded answer of a token endpoint.
type tokenAnswer struct {
	Source      string `json:"source"`
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	Body        string `json:"body"`
	Accepts     *bool  `json:"golang_oauth2_accepts"`
}

// documented is the token that an answer documents, empty for none: the member
// access_token where it is a text that is not empty, whatever its spelling and
// whether the answer is JSON or a form. A life that is no number is none.
func (a *tokenAnswer) documented() string {
	if a.Status != http.StatusOK {
		return ""
	}
	var members map[string]any
	if json.Unmarshal([]byte(a.Body), &members) != nil {
		form, _ := url.ParseQuery(a.Body)
		return form.Get("access_token")
	}
	for _, name := range []string{"access_token", "accessToken"} {
		if token, ok := members[name].(string); ok {
			return token
		}
	}
	return ""
}

// expiryUnreadable reports whether expires_in is of a form that says nothing. Such an
// answer is one without an expiry, while golang.org/x/oauth2 refuses all of it.
func (a *tokenAnswer) expiryUnreadable() bool {
	var members struct {
		Expiry any `json:"expires_in"`
	}
	if json.Unmarshal([]byte(a.Body), &members) != nil || members.Expiry == nil {
		return false
	}
	seconds, err := strconv.ParseFloat(fmt.Sprint(members.Expiry), 64)
	return err != nil || seconds < 0
}

// TestTokenAnswers gives each recorded answer its documented result.
func TestTokenAnswers(t *testing.T) {
	var answers []tokenAnswer
	if err := json.Unmarshal(hostile.Further(t, "oauth/token_endpoint_responses.json"), &answers); err != nil || len(answers) < 39 {
		t.Fatalf("%d answers: %v", len(answers), err)
	}
	for i, recorded := range answers {
		t.Run(fmt.Sprintf("%d %s", i, recorded.Source), func(t *testing.T) {
			w := newWorld(t, map[string]string{"client": client}, fake.Says(recorded.Status, recorded.ContentType, recorded.Body))
			used, err := w.store.Get(t.Context(), w.plan(w.oauth()))
			if recorded.documented() == "" {
				mustFail(t, err, retrieval.ErrFailed, "sometext", "zzz")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if recorded.Accepts != nil && !*recorded.Accepts && !recorded.expiryUnreadable() {
				t.Error("golang.org/x/oauth2 refuses this answer, and not for its expires_in")
			}
			if got, want := sent(used).Get("Authorization"), "Bearer "+recorded.documented(); got != want {
				t.Errorf("Authorization is %q, want %q", got, want)
			}
		})
	}
}

// TestTokenRefused tells why a token endpoint refused, in words of its own.
func TestTokenRefused(t *testing.T) {
	tests := []struct {
		status int
		body   string
		says   string
	}{
		{400, `{"error": "invalid_client", "error_description": "hush"}`, "does not accept the client"},
		{401, `hush`, "does not accept the client"},
		{400, `{"errorCode": "invalid_client", "errorSummary": "hush"}`, "does not accept the client"},
		{400, `{"error": null, "errorCode": "invalid_scope"}`, "scopes"},
		{400, `{"errorCode": 7}`, "did not answer with a credential"},
		{400, `{"error": "invalid_grant"}`, "user name and password"},
		{400, `{"error": "invalid_grant", "error_description": "hush"}`, "the client's rights"},
		{400, `{"error": "unauthorized_client"}`, "flow"},
		{400, `{"error": "unsupported_grant_type"}`, "flow"},
		{400, `{"error": "invalid_scope"}`, "scopes"},
		{400, `{"error": "invalid_request"}`, "incomplete"},
		{400, `error=invalid_scope`, "scopes"},
		{400, `{"error": {"hush": 1}}`, "did not answer with a credential"},
		{200, `{"error": "invalid_scope"}`, "scopes"},
		{200, `{"code": 10014, "msg": "hush"}`, "some APIs refuse it in an answer with 200"},
		{403, `hush`, "forbids"},
		{404, `hush`, "is not there, or not for the method of OAuth"},
		{405, `hush`, "write an apiKey scheme with x-itential-dynamic-retrieval"},
		{415, `hush`, "x-keyrelay-request-content-type"},
		{429, `hush`, "too often"},
		{500, `hush`, "failed"},
		{301, `hush`, "redirects"},
		{200, `{"access_token": "hush-hush", "token_type": "mac"}`, "no bearer token"},
		{200, `{"access_token": "hush-hush", "token_type": "DPoP"}`, "no bearer token"},
		{200, `{"access_token": "", "token_type": "Bearer"}`, "did not answer with a credential"},
		{200, `{"access_token": "hush\u0000hush"}`, "control character"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, test.body), func(t *testing.T) {
			w := newWorld(t, map[string]string{"client": client}, fake.Says(test.status, "", test.body))
			_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
			if refusal := mustFail(t, err, retrieval.ErrFailed, "hush", w.url); !strings.Contains(refusal.Detail, test.says) {
				t.Errorf("the detail does not say %q: %s", test.says, refusal.Detail)
			}
		})
	}
}

// TestRefusalsFitTheScheme names no secret where the scheme has none, and no extension that
// would be a fault on it, whatever the endpoint answers.
func TestRefusalsFitTheScheme(t *testing.T) {
	codes := []string{"", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target", "unauthorized_client", "unsupported_grant_type", "of its own"}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 422, 429, 500} {
		for _, code := range codes {
			w := newWorld(t, map[string]string{"client": client}, fake.Says(status, "application/json", `{"error": "`+code+`"}`))
			bare, keyed := w.session("/key"), w.session("/key")
			keyed.Secret = managed("client", "")
			for _, scheme := range []*destination.SecurityScheme{bare, keyed} {
				_, err := w.store.Get(t.Context(), w.plan(scheme))
				detail := mustFail(t, err, retrieval.ErrFailed).Detail
				if strings.Contains(detail, "x-keyrelay-client-authentication") || strings.Contains(detail, "flow") || strings.Contains(detail, "scopes") || strings.Contains(detail, "  ") || strings.Contains(detail, " .") ||
					scheme == bare && strings.Contains(detail, "secret") {
					t.Errorf("%d %s with secret %q: %s", status, code, scheme.Secret, detail)
				}
			}
		}
	}
}

// TestUnreachable tells an endpoint that cannot be reached.
func TestUnreachable(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, func(_ int, w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
	mustFail(t, err, retrieval.ErrFailed, w.url, "127.0.0.1", "EOF")
}

// TestGuarded passes on what the guarded client says, for the reason that the
// retrieval failed; roots that cannot be read are a secret that is unavailable.
func TestGuarded(t *testing.T) {
	prohibited := errors.New("a reason of another package")
	for reason, want := range map[error]error{prohibited: retrieval.ErrFailed, secret.ErrUnavailable: secret.ErrUnavailable} {
		w := newWorld(t, map[string]string{"client": client}, nil)
		w.callBy(func(context.Context, *destination.Destination, *http.Request, *tls.Certificate, int) (*upstream.Answer, error) {
			return nil, &gateway.Refusal{Reason: reason, Detail: "id.example.com is guarded."}
		})
		_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
		refusal := mustFail(t, err, want)
		if !strings.HasSuffix(refusal.Detail, " is guarded.") || want == retrieval.ErrFailed && strings.Contains(refusal.Detail, "id.example.com") || errors.Is(err, prohibited) {
			t.Errorf("got %v", err)
		}
	}
}

// TestValueOfToken builds the header's value from the members of a token answer.
func TestValueOfToken(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client}, fake.Tokens(60))
	scheme := w.oauth()
	scheme.Value = template(t, "Zoho-oauthtoken {{{access_token}}}")
	w.mustAuthorize(t, w.plan(scheme), "Zoho-oauthtoken token-number-1")
}

// discovered is a scheme of OpenID Connect.
func (w *world) discovered() *destination.SecurityScheme {
	scheme := w.oauth()
	scheme.Kind, scheme.Flow, scheme.DiscoveryURL = destination.OpenIDConnect, nil, w.at("/.well-known/openid-configuration")
	return scheme
}

// TestDiscovery finds the token endpoint in the discovery document, once, and authenticates by
// HTTP basic where that is offered.
func TestDiscovery(t *testing.T) {
	var w *world
	w = newWorld(t, map[string]string{"client": client}, func(call int, rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			fake.Says(200, "application/json", "\ufeff"+`{"issuer": "x", "token_endpoint": "`+w.url+`/its/token?a=b", "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]}`)(call, rw, r)
			return
		}
		fake.Tokens(60)(call, rw, r)
	})
	outbound := w.plan(w.discovered())
	outbound.Operation.Security[0].Scopes = []string{"openid"}
	used := w.mustAuthorize(t, outbound, "Bearer token-number-2")
	if sent(renewal(t, w.store, used)).Get("Authorization") != "Bearer token-number-3" {
		t.Error("it was not renewed")
	}
	var lines []string
	for _, received := range w.received() {
		line, rest, _ := strings.Cut(received, "\n")
		lines = append(lines, line+rest[strings.LastIndex(rest, "\n"):])
	}
	want := []string{"GET /.well-known/openid-configuration\n", "POST /its/token?a=b\ngrant_type=client_credentials&scope=openid", "POST /its/token?a=b\ngrant_type=client_credentials&scope=openid"}
	if difference := cmp.Diff(want, lines); difference != "" {
		t.Errorf("received (-want +got):\n%s", difference)
	}
}

// TestDiscoveryRefused does not call a token endpoint that breaks the rules of a server's URL.
func TestDiscoveryRefused(t *testing.T) {
	for _, test := range []struct {
		network destination.Network
		status  int
		body    string
	}{
		{destination.Public, 200, `{"token_endpoint": "http://HOST/token"}`},
		{destination.Loopback, 200, `{"token_endpoint": "ftp://id.example.com/token"}`},
		{destination.Loopback, 200, `{"token_endpoint": "http://user:hush@HOST/token"}`},
		{destination.Loopback, 200, `{"token_endpoint": "http://HOST/token#hush"}`},
		{destination.Loopback, 200, `{"token_endpoint": "https:///token"}`},
		{destination.Loopback, 200, `{"token_endpoint": "https:id.example.com"}`},
		{destination.Loopback, 200, `{"token_endpoint": "/token"}`},
		{destination.Loopback, 200, `{"token_endpoint": "https://id.example.com:hush/token"}`},
		{destination.Loopback, 200, `{"token_endpoint": 7}`},
		{destination.Loopback, 200, `{}`},
		{destination.Loopback, 200, `<html>`},
		{destination.Loopback, 404, `{"token_endpoint": "https://id.example.com/token"}`},
	} {
		w := newBubble(map[string]string{"client": client}, nil)
		w.provider.Answer(fake.Says(test.status, "application/json", strings.ReplaceAll(test.body, "HOST", w.at("").Host)))
		w.destination.Network = test.network
		_, err := w.store.Get(t.Context(), w.plan(w.discovered()))
		refusal := mustFail(t, err, retrieval.ErrFailed, "hush", "id.example.com")
		if noDocument := strings.Contains(refusal.Detail, "/.well-known/openid-configuration"); noDocument != (test.status != 200 || !strings.Contains(test.body, `": "`)) {
			t.Errorf("%s: %s", test.body, refusal.Detail)
		}
		if answered := fmt.Sprint("It answered ", test.status); !strings.Contains(refusal.Detail, answered) || !strings.Contains(refusal.Note, w.at("").Hostname()) {
			t.Errorf("%s: %s %s", answered, refusal.Detail, refusal.Note)
		}
		w.mustHaveRetrieved(t, 1)
	}
}

// TestDiscoveryKept reads a discovery document once an hour, however short its tokens live.
func TestDiscoveryKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"client": client}, nil)
		discoveries := 0
		w.provider.Answer(func(call int, rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				fake.Tokens(60)(call, rw, r)
				return
			}
			discoveries++
			fake.Says(200, "application/json", `{"token_endpoint": "`+w.at("/token").String()+`"}`)(call, rw, r)
		})
		outbound := w.plan(w.discovered())
		for range 59 {
			mustGet(t, w.store, outbound)
			time.Sleep(time.Minute)
		}
		if mustGet(t, w.store, outbound); discoveries != 1 {
			t.Errorf("%d discoveries within the hour", discoveries)
		}
		time.Sleep(time.Minute)
		if mustGet(t, w.store, outbound); discoveries != 2 {
			t.Errorf("%d discoveries after it", discoveries)
		}
	})
}
