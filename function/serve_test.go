package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/gateway"
)

// A pipeListener hands out the far ends of pipes, so that a server's time limits run on a test's clock.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
}

// Accept waits for the next connection.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.connections:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

// Addr is an address of no network.
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// TestIdleCallers sees when the server gives up a caller who stops in the middle of
// its header, of its body, or after its request.
func TestIdleCallers(t *testing.T) {
	for name, test := range map[string]struct {
		sends string
		limit time.Duration
	}{
		"nothing":         {"", headerTime},
		"half a header":   {"POST / HTTP/1.1\r\nHost: relay\r\n", headerTime},
		"half a body":     {"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 10\r\n\r\n{", requestTime},
		"nothing further": {"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}", idleTime},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { mustBeGivenUp(t, test.sends, test.limit) }) })
	}
}

// mustBeGivenUp sends a part of a request and sees how long the server keeps the connection.
func mustBeGivenUp(t *testing.T, sends string, limit time.Duration) {
	listener := &pipeListener{connections: make(chan net.Conn), closed: make(chan struct{})}
	stop, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- serveHTTP(stop, slog.New(slog.DiscardHandler), gateway.Listen(listener, nil), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	}()
	caller, server := net.Pipe()
	listener.connections <- server
	began := time.Now()
	go func() { _, _ = io.WriteString(caller, sends) }()
	if _, err := io.Copy(io.Discard, caller); err != nil {
		t.Error(err)
	}
	// A body that does not come is waited for as long as its request may take, and half a second for its connection to close.
	if kept := time.Since(began); kept < limit || kept > limit+time.Second {
		t.Errorf("the connection was kept for %s, not %s", kept, limit)
	}
	_ = caller.Close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
