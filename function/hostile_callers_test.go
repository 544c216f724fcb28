package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyrelay/function/fake"
)

// arrived is what the downstream answers with, and wholeRecord the only record
// that it may receive.
const (
	arrived     = "arrived downstream"
	wholeRecord = `{"some":"record...."}`
)

// servingProgram starts the real program in front of a downstream that says arrived and
// sees that records come whole.
func servingProgram(t *testing.T) (port, downstream string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || len(body) > 0 && string(body) != wholeRecord {
			t.Errorf("a part of a record arrived: %v %q", err, body)
		}
		_, _ = io.WriteString(w, arrived)
	}))
	t.Cleanup(server.Close)
	port = fake.FreePort(t)
	command := program(nil, "PORT="+port, "KEYRELAY_CALLER_KEYS=none", "KEYRELAY_DESTINATIONS="+writeDocuments(t, openDocument(server.URL)))
	var complaint bytes.Buffer
	command.Stderr = &complaint
	awaitServing(t, command)
	t.Cleanup(func() {
		// Whatever a test did: the program runs until it is told to stop, and has nothing to complain of.
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil || complaint.Len() > 0 {
			t.Errorf("the program did not end cleanly: %v %s", err, complaint.Bytes())
		}
	})
	return port, server.URL
}

func dial(t *testing.T, port string) net.Conn {
	t.Helper()
	made, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made
}

// TestSlowCallers holds hundreds of connections open with requests that never get
// whole, in their headers or in their bodies, and is served beside them.
func TestSlowCallers(t *testing.T) {
	port, downstream := servingProgram(t)
	for i := range 300 {
		slow := dial(t, port)
		_, err := io.WriteString(slow, []string{
			"POST / HTTP/1.1\r\nHost: relay\r\nX-Slow: ",
			"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 10485760\r\nX-Osmos-Outbound-Url: " + downstream + "/\r\n\r\n{",
			"",
		}[i%3])
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if got := relayed(port, downstream, ""); got != "200 "+arrived {
			t.Fatalf("got %q", got)
		}
	}
}

// TestHostileRequests sends requests that HTTP does not allow: each is answered
// with a refusal or its connection is closed, nothing of it gets further, and
// everybody else is served.
func TestHostileRequests(t *testing.T) {
	port, downstream := servingProgram(t)
	target := "Host: relay\r\nX-Osmos-Outbound-Url: " + downstream + "/\r\n"
	for name, text := range map[string]string{
		"a header of 100 KB":              "GET / HTTP/1.1\r\n" + target + "X-Large: " + strings.Repeat("x", 100<<10) + "\r\n\r\n",
		"a header without end":            "GET / HTTP/1.1\r\n" + target + strings.Repeat("X-Many: y\r\n", 1<<16),
		"a request line without end":      "GET /" + strings.Repeat("x", 1<<20),
		"lengths that differ":             "POST / HTTP/1.1\r\n" + target + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"a length below zero":             "POST / HTTP/1.1\r\n" + target + "Content-Length: -1\r\n\r\n{}",
		"a length and chunks, two hosts":  "POST / HTTP/1.1\r\n" + target + "Host: other\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an unknown transfer coding":      "POST / HTTP/1.1\r\n" + target + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"a chunk of no size":              "POST / HTTP/1.1\r\n" + target + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"a chunk of too much":             "POST / HTTP/1.1\r\n" + target + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
		"a folded header":                 "GET / HTTP/1.1\r\n" + target + " folded: 1\r\n\r\n",
		"a header with a NUL":             "GET / HTTP/1.1\r\n" + target + "X-Nul: \x00\r\n\r\n",
		"a name with a space":             "GET / HTTP/1.1\r\n" + target + "X Space: 1\r\n\r\n",
		"no host":                         "GET / HTTP/1.1\r\nX-Osmos-Outbound-Url: " + downstream + "/\r\n\r\n",
		"another protocol":                "SSH-2.0-OpenSSH_9.9\r\n\r\n",
		"TLS":                             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"HTTP/2 with prior knowledge":     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"a tunnel":                        "CONNECT " + strings.TrimPrefix(downstream, "http://") + " HTTP/1.1\r\n" + target + "\r\n",
		"an absolute URL of a downstream": "GET " + downstream + "/elsewhere HTTP/1.1\r\nHost: relay\r\n\r\n",
		"an upgrade":                      "GET /other HTTP/1.1\r\n" + target + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if answer := exchange(t, dial(t, port), text); strings.Contains(answer, arrived) || strings.HasPrefix(answer, "HTTP/1.1 2") {
				t.Errorf("got %.200s", answer)
			}
			if got := relayed(port, downstream, ""); got != "200 "+arrived {
				t.Errorf("after that another caller got %q", got)
			}
		})
	}
}

