package upstream_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"keyrelay/function/plan"
	"keyrelay/function/upstream"
)

const emptyAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// A moment is when a server drops a kept connection.
type moment struct {
	name string
	// drop is called with the second request on its way on a kept connection.
	drop func(net.Conn, *bufio.Reader)
	// begun says that the answer had begun, so that not even a GET is sent again.
	begun bool
}

func readHeader(connection net.Conn, reader *bufio.Reader) { http.ReadRequest(reader) }

func moments() []moment {
	return []moment{
		{name: "at the first byte", drop: func(_ net.Conn, r *bufio.Reader) { r.ReadByte() }},
		{name: "at the first byte, reset", drop: func(c net.Conn, r *bufio.Reader) { r.ReadByte(); reset(c) }},
		{name: "after the header", drop: readHeader},
		{name: "after the header, reset", drop: func(c net.Conn, r *bufio.Reader) { readHeader(c, r); reset(c) }},
		{name: "after the body", drop: func(_ net.Conn, r *bufio.Reader) { readRequest(r) }},
		{name: "after the body, reset", drop: func(c net.Conn, r *bufio.Reader) { readRequest(r); reset(c) }},
		{name: "in the answer's header", begun: true, drop: func(c net.Conn, r *bufio.Reader) {
			readRequest(r)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: a\r\n")
		}},
		{name: "in the answer's body", begun: true, drop: func(c net.Conn, r *bufio.Reader) {
			readRequest(r)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
		}},
	}
}

// dropping returns the URL of a server whose connections answer one request and drop
// the second in the given moment; only the very first does so. It counts requests by their first byte.
func dropping(t *testing.T, when moment) (target string, requests *atomic.Int32) {
	requests = new(atomic.Int32)
	var connections atomic.Int32
	return listen(t, func(connection net.Conn) {
		first := connections.Add(1) == 1
		reader := bufio.NewReader(connection)
		for served := 0; ; served++ {
			if _, err := reader.Peek(1); err != nil {
				return
			}
			requests.Add(1)
			if first && served == 1 {
				when.drop(connection, reader)
				return
			}
			if readRequest(reader) != nil {
				return
			}
			io.WriteString(connection, emptyAnswer)
		}
	}), requests
}

func TestAKeptConnectionThatIsDroppedDeliversAtMostOnce(t *testing.T) {
	shapes := []struct{ name, method, body, key string }{
		{"POST", "POST", "{}", ""},
		{"POST without a body", "POST", "", ""},
		{"POST with Idempotency-Key", "POST", "{}", "Idempotency-Key"},
		{"POST with X-Idempotency-Key", "POST", "{}", "X-Idempotency-Key"},
		{"POST with a key and no body", "POST", "", "Idempotency-Key"},
		{"POST, 1 MB", "POST", strings.Repeat("a", 1<<20), "Idempotency-Key"},
		{"PUT", "PUT", "{}", "Idempotency-Key"},
		{"PATCH", "PATCH", "{}", ""},
		{"DELETE", "DELETE", "", "Idempotency-Key"},
		{"GET", "GET", "", ""},
		{"GET with a body", "GET", "{}", ""},
	}
	for _, when := range moments() {
		for _, shape := range shapes {
			t.Run(when.name+"/"+shape.name, func(t *testing.T) {
				target, requests := dropping(t, when)
				client, d := newClient(t, nil), onLoopback()
				make := func() *plan.Plan {
					outbound := newPlan(t, d, shape.method, target, shape.body)
					if shape.key != "" {
						outbound.Header.Set(shape.key, "k")
					}
					return outbound
				}
				if _, err := client.Send(context.Background(), make(), nil, nil, nil); err != nil {
					t.Fatal(err)
				}
				_, err := client.Send(context.Background(), make(), nil, nil, nil)
				replayed := shape.method == "GET" && !when.begun
				if replayed && err != nil {
					t.Errorf("a GET was not sent again: %v", err)
				}
				if !replayed {
					wantOneOf(t, err, upstream.ErrTerminated, upstream.ErrAnswerIncomplete)
				}
				want := int32(2)
				if replayed {
					want = 3
				}
				if got := requests.Load(); got != want {
					t.Errorf("%d requests arrived, want %d", got, want)
				}
			})
		}
	}
}

// wantOneOf checks that an error is a refusal with one of two reasons.
func wantOneOf(t *testing.T, err, one, other error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if refusal := refusalOf(err); refusal == nil || refusal.Reason != one && refusal.Reason != other {
		t.Errorf("got %v, want %v or %v", err, one, other)
	}
}

// A server that closes a connection between two requests gets the second one on
// another connection, whatever the method: no byte of it was written.
func TestAClosedIdleConnectionCostsNoRequest(t *testing.T) {
	closed := make(chan struct{})
	target := listen(t, func(connection net.Conn) {
		if readRequest(bufio.NewReader(connection)) == nil {
			io.WriteString(connection, emptyAnswer)
			connection.(*net.TCPConn).CloseWrite()
			untilClosed(connection)
			closed <- struct{}{}
		}
	})
	client, d := newClient(t, nil), onLoopback()
	for range 20 {
		if _, err := client.Send(context.Background(), newPlan(t, d, "POST", target, "{}"), nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		<-closed
	}
}

func TestAFreshConnectionThatIsDroppedIsNotReplaced(t *testing.T) {
	var connections atomic.Int32
	target := listen(t, func(connection net.Conn) {
		connections.Add(1)
		readRequest(bufio.NewReader(connection))
	})
	for _, method := range []string{"GET", "POST"} {
		connections.Store(0)
		_, err := send(t, newPlan(t, onLoopback(), method, target, ""))
		mustRefuse(t, err, upstream.ErrTerminated)
		if connections.Load() != 1 {
			t.Errorf("%s: %d connections, want 1", method, connections.Load())
		}
	}
}
