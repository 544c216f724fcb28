package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPeer retrieves tokens from an OAuth 2.0 server that others wrote, and calls an
// API that has that server check them. The token is revoked there, and the next
// request is refused, repeated once with another token, and carried out once.
func TestPeer(t *testing.T) {
	issuer := startProvider(t)
	api := &introspectingAPI{issuer: issuer}
	downstream := httptest.NewServer(api)
	defer downstream.Close()
	folder := t.TempDir()
	oauth := func(more string) string {
		return "{type: oauth2, flows: {clientCredentials: {tokenUrl: " + issuer + "/token, scopes: {orders.write: Write orders}}}, " + more + "}"
	}
	writePeer(t, folder, downstream.URL, "basic", oauth("x-keyrelay-secret: 'env:BASIC'"))
	writePeer(t, folder, downstream.URL, "post", oauth("x-keyrelay-client-authentication: client_secret_post, x-keyrelay-secret: 'env:POST'"))
	writePeer(t, folder, downstream.URL, "discovery", "{type: openIdConnect, openIdConnectUrl: "+issuer+"/.well-known/openid-configuration, x-keyrelay-secret: 'env:BASIC'}")
	writePeer(t, folder, downstream.URL, "stranger", oauth("x-keyrelay-secret: 'env:STRANGER'"))
	relay, log := startLoggingRelay(t, folder, "BASIC="+clientOf("relay"), "POST="+clientOf("relay-post"), `STRANGER={"client_id": "relay", "client_secret": "a wrong one"}`)

	for name, client := range map[string]string{"basic": "relay", "post": "relay-post", "discovery": "relay"} {
		t.Run(name, func(t *testing.T) {
			api.forget()
			mustOrder(t, relay, downstream.URL+"/"+name, 201)
			mustOrder(t, relay, downstream.URL+"/"+name, 201)
			first := api.last()
			revoke(t, issuer, client, first)
			mustOrder(t, relay, downstream.URL+"/"+name, 201)
			second := api.last()
			if first == second {
				t.Error("the token is still the revoked one")
			}
			want := []delivery{{first, true}, {first, true}, {first, false}, {second, true}}
			if difference := cmp.Diff(want, api.deliveries); difference != "" {
				t.Errorf("deliveries (-want +got):\n%s", difference)
			}
		})
	}
	t.Run("stranger", func(t *testing.T) {
		if text := mustOrder(t, relay, downstream.URL+"/stranger", 502); !strings.Contains(text, "retrieval-failed") {
			t.Error(text)
		}
		for line := range log {
			if strings.Contains(line, "does not accept the client") {
				return
			}
		}
		t.Error("the log does not say why")
	})
}

// clientOf is the secret of a client that testdata/provider.mjs knows.
func clientOf(id string) string {
	return fmt.Sprintf(`{"client_id": %q, "client_secret": %q}`, id, secretOf(id))
}

func secretOf(id string) string { return "secret of " + id + ": 100% + more" }

// startProvider starts the server and returns its issuer.
func startProvider(t *testing.T) string {
	t.Helper()
	provider := command(t, nil, "node", ".ci/e2e/testdata/provider.mjs", filepath.Join(root(t), ".tools", "peer"))
	issuer, _ := startPrinting(t, provider)
	return strings.TrimSpace(issuer)
}

// startRelay serves the documents of a folder and returns the relay's URL.
func startRelay(t *testing.T, folder string, environment ...string) string {
	t.Helper()
	address, _ := startLoggingRelay(t, folder, environment...)
	return address
}

// startLoggingRelay is startRelay that returns the log too.
func startLoggingRelay(t *testing.T, folder string, environment ...string) (address string, log <-chan string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "keyrelay")
	output(t, command(t, nil, "go", "build", "-o", program, "./function"))
	line, log := startPrinting(t, command(t, append(environment, "PORT=127.0.0.1:0", "KEYRELAY_DESTINATIONS="+folder), program))
	for { // there may be warnings before
		var entry struct{ Message, Address string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("the relay does not serve: %s", line)
		}
		if entry.Message == "serving" {
			return "http://" + entry.Address, log
		}
		line = <-log
	}
}

// startPrinting runs a program until the test ends. It returns the first line that the
// program prints, and the others, of which those are lost that nobody reads in time: a
// program never waits for its reader.
func startPrinting(t *testing.T, prepared *exec.Cmd) (first string, others <-chan string) {
	t.Helper()
	printed, err := prepared.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	prepared.Stderr = os.Stderr
	if err := prepared.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(printed)
	first, err = reader.ReadString('\n')
	if err != nil {
		_ = prepared.Wait()
		t.Fatalf("%s prints nothing: %v", strings.Join(prepared.Args, " "), err)
	}
	lines, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(lines)
		for err == nil {
			var line string
			line, err = reader.ReadString('\n')
			select {
			case lines <- line:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = prepared.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = prepared.Wait()
	})
	return first, lines
}

// writePeer declares an API with one security scheme.
func writePeer(t *testing.T, folder, downstream, name, scheme string) {
	t.Helper()
	document := "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: " + downstream + "/" + name + "}]\n" +
		"x-keyrelay-network: loopback\nsecurity: [{peer: [orders.write]}]\ncomponents:\n  securitySchemes:\n    peer: " + scheme + "\n"
	if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mustOrder sends an unsafe request through the relay and returns the answer's body.
func mustOrder(t *testing.T, relay, outbound string, status int) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, relay, strings.NewReader(`{"amount": 1.10}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Osmos-Outbound-Url", outbound)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != status {
		t.Errorf("%s answers %d, want %d: %s", outbound, answer.StatusCode, status, text)
	}
	return string(text)
}

// revoke takes a token back (RFC 7009).
func revoke(t *testing.T, issuer, client, token string) {
	t.Helper()
	form := url.Values{"token": {token}, "client_id": {client}, "client_secret": {secretOf(client)}}
	request, err := http.NewRequest(http.MethodPost, issuer+"/token/revocation", nil)
	if err != nil {
		t.Fatal(err)
	}
	if client == "relay" {
		form = url.Values{"token": {token}}
		request.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secretOf(client)))
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Body = io.NopCloser(strings.NewReader(form.Encode()))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the revocation was answered %d", answer.StatusCode)
	}
}

// An introspectingAPI has the server that issues tokens check each one (RFC 7662).
type introspectingAPI struct {
	issuer     string
	mutex      sync.Mutex
	deliveries []delivery
}

// A delivery is a request that reached the API.
type delivery struct {
	Token   string
	Carried bool
}

func (a *introspectingAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	active := a.active(token)
	a.mutex.Lock()
	a.deliveries = append(a.deliveries, delivery{token, active})
	a.mutex.Unlock()
	if !active {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (a *introspectingAPI) active(token string) bool {
	request, err := http.NewRequest(http.MethodPost, a.issuer+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("api", url.QueryEscape(secretOf("api")))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct {
		Active bool
		Scope  string
	}
	return json.NewDecoder(answer.Body).Decode(&said) == nil && said.Active && slices.Contains(strings.Fields(said.Scope), "orders.write")
}

func (a *introspectingAPI) forget() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.deliveries = nil
}

// last is the token that came last.
func (a *introspectingAPI) last() string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if len(a.deliveries) == 0 {
		return ""
	}
	return a.deliveries[len(a.deliveries)-1].Token
}
