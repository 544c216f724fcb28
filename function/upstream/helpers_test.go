package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// newClient returns a Client that is closed with the test.
func newClient(t testing.TB, secrets *secret.Store) *upstream.Client {
	client := upstream.New(secrets)
	t.Cleanup(client.Close)
	return client
}

// onLoopback returns a destination whose network is this machine.
func onLoopback() *destination.Destination {
	return &destination.Destination{Name: "test", Title: "Test", Network: destination.Loopback, AuxiliaryTimeout: time.Minute}
}

// newPlan returns the plan of one request; no body for "".
func newPlan(t testing.TB, d *destination.Destination, method, target, body string) *plan.Plan {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	outbound := &plan.Plan{
		Destination: d,
		Operation:   &destination.Operation{Timeout: time.Minute},
		Method:      method,
		URL:         parsed,
		Header:      http.Header{"Content-Type": {"application/json"}},
	}
	if body != "" {
		outbound.Body = []byte(body)
	}
	return outbound
}

// send sends the plan on a Client of its own.
func send(t testing.TB, outbound *plan.Plan) (*gateway.Response, error) {
	t.Helper()
	return newClient(t, nil).Send(context.Background(), outbound, nil, nil, nil)
}

// get makes a call besides the outbound one.
func get(t testing.TB, client *upstream.Client, d *destination.Destination, target string) (*upstream.Answer, error) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return client.Call(context.Background(), d, request, nil, 1<<10)
}

// serve starts an HTTP server that ends with the test.
func serve(t testing.TB, handle http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server
}

// listen starts a server that handles each connection by hand, and returns its URL.
// The connection is closed when handle returns, and at the end of the test.
func listen(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { listener.Close(); cancel(); group.Wait() })
	group.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				stop := context.AfterFunc(ctx, func() { connection.Close() })
				handle(connection)
				stop()
				connection.Close()
			})
		}
	})
	return "http://" + listener.Addr().String() + "/"
}

// answering returns a connection handler that reads one request, writes the text and closes.
func answering(text string) func(net.Conn) {
	return func(connection net.Conn) {
		if readRequest(bufio.NewReader(connection)) == nil {
			io.WriteString(connection, text)
		}
	}
}

// readRequest reads one whole request.
func readRequest(reader *bufio.Reader) error {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err
}

// untilClosed waits for the peer to close.
func untilClosed(connection net.Conn) { io.Copy(io.Discard, connection) }

// reset makes the closing of a connection a reset.
func reset(connection net.Conn) { connection.(*net.TCPConn).SetLinger(0) }

// mustRefuse checks that an error is a refusal with this reason, and returns it.
func mustRefuse(t testing.TB, err, reason error) *gateway.Refusal {
	t.Helper()
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("error is %T (%v), want a *gateway.Refusal", err, err)
	}
	if refusal.Reason != reason {
		t.Fatalf("reason is %q (%s; cause %v), want %q", refusal.Reason, refusal.Detail, refusal.Cause, reason)
	}
	return refusal
}

// refusalOf returns the refusal in an error, nil for none.
func refusalOf(err error) *gateway.Refusal {
	var refusal *gateway.Refusal
	errors.As(err, &refusal)
	return refusal
}

// quietLog keeps what a server says of hostile clients out of the test's output.
func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
