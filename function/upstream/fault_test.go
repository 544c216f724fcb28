package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/upstream"
)

func TestABrokenAnswerIsNamed(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name, text string
		want       error
	}{
		{"nothing", "", upstream.ErrTerminated},
		{"garbage", "SSH-2.0-OpenSSH_9.6\r\n", upstream.ErrAnswerBroken},
		{"HTTP/2 only", "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80", upstream.ErrAnswerBroken},
		{"status 099", "HTTP/1.1 099 Odd\r\n\r\n", upstream.ErrAnswerBroken},
		{"status 600", "HTTP/1.1 600 Odd\r\n\r\n", upstream.ErrAnswerBroken},
		{"status 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", upstream.ErrAnswerBroken},
		{"cut between fields", ok + "A: b\r\n", upstream.ErrAnswerIncomplete},
		{"cut in a field", ok + "A", upstream.ErrAnswerBroken},
		{"a name with a space", ok + "Bad Name: b\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"a name with a space at its end", ok + "Name : b\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"an empty name", ok + ": b\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"a name with a quotation mark", ok + "N\"a: b\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"a name in Latin-1", ok + "N\xe4me: b\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"a value with a NUL", ok + "Name: b\x00c\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"a value with a carriage return", ok + "Name: b\rSet-Cookie: c\r\nContent-Length: 0\r\n\r\n", upstream.ErrAnswerBroken},
		{"header bomb", ok + "A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", upstream.ErrAnswerBroken},
		{"many fields", ok + strings.Repeat("A: b\r\n", 1<<16) + "\r\n", upstream.ErrAnswerBroken},
		{"interim flood", strings.Repeat("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n", 1<<14), upstream.ErrAnswerBroken},
		{"two lengths", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", upstream.ErrAnswerBroken},
		{"negative length", ok + "Content-Length: -1\r\n\r\n", upstream.ErrAnswerBroken},
		{"short of its length", ok + "Content-Length: 9\r\n\r\nabc", upstream.ErrAnswerIncomplete},
		{"far short of its length", ok + "Content-Length: 6000000\r\n\r\nabc", upstream.ErrAnswerIncomplete},
		{"cut between chunks", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", upstream.ErrAnswerIncomplete},
		{"cut in a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\na", upstream.ErrAnswerIncomplete},
		{"bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\nz\r\n", upstream.ErrAnswerBroken},
		{"unknown coding", ok + "Transfer-Encoding: gzip\r\n\r\nabc", upstream.ErrAnswerBroken},
		{"gzip that is none", ok + "Content-Encoding: gzip\r\n\r\n{\"key\": 1}", upstream.ErrAnswerBroken},
		{"gzip with another behind it", ok + "Content-Encoding: gzip\r\n\r\n" + string(zipped("a")) + "garbage-garbage", upstream.ErrAnswerBroken},
		{"broken gzip", ok + "Content-Encoding: gzip\r\n\r\n" + string(zipped("a")[:12]) + "\xff\xff\xff\xff\xff\xff\xff\xff", upstream.ErrAnswerBroken},
		{"cut in gzip", ok + "Content-Encoding: gzip\r\n\r\n" + string(zipped("abc")[:15]), upstream.ErrAnswerIncomplete},
		{"gzip of too much", ok + "Content-Encoding: gzip\r\n\r\n" + string(zipped(strings.Repeat("a", gateway.MaxAnswerBytes+1))), upstream.ErrAnswerTooLarge},
		{"declared too large", ok + "Content-Length: 6291557\r\n\r\n", upstream.ErrAnswerTooLarge},
		{"huge length", ok + "Content-Length: 9223372036854775807\r\n\r\n", upstream.ErrAnswerTooLarge},
		{"too large", ok + "\r\n" + strings.Repeat("a", gateway.MaxAnswerBytes+1), upstream.ErrAnswerTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := listen(t, func(connection net.Conn) {
				answering(test.text)(connection)
				connection.(*net.TCPConn).CloseWrite()
				untilClosed(connection)
			})
			_, err := send(t, newPlan(t, onLoopback(), "POST", target+"?token=s3cret", "{}"))
			mustBeSafe(t, mustRefuse(t, err, test.want))
		})
	}
}

// mustBeSafe checks that a refusal's detail is sentences that hold neither URL nor port.
func mustBeSafe(t *testing.T, refusal *gateway.Refusal) {
	t.Helper()
	for _, leak := range []string{"s3cret", "://", "127.0.0.1:", "dial", "net/http", "read tcp"} {
		if strings.Contains(refusal.Detail, leak) {
			t.Errorf("detail holds %q: %s", leak, refusal.Detail)
		}
	}
	if !strings.HasSuffix(refusal.Detail, ".") {
		t.Errorf("detail is no sentence: %s", refusal.Detail)
	}
}

func TestTheLargestAnswerPasses(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/declared" {
			w.Header().Set("Content-Length", "6291556")
		}
		io.WriteString(w, strings.Repeat("a", gateway.MaxAnswerBytes))
	})
	for _, path := range []string{"/", "/declared"} {
		response, err := send(t, newPlan(t, onLoopback(), "GET", server.URL+path, ""))
		if err != nil || len(response.Body) != gateway.MaxAnswerBytes {
			t.Errorf("%s: got %v, want %d bytes", path, err, gateway.MaxAnswerBytes)
		}
	}
}

