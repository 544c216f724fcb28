package upstream_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
	"keyrelay/function/upstream"
)

// received is what a server saw of a request.
type received struct {
	Method, URI, Host, Body string
	Length                  int64
	Encoding                []string
	Header                  http.Header
}

// record starts a server that keeps what it receives.
func record(t testing.TB) (target string, last func() received) {
	var mutex sync.Mutex
	var kept received
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mutex.Lock()
		defer mutex.Unlock()
		kept = received{r.Method, r.RequestURI, r.Host, string(body), r.ContentLength, r.TransferEncoding, r.Header}
	})
	return server.URL, func() received { mutex.Lock(); defer mutex.Unlock(); return kept }
}

func TestSendDeliversThePlan(t *testing.T) {
	target, last := record(t)
	host := strings.TrimPrefix(target, "http://")
	tests := []struct {
		method, path, body string
		header             http.Header
		want               received
	}{
		{"POST", "/a%2Fb?x=1&&y=%20", `{"a":1.10}`, http.Header{"X-Two": {"1", "2"}, "User-Agent": {"caller/1"}}, received{
			Method: "POST", URI: "/a%2Fb?x=1&&y=%20", Body: `{"a":1.10}`, Length: 10,
			Header: http.Header{"X-Two": {"1", "2"}, "User-Agent": {"caller/1"}, "Content-Length": {"10"}}}},
		{"POST", "/", "", http.Header{}, received{
			Method: "POST", URI: "/", Header: http.Header{"User-Agent": {"keyrelay"}, "Content-Length": {"0"}}}},
		{"DELETE", "/?", "", http.Header{}, received{
			Method: "DELETE", URI: "/?", Header: http.Header{"User-Agent": {"keyrelay"}}}},
		{"GET", "/", `{}`, http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"l"}}, received{
			Method: "GET", URI: "/", Body: "{}", Length: 2, Header: http.Header{
				"User-Agent": {"keyrelay"}, "Content-Length": {"2"}, "Idempotency-Key": {"k"}, "X-Idempotency-Key": {"l"}}}},
	}
	for _, test := range tests {
		outbound := newPlan(t, onLoopback(), test.method, target+test.path, test.body)
		outbound.Header = test.header
		if _, err := send(t, outbound); err != nil {
			t.Fatal(err)
		}
		test.want.Host = host
		if difference := cmp.Diff(test.want, last()); difference != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.method, test.path, difference)
		}
		if outbound.URL.String() != target+test.path {
			t.Errorf("the plan's URL became %s", outbound.URL)
		}
	}
}

func TestSendReturnsTheAnswerUnchanged(t *testing.T) {
	const coded = "\x1f\x8b\x08\x00"
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header()["Date"] = nil
		w.Header().Set("Content-Encoding", "br")
		w.Header().Set("Connection", "X-Hop , keep-alive")
		w.Header().Set("X-Hop", "1")
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.Header().Set("Upgrade", "h2c")
		w.Header().Set("Trailer", "X-Trailer")
		w.WriteHeader(418)
		io.WriteString(w, coded)
		w.Header().Set("X-Trailer", "late")
	})
	outbound := newPlan(t, onLoopback(), "GET", server.URL, "")
	response, err := send(t, outbound)
	if err != nil {
		t.Fatal(err)
	}
	want := &gateway.Response{
		Status: 418,
		Header: http.Header{"Set-Cookie": {"a=1", "b=2"}, "Content-Encoding": {"br"}},
		Body:   []byte(coded),
	}
	if difference := cmp.Diff(want, response, cmp.AllowUnexported(gateway.Response{})); difference != "" {
		t.Errorf("-want +got:\n%s", difference)
	}
}

// TestSendUndoesGzip sees that an answer in gzip or deflate, which nobody asked for, can
// be looked at, also where it is so more than once.
func TestSendUndoesGzip(t *testing.T) {
	const text = `{"key": "in gzip"}`
	for coding, coded := range map[string][]byte{
		"gzip": zipped(text), "X-GZIP": zipped(text), "gzip, identity": zipped(text), "gzip, gzip": zipped(string(zipped(text))),
		"deflate": deflated(text, true), "Deflate": deflated(text, false), "deflate, gzip": zipped(string(deflated(text, true))),
	} {
		for _, flush := range []bool{false, true} {
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil
				for _, field := range []string{"ETag", "Content-MD5", "Digest", "Repr-Digest", "Content-Digest"} {
					w.Header().Set(field, "of the coded body")
				}
				w.Header().Set("Content-Encoding", coding)
				w.Header().Set("Content-Type", "application/json")
				if flush { // then its length is not declared
					w.(http.Flusher).Flush()
				}
				w.Write(coded)
			})
			response, err := send(t, newPlan(t, onLoopback(), "GET", server.URL, ""))
			if err != nil {
				t.Fatalf("%s: %v", coding, err)
			}
			want := &gateway.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(text)}
			if difference := cmp.Diff(want, response, cmp.AllowUnexported(gateway.Response{})); difference != "" {
				t.Errorf("-want +got:\n%s", difference)
			}
		}
	}
}

