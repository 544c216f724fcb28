package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
)

// TestServeAndDrain starts the program, has its health checked, and sends SIGTERM
// while a request is under way: that request is still answered, and the exit is clean.
func TestServeAndDrain(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-answer
		_, _ = io.WriteString(w, "late but whole")
	}))
	defer downstream.Close()
	port := fake.FreePort(t)
	environment := []string{"PORT=" + port, "KEYRELAY_CALLER_KEYS=env:CALLERS", "CALLERS=the-key-of-the-caller", "KEYRELAY_DESTINATIONS=" + writeDocuments(t, openDocument(downstream.URL))}
	command := program(nil, environment...)
	awaitServing(t, command)
	if text, err := program([]string{"healthcheck"}, environment...).CombinedOutput(); err != nil {
		t.Fatalf("healthcheck: %v %s", err, text)
	}
	if head, err := http.Head("http://127.0.0.1:" + port + "/healthz"); err != nil || head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %v %v", head, err)
	}
	body := make(chan string)
	go func() { body <- relayed(port, downstream.URL, "the-key-of-the-caller") }()
	select {
	case <-arrived:
	case got := <-body:
		t.Fatalf("the request did not arrive: %s", got)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(answer)
	if got := <-body; got != "200 late but whole" {
		t.Errorf("the request under way got %q", got)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the exit was not clean: %v", err)
	}
}

