package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestMain builds this program and the relay once, as `make run` builds them.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "keyrelay-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Setenv(builtFolder, folder); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// builtFolder names the environment variable with the folder of what was built.
const builtFolder = "LOCAL_TEST_BUILT"

// built returns this program and the relay.
func built(t *testing.T) (local, relay string) {
	t.Helper()
	folder := os.Getenv(builtFolder)
	local, relay = filepath.Join(folder, "local"), filepath.Join(folder, "keyrelay")
	for program, source := range map[string]string{local: ".", relay: ".."} {
		if _, err := os.Stat(program); err == nil {
			continue
		}
		if text, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	return local, relay
}

// A running is a program whose output is read up to the address of its page.
type running struct {
	command *exec.Cmd
	lines   *bufio.Reader
	// story is all that it printed, try the command in it, and page the address.
	story, try, page string
}

func tellStory(t *testing.T, command *exec.Cmd) *running {
	t.Helper()
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	told := &running{command: command, lines: bufio.NewReader(output)}
	for {
		line, err := told.lines.ReadString('\n')
		line = strings.ReplaceAll(line, "\r\n", "\n") // a terminal's line breaks
		if err != nil {
			t.Fatalf("it prints no address: %v\n%s", err, told.story)
		}
		told.story += line
		if strings.HasPrefix(line, "curl ") {
			told.try = line
		}
		if address, found := strings.CutPrefix(line, "Workbench: "); found {
			told.page = strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "", "\n", "").Replace(address)
			return told
		}
	}
}

// mustBeOver wants the exit to be clean and nothing to serve the page any more, and
// returns what was printed behind its address.
func (r *running) mustBeOver(t *testing.T) string {
	t.Helper()
	rest, _ := io.ReadAll(r.lines)
	if err := r.command.Wait(); err != nil {
		t.Errorf("the exit is not clean: %v\n%s", err, rest)
	}
	// Another program may have the port by now, to which this page's token says nothing.
	if answer, err := http.Get(r.page); err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Error("something still serves the page")
		}
	}
	return string(rest)
}

// TestStory runs everything where the usual ports may be taken, and holds the story to
// its chapters and its length, the command to what it does, and the end to leaving nothing.
func TestStory(t *testing.T) {
	local, relay := built(t)
	for port := relayPort; port <= pagePort; port++ {
		if taken, err := open(loopback, port); err == nil && port != secretsPort {
			defer taken.Close()
		}
	}
	log := filepath.Join(t.TempDir(), "run.log")
	command := exec.Command(local, "-program", relay, "-events", filepath.Join("..", "..", "events"), "-log", log)
	told := tellStory(t, command)
	mustHold(t, told.story,
		"Port 8081 is in use by another program, so the downstream is at 80",
		"Port 8080 is in use by another program, so the relay is at 80",
		"Port 8083 is in use by another program, so the page is at 80",
		"1  A record's fields become query parameters, and the key is attached\n",
		`record    {"customer":"c-42","region":["emea","apac"],"order":12345678901234567890,`,
		"X-Osmos-Query-Param-Fields: customer, region  X-Osmos-Outbound-Url: http://127.0.0.1:80", "/post?source=osmos\n",
		"sent      POST /post?source=osmos&customer=c-42&region=emea&region=apac  X-Api-Key: ***\n",
		`{"order":12345678901234567890,"amount":19.90,"note":"two \u20ac sheets"}`,
		"answer    200 OK",
		"2  An API with short-lived keys: one is retrieved first\n",
		"sent      POST /shop/keys, and gets key 1: 200 OK\n", "with key 1: 201 Created\n   answer    201 Created  {\"order\":1}",
		"3  The key is kept: no retrieval\n   sent      POST /shop/orders?", "with key 1: 201 Created\n   answer    201 Created  {\"order\":2}",
		"4  The API takes its key back: a 401, another key, and the request once more\n   sent      POST /shop/orders?",
		", 72 bytes, with key 1: 401 Unauthorized\n             POST /shop/keys, and gets key 2: 200 OK\n             POST /shop/orders?",
		", 72 bytes, with key 2: 201 Created\n   answer    201 Created  {\"order\":3}",
		"5  The document says where fields go, and shapes the body\n",
		"/depot/{depot}/shipments\n",
		`POST /depot/zh%2F1/shipments?customer=c-42&region=emea {"reference":12345678901234567890,"to":{"city":"Bern"},"label":"1.50 kg to Bern"}`,
		"answer    201 Created  {\"shipment\":1}",
		"6  A batch is split, and the answer tells what became of each record\n", "  X-Osmos-Outbound-Url: http://127.0.0.1:80", "/depot/{depot}/shipments\n",
		`POST /depot/zh%2F1/shipments?customer=c-43&region=apac {"reference":2,"to":{"city":"Atlantis"},"label":"3 kg to Atlantis"}`,
		`results: [{"status":201,"body":{"shipment":2}},{"status":422,"body":{"error":"no such city"}}]`,
		"7  The API is down, and Prefer: respond-async: accepted now, delivered at the second try\n   answer    202 Accepted  {\"id\":\"",
		`"label":"1.50 kg to Bern"}: 503 Service Unavailable, and then 201 Created`,
		"   depot     no credential\n",
		"   sample    apiKey: header X-Api-Key, from secretsmanager:keyrelay/sample#/api_key: secret read\n",
		"   shop      session: header X-Session-Key, from a call to http://127.0.0.1:80",
		" until Ctrl-C", "curl -sS http://127.0.0.1:80", "Workbench: http://127.0.0.1:80",
	)
	if count := strings.Count(told.story, "\n"); count > 40 {
		t.Errorf("the story has %d lines", count)
	}
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{sampleKey, shopPassword, "sample-session-key", "\x1b"} {
		if strings.Contains(told.story, secret) || bytes.Contains(logged, []byte(secret)) {
			t.Errorf("the story or the log shows %q", secret)
		}
	}
	if warnings := bytes.Count(logged, []byte(`"level":"WARN"`)); warnings != 1 || bytes.Count(logged, []byte(`"outcome":"retried"`)) != 1 {
		t.Errorf("what went well is logged as a warning, or the delivery that failed is not:\n%s", logged)
	}
	mustAnswer(t, told.try)
	if err := told.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if rest := told.mustBeOver(t); rest != "" {
		t.Errorf("the address of the page is not the last thing that it prints, but %q", rest)
	}
}

