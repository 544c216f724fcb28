package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// TestRetrievalGuard sees that a retrieval goes no further than the outbound call
// may: a document for the internet reaches no key endpoint on this machine, be it
// by address or by a name that leads there.
func TestRetrievalGuard(t *testing.T) {
	var connections atomic.Int64
	inside := httptest.NewUnstartedServer(http.NotFoundHandler())
	inside.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	inside.StartTLS()
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost"} {
		for kind, scheme := range map[string]string{
			"key":       `{type: apiKey, in: header, name: X-Key, x-itential-dynamic-retrieval: {method: POST, url: "https://%s/key", responsePointer: ""}}`,
			"token":     `{type: oauth2, flows: {clientCredentials: {tokenUrl: "https://%s/token", scopes: {}}}, x-keyrelay-secret: "env:GUARD_CLIENT"}`,
			"discovery": `{type: openIdConnect, openIdConnectUrl: "https://%s/.well-known/openid-configuration", x-keyrelay-secret: "env:GUARD_CLIENT"}`,
		} {
			t.Setenv("GUARD_CLIENT", `{"client_id": "relay", "client_secret": "client-secret"}`)
			document := "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://api.example.com'}]\n" +
				"security: [{scheme: []}]\ncomponents: {securitySchemes: {scheme: " + fmt.Sprintf(scheme, net.JoinHostPort(host, port)) + "}}\n"
			if host != "localhost" { // what an address tells is told at the start
				if _, err := destination.Load(writeDocuments(t, document), destination.Config{}); err == nil || !strings.Contains(err.Error(), "names an address that is not on the network public") {
					t.Errorf("%s at %s: %v", kind, host, err)
				}
				continue
			}
			answer := call(gateway.HTTP(wired(t, writeDocuments(t, document), nil)), "POST https://api.example.com/orders\nContent-Type: application/json\n\n{}")
			if answer.Code != http.StatusBadGateway || !strings.Contains(answer.Body.String(), "retrieval-failed") {
				t.Errorf("%s at %s: %d %s", kind, host, answer.Code, answer.Body)
			}
		}
	}
	if made := connections.Load(); made != 0 {
		t.Errorf("%d connections were made to this machine", made)
	}
}

// TestFailingEndpoint sees that an endpoint that fails is left alone for as long as
// it asks for: 100 callers at once and one
// more are refused, and told when to come back.
func TestFailingEndpoint(t *testing.T) {
	var asked, reached atomic.Int64
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/key" {
			reached.Add(1)
			return
		}
		asked.Add(1)
		w.Header().Set("Retry-After", "1200")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer downstream.Close()
	document := openDocument(downstream.URL) + "security: [{key: []}]\ncomponents: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key, " +
		"x-itential-dynamic-retrieval: {method: GET, url: '" + downstream.URL + "/key', responsePointer: ''}}}}\n"
	relay := gateway.HTTP(wired(t, writeDocuments(t, document), nil))
	refused := func() {
		answer := call(relay, "POST "+downstream.URL+"/orders\nContent-Type: application/json\n\n{}")
		if answer.Code != http.StatusBadGateway || !strings.HasPrefix(answer.Header().Get("Retry-After"), "1") {
			t.Errorf("%d, Retry-After %q: %s", answer.Code, answer.Header().Get("Retry-After"), answer.Body)
		}
	}
	var waiting sync.WaitGroup
	for range 100 {
		waiting.Go(refused)
	}
	waiting.Wait()
	refused()
	if asked.Load() != 1 || reached.Load() != 0 {
		t.Errorf("the endpoint was asked %d times, the API %d times", asked.Load(), reached.Load())
	}
}
