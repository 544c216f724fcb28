package upstream_test

import (
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"keyrelay/function/destination"
)

// An event is a state that a server sees a connection in, and its other end.
type event struct {
	state http.ConnState
	from  string
}

// watched starts a server that tells what becomes of its connections, and answers
// with the other end of the request's.
func watched(t *testing.T, secure bool) (*httptest.Server, chan event) {
	events := make(chan event, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
	server.Config.ErrorLog = quietLog()
	server.Config.ConnState = func(connection net.Conn, state http.ConnState) {
		events <- event{state, connection.RemoteAddr().String()}
	}
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, events
}

// origin is what Connect takes.
func origin(t *testing.T, target string) *url.URL {
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestConnect makes a connection that the first request uses, and sends nothing on it.
func TestConnect(t *testing.T) {
	for _, secure := range []bool{false, true} {
		used := false
		// net/http takes a moment to put the connection where requests find it.
		for attempt := 0; !used && attempt < 20; attempt++ {
			used = usesEarlyConnection(t, secure)
		}
		if !used {
			t.Errorf("secure %v: the first request never uses the connection that was made for it", secure)
		}
	}
}

func usesEarlyConnection(t *testing.T, secure bool) bool {
	server, events := watched(t, secure)
	client, d := newClient(t, nil), onLoopback()
	if secure {
		client, d = withRoots(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	}
	client.Connect(t.Context(), d, origin(t, server.URL))
	early := <-events
	if early.state != http.StateNew || len(events) > 0 { // a byte of a request would make it active
		t.Errorf("secure %v: the connection was not left alone", secure)
	}
	answer, err := client.Send(t.Context(), newPlan(t, d, "POST", server.URL, "{}"), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer.Body) == early.from
}

// TestConnectObeysTheGuard connects to no address that requests to the destination may not reach.
func TestConnectObeysTheGuard(t *testing.T) {
	server, events := watched(t, false)
	d := onLoopback()
	d.Network = destination.Public
	newClient(t, nil).Connect(t.Context(), d, origin(t, server.URL))
	server.Close() // no connection is on its way any more
	if len(events) > 0 {
		t.Errorf("a closed address was connected to: %v", (<-events).state)
	}
}

// TestConnectFails ends with its context where nobody answers, at once where nobody
// listens, and leaves the destination to its requests.
func TestConnectFails(t *testing.T) {
	connected, left := make(chan struct{}), make(chan struct{})
	silent := listen(t, func(connection net.Conn) {
		close(connected)
		untilClosed(connection)
		close(left)
	})
	client, d := newClient(t, nil), onLoopback()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-connected; cancel() }()
	client.Connect(ctx, d, origin(t, "https"+strings.TrimPrefix(silent, "http")))
	<-left
	server, _ := watched(t, false)
	client.Connect(t.Context(), d, origin(t, "http://127.0.0.1:1"))
	client.Connect(t.Context(), d, &url.URL{})
	client.Connect(ctx, d, origin(t, server.URL))
	if _, err := client.Send(t.Context(), newPlan(t, d, "GET", server.URL, ""), nil, nil, nil); err != nil {
		t.Error(err)
	}
}