// mustHold wants texts in their order.
func mustHold(t *testing.T, story string, texts ...string) {
	t.Helper()
	rest := story
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("after what was found so far, the story does not say %q:\n%s", text, story)
		}
		rest = after
	}
}

// mustAnswer pastes the command into a shell.
func mustAnswer(t *testing.T, try string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("there is no curl here, so the command was not tried")
		return
	}
	text, err := exec.Command("sh", "-c", try).CombinedOutput()
	if err != nil || !bytes.Contains(text, []byte(`{\"amount\":19.90}`)) {
		t.Errorf("%s%v\n%s", try, err, text)
	}
}

// TestOwnDocuments runs documents of one's own, with secrets from a file, the
// environment and another file, and says of each whether it could be read.
func TestOwnDocuments(t *testing.T) {
	local, relay := built(t)
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "documents"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, reference := range map[string]string{
		"a": "secretsmanager:keyrelay/a#/key", "b": "secretsmanager:keyrelay/b#/key", "c": "secretsmanager:keyrelay/a#/missing",
		"d": "env:OWN_KEY", "e": "file:" + filepath.Join(folder, "key"),
	} {
		write("documents/"+name+".yaml", fmt.Sprintf(`openapi: 3.1.0
info: {title: %s, version: "1"}
servers: [{url: "https://%[1]s.example"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: http, scheme: bearer, x-keyrelay-secret: "%s"}}}
`, name, reference))
	}
	write("documents/f.yaml", `openapi: 3.1.0
servers: [{url: "https://f.example"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: oauth2, x-keyrelay-secret: "secretsmanager:keyrelay/f", flows: {clientCredentials: {tokenUrl: "https://f.example/token", scopes: {}}}}}}
`)
	write("documents/g.yaml", `openapi: 3.1.0
servers: [{url: "https://g.example"}]
components: {securitySchemes: {key: {type: http, scheme: bearer, x-keyrelay-secret: "env:OWN_KEY"}}}
`)
	write("key", "from-a-file\n")
	write("secrets.json", `{"keyrelay/a": {"key": "from-secrets"}, "keyrelay/f": {"client_id": "me", "client_secrt": "from-secrets"}}`)
	command := exec.Command(local, "-program", relay, "-destinations", filepath.Join(folder, "documents"),
		"-secrets", filepath.Join(folder, "secrets.json"), "-log", filepath.Join(folder, "run.log"))
	command.Env = append(os.Environ(), "OWN_KEY=from-the-environment", "NO_COLOR=1", "PORT=24610")
	told := tellStory(t, command)
	mustHold(t, told.story,
		"a         key: bearer token in Authorization, from secretsmanager:keyrelay/a#/key: secret read\n",
		"b         key: bearer token in Authorization, from secretsmanager:keyrelay/b#/key: ", `secrets.json has no member "keyrelay/b"`, "\n",
		"c         key: bearer token in Authorization, from secretsmanager:keyrelay/a#/missing: ", "no value at its pointer",
		"d         key: bearer token in Authorization, from env:OWN_KEY: secret read\n",
		"e         key: bearer token in Authorization, from file:", ": secret read\n",
		"f         key: ", "from a call to https://f.example/token with secretsmanager:keyrelay/f: The secret secretsmanager:keyrelay/f of the security scheme key has no member client_secret", "\n",
		"g         no credential\n", "g.yaml:3:85: no security names key, so that no request is given its credential", "Workbench: ")
	logged, err := os.ReadFile(filepath.Join(folder, "run.log"))
	if err != nil || !bytes.Contains(logged, []byte("secrets.json stands in for AWS Secrets Manager")) {
		t.Errorf("%v: the log does not name the file of secrets: %s", err, logged)
	}
	for _, secret := range []string{"from-secrets", "from-the-environment", "from-a-file"} {
		if strings.Contains(told.story, secret) {
			t.Errorf("the story shows %s", secret)
		}
	}
	_, serves, _ := strings.Cut(told.story, "The relay serves on http://")
	address, _, _ := strings.Cut(serves, ",")
	if !strings.HasPrefix(address, "127.0.0.1:246") || !bytes.Contains(logged, []byte(`"message":"serving"`)) || !bytes.Contains(logged, []byte(`"address":"`+address+`"`)) {
		t.Errorf("the relay is at %s, and the log says: %s", address, logged)
	}
	_ = told.command.Process.Signal(os.Interrupt)
	told.mustBeOver(t)
}

