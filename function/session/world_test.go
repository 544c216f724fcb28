package session_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
	"keyrelay/function/session"
	"keyrelay/function/upstream"
)

// A world is a checker with what it talks to.
type world struct {
	provider    *fake.API
	secrets     *fake.Secrets
	checker     *session.Checker
	destination *destination.Destination
	url         string
}

// newWorld has a real network between its parts.
func newWorld(t testing.TB, secrets map[string]string, answer fake.Handler) *world {
	w := newParts(secrets, answer)
	w.url = fake.Serve(t, w.provider)
	w.forget(t)
	return w
}

// forget makes a checker that has read nothing yet.
func (w *world) forget(t testing.TB) {
	store := secret.New(secret.Config{SecretsManager: fake.Connect(fake.Serve(t, w.secrets), nil)})
	w.checkWith(store, upstream.New(store).Call)
}

// newBubble has none, so that it works on a clock of its own.
func newBubble(secrets map[string]string, answer fake.Handler) *world {
	w := newParts(secrets, answer)
	w.url = "http://provider.test"
	store := secret.New(secret.Config{SecretsManager: w.secrets.Client, MaxAge: time.Hour})
	w.checkWith(store, fake.Direct{Handler: w.provider}.Call)
	return w
}

func newParts(secrets map[string]string, answer fake.Handler) *world {
	return &world{
		provider:    fake.NewAPI(answer),
		secrets:     fake.NewSecrets(secrets),
		destination: &destination.Destination{Name: "orders", Network: destination.Loopback, AuxiliaryTimeout: 10 * time.Second},
	}
}

func (w *world) checkWith(secrets *secret.Store, call upstream.CallFunc) {
	w.checker = session.New(secrets, credential.New(secrets, call, nil), call)
}

func (w *world) at(path string) *url.URL {
	parsed, err := url.Parse(w.url + path)
	if err != nil {
		panic(err)
	}
	return parsed
}

func (w *world) mustHaveRetrieved(t testing.TB, times int) {
	t.Helper()
	if got := w.provider.Calls(); got != times {
		t.Errorf("%d calls, want %d", got, times)
	}
}

func mustHaveCalls(t testing.TB, e *fake.Secrets, want int) {
	t.Helper()
	if got := e.TakeCalls(); got != want {
		t.Errorf("%d calls, want %d", got, want)
	}
}

func managed(name string, pointer rawjson.Pointer) destination.Reference {
	return destination.Reference{Provider: "secretsmanager", Name: name, Pointer: pointer}
}

// header is a scheme whose key goes into a header.
func header(reference destination.Reference) *destination.SecurityScheme {
	return &destination.SecurityScheme{Name: "partnerKey", Kind: destination.StaticKey, In: "header", Field: "X-Partner-Key", Secret: reference}
}

// secretFile is a file with this text.
func secretFile(t testing.TB, text string) destination.Reference {
	reference := destination.Reference{Provider: "file", Name: filepath.Join(t.TempDir(), "secret")}
	writeSecret(t, reference, text)
	return reference
}

func writeSecret(t testing.TB, reference destination.Reference, text string) {
	t.Helper()
	if err := os.WriteFile(reference.Name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
