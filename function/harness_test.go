package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/relay"
)

// roleVariable makes the test binary be the program itself.
const roleVariable = "KEYRELAY_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "program" {
		_ = os.Unsetenv(roleVariable) // it is no setting of the program
		main()
		os.Exit(0)
	}
	code := m.Run()
	_ = os.RemoveAll(lambdaFolder())
	os.Exit(code)
}

// program returns the keyrelay program with an environment of its own.
func program(arguments []string, environment ...string) *exec.Cmd {
	command := exec.Command(os.Args[0], arguments...)
	// The race detector would wait a second at the end of each process.
	command.Env = append(environment, roleVariable+"=program", "GORACE=atexit_sleep_ms=0")
	return command
}

// startProgram starts a program that is killed at the end of the test, and returns what it prints.
func startProgram(t *testing.T, command *exec.Cmd) *bufio.Reader {
	t.Helper()
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	return bufio.NewReader(output)
}

// awaitServing starts a program and reads its log until it serves.
func awaitServing(t *testing.T, command *exec.Cmd) {
	t.Helper()
	output := startProgram(t, command)
	line, err := output.ReadBytes('\n')
	if err != nil || !json.Valid(line) || !bytes.Contains(line, []byte("serving")) {
		t.Fatalf("the program does not serve: %s %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
}

// serveOpen has the program serve callers who have callerKey, on one document without a credential.
func serveOpen(t *testing.T, command *exec.Cmd, downstream string) (port string) {
	t.Helper()
	port = fake.FreePort(t)
	command.Env = append(command.Env, "PORT="+port, "KEYRELAY_CALLER_KEYS=env:CALLERS", "CALLERS="+callerKey, "KEYRELAY_DESTINATIONS="+writeDocuments(t, openDocument(downstream)))
	awaitServing(t, command)
	return port
}

// callerKey is the key of the callers that have one.
const callerKey = "the-key-of-a-caller"

// newCall makes what a caller sends to an address of the text of an HTTP request whose
// target is the outbound URL.
func newCall(address, text string) *http.Request {
	head, body, _ := strings.Cut(text, "\n\n")
	method, rest, _ := strings.Cut(head, " ")
	target, fields, _ := strings.Cut(rest, "\n")
	request := httptest.NewRequest(method, address, strings.NewReader(strings.TrimSuffix(body, "\n")))
	request.RequestURI = "" // it is a client's
	request.Header.Set("X-Osmos-Outbound-Url", target)
	for line := range strings.Lines(fields) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			request.Header.Set(name, value)
		}
	}
	return request
}

// call sends a text, as of newCall, to a relay in this process.
func call(relay http.Handler, text string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	relay.ServeHTTP(answer, newCall("/", text))
	return answer
}

// callAt sends a text, as of newCall, to the program at a port. The body is read whole.
func callAt(port, text string) (answer *http.Response, body string, err error) {
	answer, err = http.DefaultTransport.RoundTrip(newCall("http://127.0.0.1:"+port+"/", text))
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	whole, err := io.ReadAll(answer.Body)
	return answer, string(whole), err
}

// relayed sends a GET through the program and returns status and body, or why there are none.
func relayed(port, downstream, key string) string {
	answer, body, err := callAt(port, "GET "+downstream+"/\nX-Api-Key: "+key)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(answer.Status[:4] + body)
}

// wired builds the relay on the documents of a folder, as settings say.
func wired(t *testing.T, folder string, settings map[string]string) *relay.Relay {
	t.Helper()
	pairs := map[string]string{"KEYRELAY_DESTINATIONS": folder}
	maps.Copy(pairs, settings)
	read, err := readSettings(environment(pairs))
	if err != nil {
		t.Fatal(err)
	}
	made, err := wire(read, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// writeFile writes a file and returns its name.
func writeFile(t *testing.T, folder, name, text string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// writeRoots writes the certificate of a server as the roots that a client trusts.
func writeRoots(t *testing.T, server *httptest.Server) string {
	t.Helper()
	return writeFile(t, t.TempDir(), "roots.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
}

// writeDocuments writes documents as api.yaml, api1.yaml and so on into a folder of their own.
func writeDocuments(t *testing.T, documents ...string) string {
	t.Helper()
	folder := t.TempDir()
	for i, each := range documents {
		writeFile(t, folder, fmt.Sprintf("api%s.yaml", strings.TrimPrefix(strconv.Itoa(i), "0")), each)
	}
	return folder
}

// writeOrders writes a document as orders.yaml, whose secret is keyrelay/orders unless it says otherwise.
func writeOrders(t *testing.T, document string) string {
	t.Helper()
	return filepath.Dir(writeFile(t, t.TempDir(), "orders.yaml", document))
}

// openDocument declares an API without a credential.
func openDocument(downstream string) string {
	return "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: '" + downstream + "'}]\nx-keyrelay-network: loopback\n"
}

// secretDocument declares an API with one key.
func secretDocument(reference string) string {
	return `openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: "https://api.example.com"}]
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key, x-keyrelay-secret: "` + reference + `"}
`
}