// TestDescribe says what each kind of scheme is made of, and what is called for it.
func TestDescribe(t *testing.T) {
	folder := t.TempDir()
	document := `openapi: 3.1.0
servers: [{url: "https://a.example"}]
components:
  securitySchemes:
    role: {type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4}
    keys: {type: apiKey, in: header, name: Authorization, x-keyrelay-sigv4: {service: es, region: eu-central-1}, x-keyrelay-secret: "env:AWS"}
    client: {type: oauth2, x-keyrelay-secret: "env:CLIENT", flows: {clientCredentials: {tokenUrl: /token, scopes: {}}}}
    found: {type: openIdConnect, openIdConnectUrl: /discovery, x-keyrelay-secret: "env:CLIENT"}
    query: {type: apiKey, in: query, name: appid, x-keyrelay-secret: "env:KEY"}
    shared: {type: apiKey, in: header, name: X-Csrf, x-keyrelay-retrieval: client, x-keyrelay-value: "{{{csrf}}}"}
`
	if err := os.WriteFile(filepath.Join(folder, "a.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, _, err := (&surroundings{folder: folder}).documents()
	if err != nil {
		t.Fatal(err)
	}
	for name, expected := range map[string]string{
		"role":   "AWS signature in Authorization, by this process's own AWS credentials; ",
		"keys":   "AWS signature in Authorization; env:AWS",
		"client": "access token in Authorization; a call to https://a.example/token with env:CLIENT",
		"found":  "access token in Authorization; a call to https://a.example/discovery with env:CLIENT",
		"query":  "query appid; env:KEY",
		"shared": "header X-Csrf; a call to https://a.example/token with env:CLIENT",
	} {
		made := describe(set.Destinations()[0].Schemes[name])
		if told := made.What + "; " + made.From(); told != expected {
			t.Errorf("%s is %q", name, told)
		}
	}
}

// TestMakeRun runs `make run` at a terminal and presses Ctrl-C: make exits cleanly too,
// and the story is coloured.
func TestMakeRun(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil || runtime.GOOS != "linux" {
		t.Skip("a terminal is made with script of util-linux, which is not here")
	}
	command := exec.Command("script", "--quiet", "--return", "--command", "make -C ../.. run", os.DevNull)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=")
	keyboard, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	told := tellStory(t, command)
	if !strings.Contains(told.story, "\x1b[1m1  A record's fields") {
		t.Errorf("the story has no colours:\n%q", told.story)
	}
	if _, err := io.WriteString(keyboard, "\x03"); err != nil {
		t.Fatal(err)
	}
	told.mustBeOver(t)
}
