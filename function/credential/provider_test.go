package credential_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/plan"
)

// A provider is an API that hands out keys and tokens.
type provider struct {
	mutex    sync.Mutex
	received []string
	// answer answers the call of that number, counted from 1.
	answer func(call int, w http.ResponseWriter, r *http.Request)
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	p.mutex.Lock()
	p.received = append(p.received, requestText(r, body))
	call := len(p.received)
	p.mutex.Unlock()
	p.answer(call, w, r)
}

func (p *provider) calls() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.received)
}

func requestText(r *http.Request, body []byte) string {
	lines := []string{}
	for name, values := range r.Header {
		if name != "Content-Length" {
			lines = append(lines, name+": "+strings.Join(values, "|")+"\n")
		}
	}
	slices.Sort(lines)
	return r.Method + " " + r.URL.RequestURI() + "\n" + strings.Join(lines, "") + "\n" + string(body)
}

// numbered answers with a token that bears the call's number and lives for the seconds.
func numbered(seconds int) func(int, http.ResponseWriter, *http.Request) {
	return func(call int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token": "token-number-%d", "token_type": "bearer", "expires_in": %d}`, call, seconds)
	}
}

// says answers with a body of a media type.
func says(status int, mediaType, body string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if mediaType != "" {
			w.Header().Set("Content-Type", mediaType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// A world is a store with what it talks to.
type world struct {
	provider    *provider
	secrets     *endpoint
	store       *credential.Store
	destination *destination.Destination
	url         string
}

// newWorld has a real network between its parts.
func newWorld(t testing.TB, secrets map[string]string, answer func(int, http.ResponseWriter, *http.Request)) *world {
	w := &world{provider: &provider{answer: answer}, secrets: newEndpoint(secrets)}
	server := httptest.NewServer(w.provider)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.url = server.URL
	w.build(credential.Config{SecretsManager: w.secrets.serve(t), HTTPClient: func(*destination.Destination) *http.Client { return client }})
	return w
}

// newBubble has none, so that it works on a clock of its own.
func newBubble(secrets map[string]string, answer func(int, http.ResponseWriter, *http.Request)) *world {
	w := &world{provider: &provider{answer: answer}, secrets: newEndpoint(secrets), url: "http://provider.test"}
	client := &http.Client{Transport: handlerClient{w.provider}}
	w.build(credential.Config{SecretsManager: w.secrets.direct(), SecretMaxAge: time.Hour, HTTPClient: func(*destination.Destination) *http.Client { return client }})
	return w
}

func (w *world) build(config credential.Config) {
	w.store = credential.New(config)
	w.destination = &destination.Destination{Name: "orders", Network: destination.Loopback, AuxiliaryTimeout: 10 * time.Second}
}

func (w *world) at(path string) *url.URL {
	parsed, err := url.Parse(w.url + path)
	if err != nil {
		panic(err)
	}
	return parsed
}

// oauth is a scheme with the client credentials flow.
func (w *world) oauth() *destination.SecurityScheme {
	return &destination.SecurityScheme{
		Name: "oauth", Kind: destination.OAuth2, In: "header", Field: "Authorization",
		Secret: managed("client", ""), RefreshOn: []destination.RefreshRule{{Status: 401}},
		Flow: &destination.Flow{GrantType: "client_credentials", TokenURL: w.at("/token")},
	}
}

// client is the secret of an oauth scheme.
const client = `{"client_id": "the-client", "client_secret": "the-client-secret"}`

// session is a scheme with a dynamic key.
func (w *world) session(pointer destination.Pointer) *destination.SecurityScheme {
	return &destination.SecurityScheme{
		Name: "session", Kind: destination.RetrievedKey, In: "header", Field: "X-Session",
		RefreshOn: []destination.RefreshRule{{Status: 401}}, RequestContentType: "application/json",
		Retrieval: &destination.Retrieval{Method: "POST", URL: w.at("/key"), ResponsePointer: pointer},
	}
}

func (w *world) plan(schemes ...*destination.SecurityScheme) *plan.Plan {
	outbound := planWith(schemes...)
	outbound.Destination = w.destination
	return outbound
}

// sent is the header of a request that holds the credential.
func sent(held *credential.Credential) http.Header {
	request := &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "api.example.com", Path: "/"}, Header: http.Header{}}
	held.Apply(request)
	return request.Header
}

// mustAuthorize gets the credential and compares its Authorization.
func (w *world) mustAuthorize(t testing.TB, outbound *plan.Plan, want string) *credential.Credential {
	t.Helper()
	held := mustGet(t, w.store, outbound)
	if got := sent(held).Get("Authorization"); got != want {
		t.Errorf("Authorization is %q, want %q", got, want)
	}
	return held
}

func (w *world) mustHaveRetrieved(t testing.TB, times int) {
	t.Helper()
	if got := w.provider.calls(); got != times {
		t.Errorf("%d retrievals, want %d", got, times)
	}
}
