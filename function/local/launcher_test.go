package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/fake"
)

// A changing is a running workbench with one document and its secret, which change.
type changing struct {
	*running
	t           *testing.T
	folder, api string
}

// startChanging runs the workbench with one document of an API.
func startChanging(t *testing.T, api string) *changing {
	local, relay := built(t)
	made := &changing{t: t, folder: t.TempDir(), api: api}
	if err := os.Mkdir(filepath.Join(made.folder, "apis"), 0o700); err != nil {
		t.Fatal(err)
	}
	made.write("secrets.json", `{"keyrelay/orders": {"key": "the-first-key"}}`)
	made.document("X-Api-Key")
	command := exec.Command(local, "-program", relay, "-destinations", filepath.Join(made.folder, "apis"),
		"-secrets", filepath.Join(made.folder, "secrets.json"), "-log", filepath.Join(made.folder, "run.log"))
	command.Env = append(os.Environ(), "NO_COLOR=1", "PORT=24640")
	made.running = tellStory(t, command)
	return made
}

// write replaces a file at once, as editors do.
func (c *changing) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.folder, "new"), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(c.folder, "new"), filepath.Join(c.folder, name)); err != nil {
		c.t.Fatal(err)
	}
}

// document writes the document, whose key goes into a header of that name.
func (c *changing) document(header string) {
	c.t.Helper()
	c.write("apis/orders.yaml", fmt.Sprintf(`openapi: 3.1.0
info: {title: Orders, version: "1"}
x-keyrelay-network: loopback
servers: [{url: "%s"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: %s}}}
`, c.api, header))
}

// mustTell wants the next lines that are printed to hold texts, in their order.
func (c *changing) mustTell(texts ...string) {
	c.t.Helper()
	told := ""
	for _, text := range texts {
		for !strings.Contains(told, text) {
			line, err := c.lines.ReadString('\n')
			if err != nil {
				c.t.Fatalf("%q is not told, but %s", text, told)
			}
			told += line
		}
		_, told, _ = strings.Cut(told, text)
	}
}

// send sends a record to the API through the relay and returns what it answers.
func (c *changing) send() string {
	_, serves, _ := strings.Cut(c.story, "The relay serves on http://")
	address, _, _ := strings.Cut(serves, ",")
	request, err := http.NewRequest(http.MethodPost, "http://"+address, strings.NewReader(`{"id": 1}`))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Osmos-Outbound-Url", c.api+"/orders")
	return textOf(http.DefaultClient.Do(request))
}

func textOf(answer *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return string(text)
}

// mustSend wants what the API answers to hold a text.
func (c *changing) mustSend(expected string) {
	c.t.Helper()
	if answer := c.send(); !strings.Contains(answer, expected) {
		c.t.Errorf("the answer is %s, without %s", answer, expected)
	}
}

// TestChangedFiles changes the document and the secret of a running workbench: the relay
// starts again, goes on as it was where it cannot, and loses no request that is under way.
func TestChangedFiles(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Held") != "" {
			close(held)
			<-release
		}
		fmt.Fprintf(w, "X-Api-Key: %d bytes, X-Other-Key: %d bytes", len(r.Header.Get("X-Api-Key")), len(r.Header.Get("X-Other-Key")))
	}))
	defer api.Close()
	running := startChanging(t, api.URL)
	running.mustSend("X-Api-Key: 13 bytes")

	running.write("secrets.json", `{"keyrelay/orders": {"key": "the-second-key"}}`)
	running.mustTell("secrets.json was changed, and the relay has started again.\n", "orders    key: header X-Api-Key, from secretsmanager:keyrelay/orders#/key: secret read\n")
	running.mustSend("X-Api-Key: 14 bytes")

	late := make(chan string, 1)
	running.document("X-Held")
	running.mustTell("orders.yaml was changed, and the relay has started again.\n", "header X-Held", "\n")
	go func() { late <- running.send() }()
	<-held
	running.document("X-Other-Key")
	running.mustTell("orders.yaml was changed, and the relay has started again.\n", "header X-Other-Key", "\n")
	running.mustSend("X-Other-Key: 14 bytes")
	close(release)
	if answer := <-late; !strings.HasPrefix(answer, "X-Api-Key: 0 bytes") {
		t.Errorf("a request that was under way is answered by %s", answer)
	}

	running.write("apis/orders.yaml", "openapi: 3.1.0\nsevers: []\n")
	running.mustTell("orders.yaml was changed, and the relay goes on as it was, since it cannot start with that:\n", "orders.yaml:2:1: ", "\n")
	running.mustSend("X-Other-Key: 14 bytes")
	if page := textOf(http.Get(running.page)); !strings.Contains(page, "cannot start with that:") || !strings.Contains(page, "orders.yaml:2:1: ") {
		t.Errorf("the page does not show the fault: %s", page)
	}
	running.write("secrets.json", "{")
	running.mustTell("secrets.json was changed, and the relay goes on as it was", "secrets.json:1:", "\n")

	running.write("secrets.json", `{"keyrelay/orders": {"key": "the-third"}}`)
	running.mustTell("secrets.json was changed, and the relay goes on as it was", "orders.yaml:2:1: ", "\n")
	running.document("X-Api-Key")
	running.mustTell("orders.yaml was changed, and the relay has started again.\n", "secret read\n")
	running.mustSend("X-Api-Key: 9 bytes")
	running.write("apis/more.yaml", "openapi: 3.1.0\nservers: [{url: 'https://more.example'}]\n")
	running.mustTell("more.yaml was changed, and the relay has started again.\n", "secret read\n")
	if err := os.Remove(filepath.Join(running.folder, "apis/more.yaml")); err != nil {
		t.Fatal(err)
	}
	running.mustTell("more.yaml was changed, and the relay has started again.\n", "secret read\n")
	if page := textOf(http.Get(running.page)); strings.Contains(page, "cannot start with that:") {
		t.Error("the page still shows the fault")
	}
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustBeOver(t)
}