// exchange sends these bytes and returns what comes back until the other side is done.
func exchange(t *testing.T, made net.Conn, text string) string {
	t.Helper()
	go func() { _, _ = io.WriteString(made, text) }()
	answer, err := http.ReadResponse(bufio.NewReader(made), nil)
	if err != nil {
		return "" // closed without an answer
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return fmt.Sprintf("HTTP/1.1 %s %s", answer.Status, body)
}

// TestAbandonedRequests has callers leave at each moment of a request. The program
// goes on serving, and stops when it is told to.
func TestAbandonedRequests(t *testing.T) {
	port, downstream := servingProgram(t)
	request := "POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 21\r\nX-Osmos-Outbound-Url: " + downstream + "/\r\n\r\n" + wholeRecord
	for length := 0; length <= len(request); length += 3 {
		made := dial(t, port)
		if _, err := io.WriteString(made, request[:length]); err != nil {
			t.Fatal(err)
		}
		_ = made.(*net.TCPConn).SetLinger(0)
		_ = made.Close()
	}
	if got := relayed(port, downstream, ""); got != "200 "+arrived {
		t.Errorf("got %q", got)
	}
}

// TestFasterThanItsCaller answers a caller who declares a large record before it is
// sent, where the answer does not depend on it.
func TestFasterThanItsCaller(t *testing.T) {
	port, _ := servingProgram(t)
	made := dial(t, port)
	_ = made.SetDeadline(time.Now().Add(requestTime / 2))
	if answer := exchange(t, made, "POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 10485761\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 413") {
		t.Errorf("got %q", answer)
	}
}

// TestAnsweredWithoutTheirBodies answers callers whose bodies do not come, where the answer
// does not depend on them: the connections of all others are not theirs to hold.
func TestAnsweredWithoutTheirBodies(t *testing.T) {
	port := serveOpen(t, program(nil), "http://127.0.0.1:1")
	for name, each := range map[string]struct{ text, status string }{
		"without a key":    {"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 100\r\n\r\n{", "401"},
		"with a wrong key": {"POST / HTTP/1.1\r\nHost: relay\r\nX-Api-Key: wrong\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{", "401"},
		"who is to go on":  {"POST / HTTP/1.1\r\nHost: relay\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n", "401"},
		"of many fields":   {"POST / HTTP/1.1\r\nHost: relay\r\n" + manyFields(4<<10) + "Content-Length: 100\r\n\r\n{", "431"},
		"about the health": {"GET /healthz HTTP/1.1\r\nHost: relay\r\nContent-Length: 100\r\n\r\n{", "200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := dial(t, port)
			_ = made.SetDeadline(time.Now().Add(requestTime / 2))
			if answer := exchange(t, made, each.text); !strings.HasPrefix(answer, "HTTP/1.1 "+each.status) {
				t.Errorf("got %q", answer)
			}
			if _, err := made.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
}

// TestAnswersThatAreNotTaken has callers without a key ask again and again and read no answer:
// their connections end.
func TestAnswersThatAreNotTaken(t *testing.T) {
	port := serveOpen(t, program(nil), "http://127.0.0.1:1")
	for name, request := range map[string]string{
		"without a key":    "GET / HTTP/1.1\r\nHost: relay\r\n\r\n",
		"of many fields":   "GET / HTTP/1.1\r\nHost: relay\r\n" + manyFields(4<<10) + "\r\n",
		"about the health": "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := dial(t, port)
			_ = made.(*net.TCPConn).SetReadBuffer(64 << 10)
			_ = made.SetDeadline(time.Now().Add(requestTime / 2))
			for {
				if _, err := io.WriteString(made, strings.Repeat(request, 64)); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("the connection goes on")
				} else if err != nil {
					return
				}
			}
		})
	}
}

// TestAnswersThatLookLikeRefusals has an API answer with what net/http itself would, where a new
// piece of the body begins to be written: it comes whole, and nothing stands in its place.
func TestAnswersThatLookLikeRefusals(t *testing.T) {
	const length, piece = 9000, 4096 // of what net/http writes at once
	var before int
	var looks string
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/octet-stream"}
		_, _ = io.WriteString(w, (strings.Repeat("a", before) + looks + strings.Repeat("b", length))[:length])
	}))
	defer downstream.Close()
	port := serveOpen(t, program(nil), downstream.URL)
	made := dial(t, port)
	received := bufio.NewReader(made)
	ask := func() (head, body int, refused bool) {
		_, _ = io.WriteString(made, posting(callerKey, "", []byte("{}"))(downstream.URL))
		whole := make([]byte, piece)
		read, _ := io.ReadAtLeast(received, whole, 1)
		head = strings.Index(string(whole[:read]), "\r\n\r\n") + len("\r\n\r\n")
		rest := make([]byte, head+length-read)
		more, _ := io.ReadFull(received, rest)
		return head, read + more - head, strings.Contains(string(rest[:more]), "urn:keyrelay")
	}
	_ = made.SetDeadline(time.Now().Add(requestTime / 2))
	head, _, _ := ask()
	for _, looks = range []string{
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request",
		"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n",
	} {
		before = piece - head
		if _, body, refused := ask(); body != length || refused {
			t.Fatalf("of %q come %d bytes, a refusal: %v", looks, body, refused)
		}
	}
}
