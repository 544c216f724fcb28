package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/fake"
)

const (
	loginDocument = `openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: $API}]
x-keyrelay-network: loopback
security: [{person: []}]
components:
  securitySchemes:
    person:
      type: oauth2
      flows: {authorizationCode: {authorizationUrl: "$API/authorize?access_type=offline&prompt=consent", tokenUrl: $API/token, scopes: {write: "", read: ""}}}
`
	loginSecret = `{"person": {"client_id": "relay+1", "client_secret": "c 9f31"}, "more": 1.0}`
)

// An authorizationServer asks nobody and answers at once. It notes what it is asked.
type authorizationServer struct {
	*httptest.Server
	// authorization and token are the queries and forms that came; client is who asked for the token.
	authorization, token url.Values
	client               string
	// status and answer are those of the token endpoint; of the other, query is added to the redirect URI.
	status        int
	answer, query string
	// registration is what came to make a client; registered answers it.
	registration, registered string
}

func startAuthorizationServer(t *testing.T) *authorizationServer {
	a := &authorizationServer{status: 200, answer: `{"access_token": "t-1", "refresh_token": "r-1"}`, query: "code=the-code"}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	a.Config.Handler = a
	return a
}

// startLogin starts a server to log in at, and a Secrets Manager that holds the secret of loginDocument.
func startLogin(t *testing.T, secret string) (*fake.Secrets, *authorizationServer) {
	secrets := startManagedSecrets(t)
	secrets.Put("keyrelay/orders", secret)
	return secrets, startAuthorizationServer(t)
}

func (a *authorizationServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/authorize":
		a.authorization = r.URL.Query()
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+a.query+"&state="+r.FormValue("state"), http.StatusFound)
	case "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"authorization_endpoint": %q, "token_endpoint": %q}`, a.URL+"/authorize", a.URL+"/token")
	case "/.well-known/oauth-authorization-server/orders":
		fmt.Fprintf(w, `{"authorization_endpoint": %q, "token_endpoint": %q, "registration_endpoint": %q}`, a.URL+"/authorize", a.URL+"/token", a.URL+"/register")
	case "/register":
		body, _ := io.ReadAll(r.Body)
		a.registration = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.registered)
	default:
		_ = r.ParseForm()
		a.token, a.client = r.PostForm, r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.answer)
	}
}

// documents writes a document for the server.
func (a *authorizationServer) documents(t *testing.T, document string) string {
	return writeOrders(t, strings.ReplaceAll(document, "$API", a.URL))
}

// logIn runs the command; browse is what the person does with the address that it prints.
func logIn(t *testing.T, browse func(address *url.URL), arguments ...string) (printed string, err error) {
	t.Helper()
	return logInAt(t, strings.NewReader(""), browse, arguments...)
}

// logInAt runs the command for a person who types what in holds.
func logInAt(t *testing.T, in io.Reader, browse func(address *url.URL), arguments ...string) (printed string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := login(ctx, arguments, in, writer)
		_ = writer.Close()
		done <- err
	}()
	var text bytes.Buffer
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "http") {
			address, err := url.Parse(lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			go browse(address)
		}
	}
	return text.String(), <-done
}