// TestReplacedPage ends the stream of an open page when another has taken its place, so
// that it comes back to that.
func TestReplacedPage(t *testing.T) {
	running := startChanging(t, "http://127.0.0.1:1")
	watched, err := http.Get(strings.Replace(running.page, "/?", "/watch?", 1))
	if err != nil {
		t.Fatal(err)
	}
	running.document("X-Other-Key")
	if text := textOf(watched, nil); !strings.HasPrefix(text, "retry: 300\n") {
		t.Errorf("the page is told %q", text)
	}
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustBeOver(t)
}

// startRotating runs the workbench with an API that rotates the refresh token of a person
// with each use. It takes the last one, and other. It has been sent a record with the first;
// consented changes the document to one of another title.
func startRotating(t *testing.T, valid *string, other string) (running *changing, consented func(title string)) {
	var mutex sync.Mutex
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		switch {
		case r.URL.Path != "/token":
			fmt.Fprint(w, "taken")
		case r.FormValue("refresh_token") == *valid || r.FormValue("refresh_token") == other:
			*valid += "x"
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token": "token-for-%s", "expires_in": 3600, "refresh_token": %q}`, *valid, *valid)
		default:
			http.Error(w, `{"error": "invalid_grant"}`, http.StatusBadRequest)
		}
	}))
	t.Cleanup(api.Close)
	running = startChanging(t, api.URL)
	consented = func(title string) {
		running.write("apis/orders.yaml", fmt.Sprintf(`openapi: 3.1.0
info: {title: %s, version: "1"}
x-keyrelay-network: loopback
servers: [{url: "%s"}]
security: [{person: []}]
components: {securitySchemes: {person: {type: oauth2, x-keyrelay-secret: "secretsmanager:keyrelay/orders", flows: {authorizationCode: {authorizationUrl: "%[2]s/authorize", tokenUrl: "%[2]s/token", scopes: {}}}}}}
`, title, api.URL))
		running.mustTell("orders.yaml was changed, and the relay has started again.\n", "orders ", "\n")
	}
	running.write("secrets.json", fmt.Sprintf(consent, "refresh-1", 1))
	running.mustTell("secrets.json was changed, and the relay has started again.\n", "\n")
	consented("Orders")
	running.mustSend("taken")
	return running, consented
}

const consent = `{"keyrelay/orders": {"client_id": "a", "client_secret": "b", "refresh_token": "%s"}, "keyrelay/more": "%d"}`

