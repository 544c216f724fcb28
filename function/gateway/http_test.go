package gateway_test

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
)

// serve serves handler on a real port.
func serve(t *testing.T, handler gateway.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(gateway.HTTP(handler))
	t.Cleanup(server.Close)
	return server
}

// record serves a handler that keeps what it gets.
func record(t *testing.T) (*httptest.Server, <-chan received) {
	got := make(chan received, 1)
	return serve(t, handlerFunc(func(_ context.Context, request *gateway.Request, err error) *gateway.Response {
		got <- keep(request, err)
		return ok()
	})), got
}

// unsized hides the length of a body, so that it is sent in chunks.
type unsized struct{ io.Reader }

func send(t *testing.T, method, url string, body io.Reader) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"x-lower": {"1"}, "X-Two": {"a", "b"}, "User-Agent": {"test"}, "Accept-Encoding": {"identity"}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestHTTPRequest(t *testing.T) {
	server, received1 := record(t)
	header := func(more http.Header) http.Header {
		maps.Copy(more, map[string][]string{"X-Lower": {"1"}, "X-Two": {"a", "b"}, "User-Agent": {"test"}, "Accept-Encoding": {"identity"}})
		return more
	}
	send(t, "POST", server.URL+"/a%2Fb?q=1", strings.NewReader(`{"a":1}`))
	want := received{Method: "POST", Path: "/a%2Fb", Body: []byte(`{"a":1}`), Header: header(http.Header{"Content-Length": {"7"}})}
	if d := diff(want, <-received1); d != "" {
		t.Error(d)
	}
	send(t, "PATCH", server.URL, unsized{strings.NewReader("chunked")})
	if d := diff(received{Method: "PATCH", Path: "/", Body: []byte("chunked"), Header: header(http.Header{})}, <-received1); d != "" {
		t.Error(d)
	}
	for _, body := range []io.Reader{nil, unsized{strings.NewReader("")}} {
		send(t, "GET", server.URL, body)
		if got := <-received1; got.Body != nil || got.Err != nil || got.Path != "/" {
			t.Errorf("%+v", got)
		}
	}
}

// TestHTTPChunkedNothing sees that chunks without a byte are no body.
func TestHTTPChunkedNothing(t *testing.T) {
	server, got := record(t)
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	io.WriteString(connection, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	if got := <-got; got.Body != nil || got.Err != nil {
		t.Errorf("body %v, error %v", got.Body, got.Err)
	}
}

func TestHTTPBodyOfEverySize(t *testing.T) {
	server, got := record(t)
	for _, size := range []int{1, 8<<10 - 1, 8 << 10, 8<<10 + 1, 64 << 10, 64<<10 + 1, 128 << 10, 1 << 20, 2<<20 + 1, gateway.MaxRecordBytes} {
		body := large(size)
		for _, reader := range []io.Reader{strings.NewReader(body), unsized{strings.NewReader(body)}} {
			send(t, "POST", server.URL, reader)
			if got := <-got; string(got.Body) != body || got.Err != nil {
				t.Errorf("%d bytes arrived as %d, error %v", size, len(got.Body), got.Err)
			}
		}
	}
}

func TestHTTPRecordTooLarge(t *testing.T) {
	server, got := record(t)
	for _, body := range []io.Reader{
		strings.NewReader(large(gateway.MaxRecordBytes + 1)),
		unsized{strings.NewReader(large(gateway.MaxRecordBytes + 1))},
	} {
		response := send(t, "POST", server.URL, body)
		if got := <-got; diff(received{Err: gateway.ErrRecordTooLarge, Body: nil}, received{Err: got.Err, Body: got.Body}) != "" || got.Method != "POST" {
			t.Errorf("error %v, a body of %d bytes", got.Err, len(got.Body))
		}
		if !response.Close {
			t.Error("the connection stays open")
		}
	}
}

// TestHTTPRecordBroken sends bodies that end too early.
func TestHTTPRecordBroken(t *testing.T) {
	server, got := record(t)
	for _, raw := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(connection, raw)
		connection.(*net.TCPConn).CloseWrite()
		if got := <-got; diff(received{Err: gateway.ErrRecordBroken}, received{Err: got.Err, Body: got.Body}) != "" {
			t.Errorf("%q: error %v, body %q", raw, got.Err, got.Body)
		}
		io.Copy(io.Discard, connection)
		connection.Close()
	}
}

func TestHTTPAnswer(t *testing.T) {
	tests := []struct {
		method         string
		status         int
		body           string
		wantBody, want string
	}{
		{"POST", 200, "hello", "hello", "5"},
		{"POST", 422, large(100_000), large(100_000), "100000"},
		{"POST", 200, "", "", "0"},
		{"HEAD", 200, "hello", "", "5"},
		{"POST", 204, "lost", "", ""},
		{"POST", 304, "lost", "", ""},
	}
	for _, test := range tests {
		server := serve(t, handlerFunc(func(context.Context, *gateway.Request, error) *gateway.Response {
			header := http.Header{"Set-Cookie": {"a", "b"}, "Content-Length": {"7"}, "Date": {"then"}}
			return &gateway.Response{Status: test.status, Header: header, Body: []byte(test.body)}
		}))
		response := send(t, test.method, server.URL, nil)
		body, err := io.ReadAll(response.Body)
		if response.StatusCode != test.status || string(body) != test.wantBody || err != nil {
			t.Errorf("%s %d: got %d with %d bytes, error %v", test.method, test.status, response.StatusCode, len(body), err)
		}
		want := http.Header{"Set-Cookie": {"a", "b"}, "Date": {"then"}}
		if test.want != "" {
			want["Content-Length"] = []string{test.want}
		}
		if d := cmp.Diff(want, response.Header); d != "" {
			t.Errorf("%s %d: %s", test.method, test.status, d)
		}
	}
}