// TestStartFaults sees that what stops a start is said in words to fix it by.
func TestStartFaults(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	good := writeDocuments(t, openDocument("http://127.0.0.1:9"))
	queued := []string{"PORT=127.0.0.1:0", "KEYRELAY_QUEUE=" + queueURL, "KEYRELAY_DEAD_QUEUE=" + queueURL + "-dead"}
	for name, test := range map[string]struct {
		arguments   []string
		environment []string
		want        string
	}{
		"port in use":        {nil, []string{"PORT=" + port, "KEYRELAY_CALLER_KEYS=none", "KEYRELAY_DESTINATIONS=" + good}, "in use by another program"},
		"no folder":          {nil, []string{"KEYRELAY_DESTINATIONS=/nowhere/at/all"}, "/nowhere/at/all"},
		"caller key unset":   {nil, []string{"PORT=" + port, "KEYRELAY_CALLER_KEYS=env:NOT_SET", "KEYRELAY_DESTINATIONS=" + good}, "KEYRELAY_CALLER_KEYS"},
		"loopback in Lambda": {nil, []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9", "KEYRELAY_DESTINATIONS=" + good}, "loopback is open to nobody in AWS Lambda"},
		"wider than allowed": {nil, []string{"PORT=127.0.0.1:0", "KEYRELAY_NETWORKS=private", "KEYRELAY_DESTINATIONS=" + good}, "the network loopback is wider than documents may ask for here"},
		"usage":              {[]string{"serve"}, nil, "usage: keyrelay"},
		"misspelt":           {nil, []string{"KEYRELAY_DESTINATION=" + good}, "KEYRELAY_DESTINATION is not a setting"},
		"not for Lambda":     {[]string{"check", "--for", "lambda", writeDocuments(t, secretDocument("env:ORDERS_KEY"))}, nil, "api.yaml:7:69: the function will not have the environment variable ORDERS_KEY"},
		"no file in Lambda":  {[]string{"check", "--for", "lambda", writeDocuments(t, secretDocument("file:/run/key"))}, nil, "api.yaml:7:69: the function will not have the file /run/key"},
		"faulty document":    {[]string{"check", writeDocuments(t, "openapi: 3.1.0\n")}, nil, "api.yaml:1:1"},
		"nobody serves":      {[]string{"healthcheck"}, []string{"PORT=1"}, "http://127.0.0.1:1/healthz does not answer"},
		"no caller keys":     {nil, []string{"PORT=127.0.0.1:0", "KEYRELAY_CALLER_KEYS=env:CALLERS", "CALLERS=[]", "KEYRELAY_DESTINATIONS=" + good}, "KEYRELAY_CALLER_KEYS: The secret env:CALLERS holds no keys"},
		"queue, no region":   {nil, append(queued, "KEYRELAY_DESTINATIONS="+good), "KEYRELAY_QUEUE is set, but cannot be reached, since no AWS region is set"},
		"queue, no profile":  {nil, append(queued, "AWS_PROFILE=absent", "KEYRELAY_DESTINATIONS="+good), "KEYRELAY_QUEUE is set, but cannot be reached, since the AWS configuration of this process is broken"},
		"table, no region": {nil, []string{"PORT=127.0.0.1:0", "KEYRELAY_TOKEN_TABLE=tokens", "KEYRELAY_TOKEN_KEY=secretsmanager:key", "KEYRELAY_DESTINATIONS=" + good},
			"KEYRELAY_TOKEN_TABLE is set, but cannot be reached, since no AWS region is set"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := program(test.arguments, test.environment...).CombinedOutput()
			if err == nil || !strings.Contains(string(text), test.want) {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
}

// TestStartEntries sees the log entry of a start, and of one that is refused.
func TestStartEntries(t *testing.T) {
	command := program(nil, "PORT="+fake.FreePort(t), "KEYRELAY_CALLER_KEYS=none", "KEYRELAY_DESTINATIONS="+writeDocuments(t, openDocument("http://127.0.0.1:9")))
	line, _ := startProgram(t, command).ReadString('\n')
	if !regexp.MustCompile(`"message":"serving","version":"unknown","folder":"[^"]+","documents":1,"credentials":\d+,"networks":\["loopback"\],"address":"[^"]+"`).MatchString(line) {
		t.Errorf("the start is logged as %s", line)
	}
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for said, environment := range map[string][]string{
		"/nowhere/at/all":           {"KEYRELAY_DESTINATIONS=/nowhere/at/all"},
		"in use by another program": {"PORT=" + port, "KEYRELAY_CALLER_KEYS=none", "KEYRELAY_DESTINATIONS=" + writeDocuments(t, openDocument("http://127.0.0.1:9"))},
	} {
		refused, _ := program(nil, environment...).Output()
		var entry struct{ Level, Message, Problem, Blame, Detail string }
		if err := json.Unmarshal(refused, &entry); err != nil || entry.Level != "ERROR" || entry.Problem != "start-refused" || entry.Blame != "keyrelay" || !strings.Contains(entry.Detail, said) {
			t.Errorf("a refused start is logged as %s", refused)
		}
	}
}

// TestStartWarns sees the warning of a refresh token that cannot be kept, whatever the
// flow, and none for a client's secret or a refresh token in a file; and that of schemes that no security names.
func TestStartWarns(t *testing.T) {
	file := writeFile(t, t.TempDir(), "client", `{"refresh_token": "hush"}`)
	document := openDocument("http://127.0.0.1:9") + `components:
  securitySchemes:
    within: {type: oauth2, flows: {clientCredentials: {tokenUrl: /token, scopes: {}}}, x-keyrelay-secret: "env:CLIENTS#/a/b"}
    whole: {type: openIdConnect, openIdConnectUrl: /discovery, x-keyrelay-secret: "env:CLIENT"}
    client: {type: oauth2, flows: {clientCredentials: {tokenUrl: /token, scopes: {}}}, x-keyrelay-secret: "env:CLIENTS#/c"}
    file: {type: oauth2, flows: {password: {tokenUrl: /token, scopes: {}}}, x-keyrelay-secret: "file:` + file + `"}
`
	command := program(nil, "PORT="+fake.FreePort(t), "KEYRELAY_CALLER_KEYS=none", "KEYRELAY_DESTINATIONS="+writeDocuments(t, document),
		`CLIENT={"refresh_token": "hush"}`, `CLIENTS={"a": {"b": {"refresh_token": "hush"}}, "c": {"client_id": "hush", "client_secret": "hush"}}`)
	lines := startProgram(t, command)
	for _, says := range []string{"The refresh token of api whole is", "The refresh token of api within is", "no security names within", "no security names whole", "no security names client", "no security names file", `"message":"serving"`} {
		line, _ := lines.ReadString('\n')
		if !json.Valid([]byte(line)) || !strings.Contains(line, says) || strings.Contains(line, "hush") {
			t.Errorf("the start says %s, want %q", line, says)
		}
	}
}

// TestUnreadableSecret starts the program as a user who may not read a secret's file.
func TestUnreadableSecret(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program as another user")
	}
	folder := writeDocuments(t, "")
	for above := folder; above != os.TempDir(); above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(folder, "key")
	test, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		content []byte
		mode    os.FileMode
	}{"program": {test, 0o755}, "key": {[]byte("hush"), 0o600}, "api.yaml": {[]byte(secretDocument("file:" + key)), 0o644}} {
		if err := os.WriteFile(filepath.Join(folder, name), file.content, file.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(folder, name), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	command := program(nil, "KEYRELAY_DESTINATIONS="+folder)
	command.Path = filepath.Join(folder, "program")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if text, err := command.CombinedOutput(); err == nil || !strings.Contains(string(text), "api.yaml:7:69: the file "+key+" cannot be read by the user") {
		t.Errorf("%v: %s", err, text)
	}
}

// TestVersion sees that the program says what it is made of.
func TestVersion(t *testing.T) {
	text, err := program([]string{"version"}).Output()
	if err != nil || !strings.HasPrefix(string(text), "keyrelay unknown go1.") || !strings.Contains(string(text), "\ncode.dny.dev/ssrf v") {
		t.Errorf("%v: %s", err, text)
	}
}

// TestSampleDocuments sees that the documents that a deploy carries start in AWS,
// and that what a clone deploys without a change calls no public host.
func TestSampleDocuments(t *testing.T) {
	for _, folder := range []string{"../destinations", "../examples"} {
		if text, err := program([]string{"check", folder}).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	}
	set, err := destination.Load("../destinations", destination.Config{RealLambda: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range set.Destinations() {
		if each.Network == destination.Public {
			t.Errorf("%s is deployed with every clone, and calls hosts of the internet", each.Name)
		}
	}
}