// TestWrittenSecrets changes a document after an API has rotated a refresh token: what was
// written back stays, until the file itself says another.
func TestWrittenSecrets(t *testing.T) {
	valid := "refresh-1"
	running, consented := startRotating(t, &valid, "refresh-by-hand")
	consented("Other orders")
	running.mustSend("taken")
	running.write("secrets.json", fmt.Sprintf(consent, "refresh-1", 2))
	running.mustTell("secrets.json was changed, and the relay has started again.\n", "\n")
	running.mustSend("taken")
	running.write("secrets.json", fmt.Sprintf(consent, "refresh-by-hand", 2))
	running.mustTell("secrets.json was changed, and the relay has started again.\n", "\n")
	running.mustSend("taken")
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustTell("An API has replaced a part of keyrelay/orders, which is in ", "secrets.json now.\n")
	running.mustBeOver(t)
	kept, err := os.ReadFile(filepath.Join(running.folder, "secrets.json"))
	if want := fmt.Sprintf(consent, valid, 2); err != nil || string(kept) != want {
		t.Errorf("the file is %s, %v, and not %s", kept, err, want)
	}
}

// TestLostSecrets says that a rotated refresh token is lost where the file of secrets cannot
// be read any more when the workbench ends.
func TestLostSecrets(t *testing.T) {
	valid := "refresh-1"
	running, _ := startRotating(t, &valid, "")
	running.write("secrets.json", `{"keyrelay/orders": `)
	running.mustTell("secrets.json was changed, and the relay goes on as it was")
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustTell("An API has replaced a part of keyrelay/orders, and ", "secrets.json could not be written: get a new one before the next start.\n")
	running.mustBeOver(t)
}

// TestLogin shows that a secret has what it lacked once a login has written it, and the
// relay uses it.
func TestLogin(t *testing.T) {
	valid := "refresh-1"
	running, _ := startRotating(t, &valid, "refresh-of-the-login")
	running.write("secrets.json", `{"keyrelay/orders": {"client_id": "a", "client_secret": "b"}}`)
	running.mustTell("secrets.json was changed, and the relay has started again.\n", " dist/keyrelay login ", "\n")
	if answer := running.send(); !strings.Contains(answer, "refresh_token") {
		t.Errorf("the answer is %s", answer)
	}
	_, endpoint, _ := strings.Cut(textOf(http.Get(running.page)), "AWS_ENDPOINT_URL_SECRETS_MANAGER=")
	endpoint, _, _ = strings.Cut(endpoint, " ")
	client, _ := fake.Connect(endpoint, nil)(t.Context())
	written := `{"client_id": "a", "client_secret": "b", "refresh_token": "refresh-of-the-login"}`
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("keyrelay/orders"), SecretString: &written}); err != nil {
		t.Fatal(err)
	}
	running.mustTell("A secret was changed, and the relay has started again.\n", "orders    person: ", ": secret read\n")
	if page := textOf(http.Get(running.page)); strings.Contains(page, "keyrelay login") || !strings.Contains(page, "all secrets read") {
		t.Errorf("the page still shows the fault: %s", page)
	}
	running.mustSend("taken")
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustBeOver(t)
}

// TestUnusedSecrets has a relay that goes on as it was go on with its secrets too.
func TestUnusedSecrets(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized) // the secret is read again
		fmt.Fprintf(w, "%d bytes", len(r.Header.Get("X-Api-Key")))
	}))
	defer api.Close()
	running := startChanging(t, api.URL)
	running.write("apis/orders.yaml", "openapi: 3.1.0\nsevers: []\n")
	running.mustTell("orders.yaml was changed, and the relay goes on as it was", "orders.yaml:2:1: ", "\n")
	running.write("secrets.json", `{"keyrelay/orders": {"key": "another"}}`)
	running.mustTell("secrets.json was changed, and the relay goes on as it was", "orders.yaml:2:1: ", "\n")
	running.mustSend("13 bytes")
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustBeOver(t)
}

// TestEarlierSecrets keeps a secret off the page that an earlier request has brought back,
// after the file has another.
func TestEarlierSecrets(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the key is "+r.Header.Get("X-Api-Key"))
	}))
	defer api.Close()
	running := startChanging(t, api.URL)
	running.mustSend("the key is the-first-key")
	shown := func() string {
		return textOf(http.Get(strings.Replace(running.page, "/?", "/exchange?id=1&", 1)))
	}
	if page := shown(); !strings.Contains(page, "the key is ***") {
		t.Errorf("the page shows %s", page)
	}
	running.write("secrets.json", `{"keyrelay/orders": {"key": "the-second-key"}}`)
	running.mustTell("secrets.json was changed, and the relay has started again.\n", "\n")
	running.document("X-Other-Key")
	running.mustTell("orders.yaml was changed, and the relay has started again.\n", "\n")
	if page := shown(); !strings.Contains(page, "the key is ***") {
		t.Errorf("the page shows %s", page)
	}
	_ = running.command.Process.Signal(os.Interrupt)
	running.mustBeOver(t)
}