// TestSendCodings leaves codings that it does not know as they are, and refuses more than
// any server has.
func TestSendCodings(t *testing.T) {
	for _, coding := range []string{"br", "br, gzip", "gzip, zstd", "identity"} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			w.Write(zipped("text"))
		})
		response, err := send(t, newPlan(t, onLoopback(), "GET", server.URL, ""))
		if err != nil || response.Header.Get("Content-Encoding") != coding || !bytes.Equal(response.Body, zipped("text")) {
			t.Errorf("%s: %v %v", coding, response, err)
		}
	}
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", strings.Repeat("gzip, ", 100)+"gzip")
		w.Write(zipped("text"))
	})
	_, err := send(t, newPlan(t, onLoopback(), "GET", server.URL, ""))
	mustRefuse(t, err, upstream.ErrAnswerBroken)
}

// deflated is a text in the coding deflate, with the frame that it is to have or without.
func deflated(text string, framed bool) []byte {
	var coded bytes.Buffer
	var writer io.WriteCloser = zlib.NewWriter(&coded)
	if !framed {
		writer, _ = flate.NewWriter(&coded, flate.BestSpeed)
	}
	io.WriteString(writer, text)
	writer.Close()
	return coded.Bytes()
}

func zipped(text string) []byte {
	var coded bytes.Buffer
	writer := gzip.NewWriter(&coded)
	io.WriteString(writer, text)
	writer.Close()
	return coded.Bytes()
}

func TestSendFollowsNoRedirect(t *testing.T) {
	var visits atomic.Int32
	canary := serve(t, func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "kept", Value: "no"})
		if r.Header.Get("Cookie") != "" {
			t.Error("a cookie was kept")
		}
		http.Redirect(w, r, canary.URL, http.StatusTemporaryRedirect)
	})
	client := newClient(t, nil)
	for range 2 {
		response, err := client.Send(context.Background(), newPlan(t, onLoopback(), "POST", server.URL, "{}"), nil, nil, nil)
		if err != nil || response.Status != 307 || response.Header.Get("Location") != canary.URL {
			t.Fatalf("got %v, %v; want the redirect itself", response, err)
		}
	}
	answer, err := get(t, client, onLoopback(), server.URL)
	if err != nil || answer.Status != 307 {
		t.Fatalf("auxiliary call: got %v, %v; want the redirect itself", answer, err)
	}
	if visits.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestSendReadsOddButValidAnswers(t *testing.T) {
	interim := strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 100)
	tests := []struct {
		name, text, body string
		status           int
	}{
		{"continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "a", 200},
		{"early hints", interim + "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\na", "a", 201},
		{"204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", "", 204},
		{"304 with a body", "HTTP/1.1 304 Not Modified\r\n\r\nabc", "", 304},
		{"until close", "HTTP/1.0 200 OK\r\n\r\nabc", "abc", 200},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n", "abc", 200},
		{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200},
		{"empty gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "", 200},
		{"304 in gzip", "HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n", "", 304},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, err := send(t, newPlan(t, onLoopback(), "POST", listen(t, answering(test.text)), "{}"))
			if err != nil {
				t.Fatal(err)
			}
			if response.Status != test.status || string(response.Body) != test.body {
				t.Errorf("got %d %q, want %d %q", response.Status, response.Body, test.status, test.body)
			}
			if response.Header.Get("X-Late") != "" || response.Header.Get("Content-Length") != "" {
				t.Errorf("header %v holds what ends at the connection", response.Header)
			}
		})
	}
}

func TestSendIsConcurrentAndKeepsConnections(t *testing.T) {
	const callers, rounds = 64, 10
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client, d := newClient(t, nil), onLoopback()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for round := range rounds {
				body := fmt.Sprintf(`{"caller":%d,"round":%d}`, caller, round)
				response, err := client.Send(context.Background(), newPlan(t, d, "POST", server.URL, body), nil, nil, nil)
				if err != nil || string(response.Body) != body {
					t.Errorf("got %v, %v; want %s", response, err, body)
				}
			}
		})
	}
	group.Wait()
	if got := connections.Load(); got > 2*callers {
		t.Errorf("%d connections for %d callers: they are not kept", got, callers)
	}
}

// TestCallsAndRequestsShareNoConnection sees that what a token endpoint sends behind its
// answer cannot become the answer of the API on the same host. Either keeps its connections.
func TestCallsAndRequestsShareNoConnection(t *testing.T) {
	var callers []string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { callers = append(callers, r.RemoteAddr) })
	client, d := newClient(t, nil), onLoopback()
	for range 2 {
		if _, err := get(t, client, d, server.URL+"/token"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Send(t.Context(), newPlan(t, d, http.MethodGet, server.URL+"/orders", ""), nil, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if callers[0] != callers[2] || callers[1] != callers[3] || callers[0] == callers[1] {
		t.Errorf("the connections are %q", callers)
	}
}
