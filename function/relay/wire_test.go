package relay_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"keyrelay/function/gateway"
)

// A wireRequest is a request as its bytes are: fields in their order, with bytes that net/http would tidy up.
type wireRequest struct {
	fields [][2]string
	body   []byte
}

// raw is a POST to the API, with names and values of further fields.
func (s *stage) raw(path, body string, fields ...string) wireRequest {
	request := wireRequest{[][2]string{{"X-Osmos-Outbound-Url", "http://" + s.api.host + path}}, []byte(body)}
	for pair := range slices.Chunk(fields, 2) {
		request.fields = append(request.fields, [2]string(pair))
	}
	return request
}

// throughAll sends a request through every front end: payload format 1.0 of a REST
// API and of an HTTP API, format 2.0 of an HTTP API and of a function URL, and HTTP.
// plain says that a body goes into an event as a text, not as base64.
func (s *stage) throughAll(request wireRequest, plain bool) map[string]answer {
	s.t.Helper()
	answers := map[string]answer{"HTTP": s.overHTTP(request)}
	for name, event := range eventsOf(request, plain) {
		payload, err := json.Marshal(event)
		if err != nil {
			s.t.Fatal(err)
		}
		answers[name] = readAnswer(s.t, s.invoke(s.t.Context(), payload))
	}
	return answers
}

func eventsOf(request wireRequest, plain bool) map[string]map[string]any {
	body, encoded := base64.StdEncoding.EncodeToString(request.body), true
	if plain {
		body, encoded = string(request.body), false
	}
	many, joined := map[string][]string{}, map[string]string{}
	for _, field := range request.fields {
		many[field[0]] = append(many[field[0]], field[1])
		joined[strings.ToLower(field[0])] = strings.Join(many[field[0]], ",")
	}
	v2 := func(stage string) map[string]any {
		return map[string]any{"version": "2.0", "rawPath": "/", "headers": joined, "body": body, "isBase64Encoded": encoded,
			"requestContext": map[string]any{"stage": stage, "http": map[string]string{"method": "POST", "path": "/"}}}
	}
	events := map[string]map[string]any{
		"REST API": {"resource": "/", "path": "/", "httpMethod": "POST", "multiValueHeaders": many, "body": body, "isBase64Encoded": encoded},
		"HTTP API, format 1.0": {"version": "1.0", "resource": "$default", "path": "/prod/", "httpMethod": "POST", "headers": joined, "multiValueHeaders": many,
			"body": body, "isBase64Encoded": encoded, "requestContext": map[string]any{"stage": "prod"}},
		"HTTP API": v2("prod"), "function URL": v2("$default"),
	}
	events["HTTP API"]["rawPath"] = "/prod/"
	return events
}

func (s *stage) overHTTP(request wireRequest) answer {
	s.t.Helper()
	var text bytes.Buffer
	text.WriteString("POST / HTTP/1.1\r\nHost: relay\r\n")
	for _, field := range request.fields {
		fmt.Fprintf(&text, "%s: %s\r\n", field[0], field[1])
	}
	fmt.Fprintf(&text, "Content-Length: %d\r\n\r\n%s", len(request.body), request.body)
	return exchange(s.t, serving(s.t, s.handler), text.String())
}

// serving serves a handler on a port of this machine, and returns its address.
func serving(t testing.TB, handler gateway.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(gateway.HTTP(handler))
	listener := gateway.Listen(server.Listener, handler)
	server.Listener, server.Config.ConnState, server.Config.MaxHeaderBytes = listener, listener.ConnState, gateway.MaxHeaderBytes
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// exchange sends these bytes and reads one answer.
func exchange(t testing.TB, address, text string) answer {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	go func() { _, _ = io.WriteString(connection, text) }()
	got, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return newAnswer(got.StatusCode, got.Header, body)
}