// visit opens an address as a browser does, and returns the status of the last page.
func visit(t *testing.T, address string) int {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func consents(t *testing.T) func(*url.URL) {
	return func(address *url.URL) {
		if status := visit(t, address.String()); status != 200 {
			t.Errorf("the last page has status %d", status)
		}
	}
}

// mustNotTell sees that nothing secret is in a text, of which the state and the challenge,
// which are random, may have any letters.
func mustNotTell(t *testing.T, text string) {
	t.Helper()
	text = regexp.MustCompile(`[\w-]{43,}`).ReplaceAllString(text, "RANDOM")
	for _, hidden := range []string{"c 9f31", "9f31", "r-1", "t-1", "the-code", "hush"} {
		if strings.Contains(text, hidden) {
			t.Errorf("it tells %q: %s", hidden, text)
		}
	}
}

// TestLogin checks every parameter of both requests, for each way in which a client
// authenticates and each place of an authorization endpoint.
func TestLogin(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("relay%2B1:c+9f31"))
	port := fake.FreePort(t)
	discovered := strings.NewReplacer("type: oauth2", "type: openIdConnect", "[{person: []}]", "[{person: [offline_access, orders]}]")
	for name, test := range map[string]struct {
		document, secret    string
		arguments           []string
		authorization, form string
		client              string
	}{
		"client_secret_basic": {loginDocument, loginSecret, nil, "access_type=offline&prompt=consent&scope=read+write", "", basic},
		"client_secret_post": {loginDocument + "      x-keyrelay-client-authentication: client_secret_post\n", loginSecret, nil,
			"access_type=offline&prompt=consent&scope=read+write", "client_id=relay%2B1&client_secret=c+9f31", ""},
		"public client": {loginDocument, `{"person": {"client_id": "relay+1"}}`, nil, "access_type=offline&prompt=consent&scope=read+write", "client_id=relay%2B1", ""},
		"required scopes": {strings.NewReplacer("{person: []}", "{person: [read]}", `write: ""`, `offline_access: ""`).Replace(loginDocument), loginSecret, nil,
			"access_type=offline&prompt=consent&scope=read+offline_access", "", basic},
		"discovery": {regexp.MustCompile(`flows:.*`).ReplaceAllString(discovered.Replace(loginDocument), "openIdConnectUrl: $$API/.well-known/openid-configuration"), loginSecret, nil,
			"scope=openid+offline_access+orders", "", basic},
		"a provider's own redirect URI": {loginDocument, loginSecret, []string{"--redirect", "http://localhost:" + port + "/a/b"},
			"access_type=offline&prompt=consent&scope=read+write&redirect_uri=" + url.QueryEscape("http://localhost:"+port+"/a/b"), "", basic},
		"a redirect URI without a path": {loginDocument, loginSecret, []string{"--redirect", "http://127.0.0.1:" + port},
			"access_type=offline&prompt=consent&scope=read+write&redirect_uri=" + url.QueryEscape("http://127.0.0.1:"+port), "", basic},
	} {
		t.Run(name, func(t *testing.T) {
			secrets, server := startLogin(t, test.secret)
			printed, err := logIn(t, consents(t), append(test.arguments, server.documents(t, test.document), "orders", "person")...)
			if err != nil {
				t.Fatal(err)
			}
			mustNotTell(t, printed)
			got, wanted := server.authorization, mustParse(t, test.authorization)
			challenge, state, redirect := got.Get("code_challenge"), got.Get("state"), got.Get("redirect_uri")
			if !wanted.Has("redirect_uri") && !regexp.MustCompile(`^http://127\.0\.0\.1:[0-9]{2,5}/callback$`).MatchString(redirect) {
				t.Errorf("the redirect URI is %s", redirect)
			}
			for member, value := range map[string]string{"response_type": "code", "client_id": "relay+1", "redirect_uri": redirect, "state": state, "code_challenge": challenge, "code_challenge_method": "S256"} {
				if !wanted.Has(member) {
					wanted.Set(member, value)
				}
			}
			if difference := cmp.Diff(wanted, got); difference != "" {
				t.Errorf("the authorization request (-want +got):\n%s", difference)
			}
			verifier := server.token.Get("code_verifier")
			if digest := sha256.Sum256([]byte(verifier)); len(verifier) < 43 || len(state) < 43 || state == verifier || base64.RawURLEncoding.EncodeToString(digest[:]) != challenge {
				t.Errorf("verifier of %d characters, state of %d, challenge %s", len(verifier), len(state), challenge)
			}
			form := mustParse(t, test.form)
			for member, value := range map[string]string{"grant_type": "authorization_code", "code": "the-code", "redirect_uri": redirect, "code_verifier": verifier} {
				form.Set(member, value)
			}
			if difference := cmp.Diff(form, server.token); difference != "" || server.client != test.client {
				t.Errorf("the token request, by %q (-want +got):\n%s", server.client, difference)
			}
			if kept := strings.Replace(test.secret, `"}`, `","refresh_token":"r-1"}`, 1); secrets.Value("keyrelay/orders") != kept {
				t.Errorf("kept %s, want %s", secrets.Value("keyrelay/orders"), kept)
			}
		})
	}
}