func TestAResetIsNamed(t *testing.T) {
	target := listen(t, func(connection net.Conn) {
		readRequest(bufio.NewReader(connection))
		reset(connection)
	})
	_, err := send(t, newPlan(t, onLoopback(), "POST", target, "{}"))
	mustBeSafe(t, mustRefuse(t, err, upstream.ErrTerminated))
}

func TestNoConnectionIsNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	_, err = send(t, newPlan(t, onLoopback(), "POST", "http://"+closed.Addr().String(), "{}"))
	mustBeSafe(t, mustRefuse(t, err, upstream.ErrRefused))
	_, err = send(t, newPlan(t, onLoopback(), "POST", "http://keyrelay.invalid/?token=s3cret", "{}"))
	mustBeSafe(t, mustRefuse(t, err, upstream.ErrDNS))
}

// A deadline is a context whose time is up when a test says so.
type deadline struct {
	context.Context
	over chan struct{}
}

func newDeadline() *deadline { return &deadline{context.Background(), make(chan struct{})} }

func (d *deadline) Done() <-chan struct{} { return d.over }

func (d *deadline) Err() error {
	select {
	case <-d.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// What a downstream must not do for ever ends with the deadline, and the connection is not used again.
func TestTheDeadlineEndsACall(t *testing.T) {
	handlers := map[string]func(c net.Conn, timeIsUp func()){
		"silent": func(c net.Conn, timeIsUp func()) {
			timeIsUp()
			untilClosed(c)
		},
		"hangs in the header": func(c net.Conn, timeIsUp func()) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nA: ")
			timeIsUp()
			untilClosed(c)
		},
		"hangs in the body": func(c net.Conn, timeIsUp func()) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
			timeIsUp()
			untilClosed(c)
		},
		"trickles": func(c net.Conn, timeIsUp func()) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6000000\r\n\r\n")
			timeIsUp()
			for _, err := c.Write([]byte("a")); err == nil; _, err = c.Write([]byte("a")) {
				<-time.After(time.Millisecond)
			}
		},
	}
	for name, handle := range handlers {
		t.Run(name, func(t *testing.T) {
			ctx, ended := newDeadline(), make(chan struct{}, 2)
			target := listen(t, func(connection net.Conn) {
				readRequest(bufio.NewReader(connection))
				handle(connection, func() { close(ctx.over) })
				ended <- struct{}{}
			})
			_, err := newClient(t, nil).Send(ctx, newPlan(t, onLoopback(), "POST", target, "{}"), nil, nil, nil)
			refusal := mustRefuse(t, err, upstream.ErrTimeout)
			mustBeSafe(t, refusal)
			if !errors.Is(refusal, context.DeadlineExceeded) {
				t.Errorf("cause is %v", refusal.Cause)
			}
			<-ended
		})
	}
}

func TestACallerWhoLeavesIsNoFaultOfTheDownstream(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	target := listen(t, func(connection net.Conn) {
		readRequest(bufio.NewReader(connection))
		cancel()
		untilClosed(connection)
		close(ended)
	})
	_, err := newClient(t, nil).Send(ctx, newPlan(t, onLoopback(), "POST", target, "{}"), nil, nil, nil)
	mustBeSafe(t, mustRefuse(t, err, context.Canceled))
	<-ended
}

// TestCallGivesUp ends a call besides the outbound one with the destination's time.
func TestCallGivesUp(t *testing.T) {
	d := &destination.Destination{Title: "Test", Network: destination.Loopback, AuxiliaryTimeout: 50 * time.Millisecond}
	_, err := get(t, newClient(t, nil), d, listen(t, untilClosed))
	mustBeSafe(t, mustRefuse(t, err, upstream.ErrTimeout))
}
