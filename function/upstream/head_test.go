package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyrelay/function/upstream"
)

// TestConnectionNamesWithClose sees that what Connection names is dropped however it
// says that the connection ends, however the bytes come in pieces, and that nothing
// else is touched.
func TestConnectionNamesWithClose(t *testing.T) {
	const body = "Connection: X-Body, close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
	for _, head := range []string{
		"Connection: X-Hop, close\r\nX-Hop: 1\r\n", "X-Hop: 1\r\nConnection: close, X-Hop\r\n", "connection:x-hop,CLOSE\r\nX-Hop: 1\r\n",
		"Connection: close\r\nX-Hop: 1\r\nConnection: X-Hop\r\n", "Connection: X-Hop\r\nX-Hop: 1\r\n", "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\n",
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			for _, interim := range []string{"", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.0 103 Early Hints\r\n\r\nHTTP/1.1  103\r\n\r\n"} {
				answer := interim + "HTTP/1.1 200 OK\r\n" + head + "X-Long: " + strings.Repeat("x", 5000) + "\r\nX-Kept: 1\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					connection, _, err := w.(http.Hijacker).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer connection.Close()
					for rest := answer; rest != ""; {
						n := min(piece, len(rest))
						_, _ = io.WriteString(connection, rest[:n])
						if rest = rest[n:]; piece == 7 && len(rest)%1000 == 0 {
							time.Sleep(time.Microsecond)
						}
					}
				}))
				client, d := newClient(t, nil), onLoopback()
				response, err := client.Send(context.Background(), newPlan(t, d, "POST", server.URL, "{}"), nil, nil, nil)
				if err != nil {
					t.Fatalf("%q in pieces of %d: %v", head, piece, err)
				}
				if response.Header["X-Hop"] != nil || response.Header["Connection"] != nil || response.Header["Keyrelay-Connection"] != nil || response.Header["X-Kept"] == nil || string(response.Body) != body {
					delete(response.Header, "X-Long")
					t.Errorf("%q in pieces of %d, behind %q: %v %d", head, piece, interim, response.Header, len(response.Body))
				}
				server.Close()
			}
		}
	}
}

// TestAnswerOfManyFields sees that an answer of more fields than any API sends is broken: in memory,
// they take many times their bytes.
func TestAnswerOfManyFields(t *testing.T) {
	for count, sound := range map[int]bool{900: true, 1_100: false, 20_000: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := range count {
				w.Header()[fmt.Sprintf("X%d", i)] = []string{""}
			}
		}))
		client, d := newClient(t, nil), onLoopback()
		_, err := client.Send(t.Context(), newPlan(t, d, "POST", server.URL, "{}"), nil, nil, nil)
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		_, callErr := client.Call(t.Context(), d, request, nil, 1)
		for _, err := range []error{err, callErr} {
			if sound && err != nil || !sound && !errors.Is(err, upstream.ErrAnswerBroken) {
				t.Errorf("%d fields: %v", count, err)
			}
		}
		server.Close()
	}
}
