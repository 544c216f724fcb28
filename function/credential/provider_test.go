package credential_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// newStore returns a Store whose retrievals go over the network.
func newStore(config secret.Config) *credential.Store {
	secrets := secret.New(config)
	return credential.New(secrets, upstream.New(secrets).Call, nil)
}

// storeOn returns a Store whose secrets are those of the endpoint.
func storeOn(t testing.TB, e *fake.Secrets) *credential.Store {
	return newStore(secret.Config{SecretsManager: fake.Connect(fake.Serve(t, e), nil)})
}

// A world is a store with what it talks to.
type world struct {
	provider    *fake.API
	secrets     *fake.Secrets
	store       *credential.Store
	destination *destination.Destination
	url         string
}

// newWorld has a real network between its parts.
func newWorld(t testing.TB, secrets map[string]string, answer fake.Handler) *world {
	w := newParts(secrets, answer)
	w.url = fake.Serve(t, w.provider)
	w.store = storeOn(t, w.secrets)
	return w
}

// newBubble has none, so that it works on a clock of its own.
func newBubble(secrets map[string]string, answer fake.Handler) *world {
	w := newParts(secrets, answer)
	w.url = "http://provider.test"
	w.callBy(fake.Direct{Handler: w.provider}.Call)
	return w
}

func newParts(secrets map[string]string, answer fake.Handler) *world {
	return &world{
		provider:    fake.NewAPI(answer),
		secrets:     fake.NewSecrets(secrets),
		destination: &destination.Destination{Name: "orders", Network: destination.Loopback, AuxiliaryTimeout: 10 * time.Second},
	}
}

// callBy makes the store anew, without a network.
func (w *world) callBy(call upstream.CallFunc) {
	secrets := secret.New(secret.Config{SecretsManager: w.secrets.Client, MaxAge: time.Hour})
	w.store = credential.New(secrets, call, nil)
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
func (w *world) session(pointer rawjson.Pointer) *destination.SecurityScheme {
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
func sent(used *credential.Credential) http.Header {
	request := &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "api.example.com", Path: "/"}, Header: http.Header{}}
	used.Apply(request)
	return request.Header
}

// mustAuthorize gets the credential and compares its Authorization.
func (w *world) mustAuthorize(t testing.TB, outbound *plan.Plan, want string) *credential.Credential {
	t.Helper()
	used := mustGet(t, w.store, outbound)
	if got := sent(used).Get("Authorization"); got != want {
		t.Errorf("Authorization is %q, want %q", got, want)
	}
	return used
}

// received are the provider's requests so far, as texts.
func (w *world) received() []string {
	var texts []string
	for _, request := range w.provider.Take() {
		texts = append(texts, request.String())
	}
	return texts
}

func (w *world) mustHaveRetrieved(t testing.TB, times int) {
	t.Helper()
	if got := w.provider.Calls(); got != times {
		t.Errorf("%d retrievals, want %d", got, times)
	}
}
