package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyrelay/function/gateway"
)

// publicDocument claims hosts that do not do what their document says.
const publicDocument = `
openapi: 3.1.0
info: {title: Elsewhere, version: "1"}
servers: [{url: "https://localhost:%s/inside"}, {url: "https://nowhere.invalid/"}]
`

// TestDownstreamFaults sees which problem and error type each fault of a
// downstream is told as, and that a POST was delivered once at most.
func TestDownstreamFaults(t *testing.T) {
	tests := map[string]struct {
		answer     http.HandlerFunc
		want       string
		proxyError string
	}{
		"hangs":                   {hang, "downstream-timeout", "http_response_timeout"},
		"trickles":                {trickle, "downstream-timeout", "http_response_timeout"},
		"stops in the body":       {stopInBody, "downstream-timeout", "http_response_timeout"},
		"resets":                  {closing(""), "downstream-unreachable", "connection_terminated"},
		"closes":                  {closing(" "), "downstream-answer-broken", "http_protocol_error"},
		"breaks off its header":   {closing("HTTP/1.1 200 OK\r\nContent-Type: text"), "downstream-answer-broken", "http_response_incomplete"},
		"breaks off its body":     {closing("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"), "downstream-answer-broken", "http_response_incomplete"},
		"breaks off a chunk":      {closing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n123"), "downstream-answer-broken", "http_response_incomplete"},
		"speaks something else":   {closing("SSH-2.0-OpenSSH_9.9\r\n"), "downstream-answer-broken", "http_protocol_error"},
		"switches protocols":      {closing("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), "downstream-answer-broken", "http_protocol_error"},
		"declares too much":       {closing("HTTP/1.1 200 OK\r\nContent-Length: 6291557\r\n\r\n"), "downstream-answer-too-large", "http_response_body_size"},
		"answers without end":     {endless, "downstream-answer-too-large", "http_response_body_size"},
		"too much once encoded":   {written(strings.Repeat("\x01", 2<<20)), "downstream-answer-too-large", "http_response_body_size"},
		"too much base64":         {written(strings.Repeat("\xff", 5<<20)), "downstream-answer-too-large", "http_response_body_size"},
		"endless header":          {endlessHeader, "downstream-answer-broken", "http_protocol_error"},
		"endless interim answers": {closing(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 20_000)), "downstream-answer-broken", "http_protocol_error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, managedDocument)
			// The fault comes on a kept connection, where net/http may think of trying again.
			s.send(t.Context(), s.get("/v2/orders"))
			s.api.Take()
			s.api.answerWith(test.answer)
			// Only where the API keeps the relay waiting does the invocation's own time count.
			limit := 29 * time.Second
			if test.want == "downstream-timeout" {
				limit = 1500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			got := s.send(ctx, s.post("/v2/orders", `{"a":1}`, "Idempotency-Key", "k-1"))
			if ctx.Err() != nil {
				t.Error("the answer came after the invocation's deadline")
			}
			if got.problem != test.want || got.header.Get("Proxy-Status") != "keyrelay; error="+test.proxyError {
				t.Errorf("got %d %q %s", got.status, got.header.Get("Proxy-Status"), got.body)
			}
			if received := s.api.Take(); len(received) != 1 || string(received[0].Body) != `{"a":1}` {
				t.Errorf("the downstream received %d requests: %v", len(received), received)
			}
		})
	}
}

// trickle sends a byte at a time, more slowly than anyone waits.
func trickle(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func stopInBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "10")
	_, _ = w.Write([]byte("12345"))
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// endless writes until nobody reads any more.
func endless(w http.ResponseWriter, _ *http.Request) {
	block := make([]byte, 64<<10)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func endlessHeader(w http.ResponseWriter, _ *http.Request) {
	made, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer made.Close()
	_, err = made.Write([]byte("HTTP/1.1 200 OK\r\n"))
	for i := 0; err == nil; i++ {
		_, err = fmt.Fprintf(made, "X-Field-%d: %s\r\n", i, strings.Repeat("x", 1000))
	}
}

// TestUnreachable sees the faults that come before a request can be sent. The
// canary, which listens where a public document leads to this machine, sees no connection.
func TestUnreachable(t *testing.T) {
	canary := newAPI(t)
	_, port, _ := strings.Cut(canary.host, ":")
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	loopback := func(url string) string {
		return strings.Replace(strings.ReplaceAll(managedDocument, "http://$API/v2", url), "security: [{key: []}]", "", 1)
	}
	s := newStage(t, fmt.Sprintf(publicDocument, port), loopback(secure.URL), loopback(closed.URL), loopback("https://$API"))
	for proxyError, url := range map[string]string{
		"destination_ip_prohibited": "https://localhost:" + port + "/inside/orders",
		"dns_error":                 "https://nowhere.invalid/orders",
		"connection_refused":        closed.URL + "/orders",
		"tls_certificate_error":     secure.URL + "/orders",
		"tls_protocol_error":        "https://" + s.api.host + "/orders",
	} {
		got := s.send(t.Context(), sent{method: "POST", url: url, body: []byte("{}")})
		if got.problem != "downstream-unreachable" || got.header.Get("Proxy-Status") != "keyrelay; error="+proxyError {
			t.Errorf("%s: got %d %q %s", url, got.status, got.header.Get("Proxy-Status"), got.body)
		}
	}
	if opened := canary.opened.Load(); opened != 0 {
		t.Errorf("the canary saw %d connections", opened)
	}
}

// TestRedirect follows no redirect, and hands none back that a client would follow by
// itself with its key and its record: a redirect's Location has another name.
func TestRedirect(t *testing.T) {
	canary := newAPI(t)
	s := newStage(t, managedDocument)
	elsewhere := "http://" + canary.host + "/elsewhere"
	for _, status := range []int{201, 300, 301, 302, 303, 305, 307, 308, 399, 400} {
		s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere)
			w.Header().Set("X-Relay-Location", "http://pretended.example/")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("as it came"))
		})
		got := s.send(t.Context(), s.post("/v2/orders", "{}"))
		location, renamed := elsewhere, ""
		if status >= 300 && status < 400 {
			location, renamed = "", elsewhere
		}
		if got.status != status || got.header.Get("Location") != location || got.header.Get("X-Relay-Location") != renamed || string(got.body) != "as it came" {
			t.Errorf("%d became %d %v %s", status, got.status, got.header, got.body)
		}
		if opened := canary.opened.Load(); opened != 0 || len(s.api.Take()) != 1 {
			t.Errorf("%d: the canary saw %d connections", status, opened)
		}
	}
}

// TestLargestAnswer passes what is just small enough through each front end.
func TestLargestAnswer(t *testing.T) {
	s := newStage(t, managedDocument)
	s.api.answerWith(written(strings.Repeat("x", gateway.MaxAnswerBytes)))
	if got := s.get("/v2/orders").overHTTP(s.handler); got.status != http.StatusOK || len(got.body) != gateway.MaxAnswerBytes {
		t.Errorf("over HTTP: %d and %d bytes", got.status, len(got.body))
	}
	s.api.answerWith(written(strings.Repeat("x", gateway.MaxAnswerBytes-500)))
	got := s.send(t.Context(), s.get("/v2/orders"))
	if got.status != http.StatusOK || len(got.body) != gateway.MaxAnswerBytes-500 {
		t.Errorf("in Lambda: %d and %d bytes %.200s", got.status, len(got.body), got.body)
	}
}