func mustParse(t *testing.T, query string) url.Values {
	t.Helper()
	parsed, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestLoginIntoAFile replaces the refresh token of a file, and that of the member that a
// record would choose.
func TestLoginIntoAFile(t *testing.T) {
	server := startAuthorizationServer(t)
	for _, test := range []struct {
		pointer, member, before, after string
	}{
		{"", "", `{"client_id": "relay", "refresh_token": "old", "more": [1.0]}`, `{"client_id": "relay", "refresh_token": "r-1", "more": [1.0]}`},
		{"", "", `{"clientId": "relay", "refreshToken": "old"}`, `{"clientId": "relay", "refreshToken": "r-1"}`},
		{"#/{org}", "a/b", `{"a": {}, "a/b": {"client_id": "relay"}}`, `{"a": {}, "a/b": {"client_id": "relay","refresh_token":"r-1"}}`},
	} {
		file := writeFile(t, t.TempDir(), "secret", test.before)
		arguments := []string{server.documents(t, loginDocument+`      x-keyrelay-secret: "file:`+file+test.pointer+"\"\n"), "orders", "person"}
		if test.member != "" {
			arguments = append([]string{"--member", test.member}, arguments...)
		}
		printed, err := logIn(t, consents(t), arguments...)
		if err != nil || !strings.Contains(printed, "What the consent gave is in file:"+file) {
			t.Errorf("%v: %s", err, printed)
		}
		mustNotTell(t, printed)
		if kept, _ := os.ReadFile(file); string(kept) != test.after {
			t.Errorf("kept %s, want %s", kept, test.after)
		}
	}
}

// TestLoginAttacked waits on while somebody else sends answers: with another state, to
// another path, under another host, by another method. Only the first answer counts.
func TestLoginAttacked(t *testing.T) {
	_, server := startLogin(t, loginSecret)
	browse := func(address *url.URL) {
		redirect, state := address.Query().Get("redirect_uri"), address.Query().Get("state")
		origin := strings.TrimSuffix(redirect, "/callback")
		for attack, status := range map[string]int{
			redirect + "?code=evil":                                        400,
			redirect + "?code=evil&state=" + state[1:]:                     400,
			redirect + "?code=evil&state=" + state + "&state=" + state:     400,
			redirect + "?code=evil&state=" + state + "0":                   400,
			redirect + "?error=access_denied&state=":                       400,
			redirect + "?code=evil;x&state=" + state:                       400,
			redirect + "/?code=evil&state=" + state:                        404,
			origin + "/?code=evil&state=" + state:                          404,
			origin + "/call%62ack?code=evil&state=" + state:                404,
			origin + "//callback?code=evil&state=" + state:                 404,
			"POST " + redirect + "?code=evil&state=" + state:               404,
			"HEAD " + redirect + "?code=evil&state=" + state:               404,
			"evil.example.com " + redirect + "?code=evil&state=" + state:   404,
			"localhost.evil.example " + redirect + "?code=&state=" + state: 404,
		} {
			if got := attackWith(t, attack); got != status {
				t.Errorf("%s is answered %d, want %d", attack, got, status)
			}
		}
		consents(t)(address)
	}
	if _, err := logIn(t, browse, server.documents(t, loginDocument), "orders", "person"); err != nil || server.token.Get("code") != "the-code" {
		t.Errorf("%v, redeemed %s", err, server.token.Get("code"))
	}
	c := &callback{redirect: &url.URL{Host: "127.0.0.1:1", Path: "/callback"}, state: "s", answers: make(chan url.Values, 3)}
	for _, status := range []int{200, 410, 410} {
		recorder := httptest.NewRecorder()
		c.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1/callback?code=c&state=s", nil))
		if recorder.Code != status {
			t.Errorf("answered %d, want %d", recorder.Code, status)
		}
	}
}

// attackWith sends a request: an address, with a method or a Host before it.
func attackWith(t *testing.T, attack string) int {
	t.Helper()
	method, host := http.MethodGet, ""
	word, address, found := strings.Cut(attack, " ")
	switch {
	case !found:
		address = attack
	case strings.Contains(word, "."):
		host = word
	default:
		method = word
	}
	request, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	request.Host = host
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}
