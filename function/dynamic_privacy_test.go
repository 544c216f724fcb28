package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"keyrelay/function/fake"
)

// canary stands in everything that a retrieval sends and is answered with.
const canary = "canary"

// An indiscretion is an endpoint of a retrieval whose answer holds canaries, and
// the status that the caller gets for it.
type indiscretion struct {
	status   int
	endpoint http.HandlerFunc
}

func indiscretions() map[string]indiscretion {
	return map[string]indiscretion{
		"failure":       {502, canaries(500, "X-Detail", `{"error": "canary"}`)},
		"refusal":       {502, canaries(401, "WWW-Authenticate", `{"error": "canary", "error_description": "canary"}`)},
		"invalid":       {502, canaries(400, "X-Detail", `{"error": "invalid_client", "error_description": "canary"}`)},
		"redirect":      {502, canaries(302, "Location", "canary")},
		"empty":         {502, canaries(200, "X-Detail", `{"canary": "canary"}`)},
		"page":          {502, canaries(200, "X-Detail", "<p>canary")},
		"line break":    {502, canaries(200, "X-Detail", `{"key": "canary-key-of-session\r\ncanary: 1"}`)},
		"life":          {200, canaries(200, "X-Detail", `{"key": "canary-key-of-session", "expires_in": "canary"}`)},
		"long":          {502, canaries(200, "X-Detail", strings.Repeat("canary", 64<<10))},
		"broken off":    {502, spoken("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"key\": \"canary")},
		"not HTTP":      {502, spoken("canary canary\r\n\r\n")},
		"silent":        {504, silent},
		"one too many":  {200, spoken("HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{\"key\": \"canary-key-of-session\"}HTTP/1.1 200 OK\r\ncanary: canary\r\n\r\n")},
		"as it must be": {200, canaries(200, "X-Detail", `{"key": "canary-key-of-session"}`)},
	}
}

func canaries(status int, field, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set(field, canary)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// spoken answers with bytes that net/http would not send.
func spoken(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(connection, answer)
		_ = connection.Close()
	}
}

// TestRetrievalPrivacy sees that nothing of a retrieval gets out, whatever its
// endpoint answers: not to the caller, and not into what the program prints.
func TestRetrievalPrivacy(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s", r.RequestURI, r.Header) // the key and where it stands
	})
	downstream := httptest.NewServer(mux)
	defer downstream.Close()
	folder := t.TempDir()
	cases := indiscretions()
	for name, each := range cases {
		path := strings.ReplaceAll(name, " ", "-")
		mux.HandleFunc("/key/"+path, each.endpoint)
		writeCanaries(t, folder, path, downstream.URL, downstream.URL+"/key/"+path)
	}
	cases["unreachable"] = indiscretion{status: 502}
	writeCanaries(t, folder, "unreachable", downstream.URL, "http://127.0.0.1:1/key")
	port, stop := startCaptured(t, "KEYRELAY_DESTINATIONS="+folder, `CANARIES={"password": "canary-password", "user": "canary-user", "token": "canary-token"}`)
	for name, each := range cases {
		answer, body, err := callAt(port, "POST "+downstream.URL+"/api/"+strings.ReplaceAll(name, " ", "-")+"\nContent-Type: application/json\n\n{}")
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(answer.Header, body); answer.StatusCode != each.status || strings.Contains(got, canary) {
			t.Errorf("%s: want status %d without a canary, got %s\n%s", name, each.status, answer.Status, got)
		}
	}
	text := stop()
	if strings.Contains(text, canary) || strings.Count(text, `"message":"request"`) != len(cases) {
		t.Errorf("%d requests, and the program printed\n%s", len(cases), text)
	}
}

// startCaptured starts the program. stop ends it, and returns all that it printed
// but the line that says that it serves.
func startCaptured(t *testing.T, environment ...string) (port string, stop func() string) {
	t.Helper()
	port = fake.FreePort(t)
	command := program(nil, append(environment, "PORT="+port, "KEYRELAY_CALLER_KEYS=none")...)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	lines := startProgram(t, command)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return port, func() string {
		_ = command.Process.Signal(syscall.SIGTERM)
		printed, _ := io.ReadAll(lines)
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
		return string(printed) + complaints.String()
	}
}

// writeCanaries declares an API whose retrieval sends canaries everywhere.
func writeCanaries(t *testing.T, folder, name, downstream, endpoint string) {
	t.Helper()
	writeFile(t, folder, name+".yaml", `openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: "`+downstream+`/api/`+name+`"}]
x-keyrelay-network: loopback
x-keyrelay-timeout: 1
security: [{session: []}]
components:
  securitySchemes:
    session:
      type: apiKey
      in: header
      name: X-Session
      x-itential-dynamic-retrieval: {method: POST, url: "`+endpoint+`", responsePointer: /key}
      x-itential-parameters:
        - {name: password, in: query, x-itential-use-in: [key]}
        - {name: user, in: body, x-itential-use-in: [key]}
        - {name: token, in: header, x-itential-use-in: [key]}
      x-keyrelay-expires-in: /expires_in
      x-keyrelay-secret: env:CANARIES
`)
}
