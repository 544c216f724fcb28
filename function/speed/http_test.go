package speed_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"keyrelay/function/fake"
)

// BenchmarkHTTP compares the relay over HTTP with httputil.ReverseProxy in front
// of the same downstream: requests per second, relay by proxy.
func BenchmarkHTTP(b *testing.B) {
	downstream := startDownstream(b)
	relay := startServer(b, buildRelay(b), downstream)
	process := start(b, os.Args[0], roleVariable+"=proxy", downstreamOfRole+"="+downstream)
	address := strings.TrimPrefix(process.awaitLine(b, "serving "), "serving ")
	proxy := &server{process, address, httpRequest(address, "/orders", "X-Downstream-Key: 0123456789abcdef\r\n")}
	for _, connections := range []int{16, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			ratio := compare(b, relay.loads(b, connections), proxy.loads(b, connections), 1.25, 1.25)
			b.ReportMetric(1/ratio, "requests-per-second-ratio")
		})
	}
}

// A server is a process that answers a request over HTTP.
type server struct {
	process          *process
	address, request string
}

// startServer starts a program of keyrelay as a server.
func startServer(b *testing.B, program, downstream string) *server {
	b.Helper()
	port := fake.FreePort(b)
	process := start(b, program, "PORT="+port, "KEYRELAY_CALLER_KEYS=none",
		"KEYRELAY_DESTINATIONS="+documents(b, downstream), "DOWNSTREAM_KEY=0123456789abcdef")
	process.awaitLine(b, "serving")
	address := "127.0.0.1:" + port
	return &server{process, address, httpRequest(address, "/", "X-Osmos-Outbound-Url: "+downstream+"/orders\r\nX-Osmos-Query-Param-Fields: customer\r\n")}
}

// loads sends a fixed number of requests over a number of connections at each call.
func (s *server) loads(b *testing.B, connections int) measurement {
	return func() (elapsed, cpu time.Duration) {
		before := s.process.cpu(b)
		elapsed = load(b, s.address, s.request, connections)
		return elapsed, s.process.cpu(b) - before
	}
}

// bareProxy is what keyrelay is compared with.
func bareProxy(downstream string) {
	target, _ := url.Parse(downstream)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("serving", listener.Addr())
	panic(http.Serve(listener, proxy))
}

// awaitLine reads what the process prints until a line holds text.
func (p *process) awaitLine(b *testing.B, text string) string {
	b.Helper()
	for {
		line, err := p.output.ReadString('\n')
		if err != nil {
			b.Fatalf("the program ended before it served: %v", err)
		}
		if strings.Contains(line, text) {
			p.drain()
			return strings.TrimSpace(line)
		}
	}
}

func httpRequest(host, path, header string) string {
	body := record(1 << 10)
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nUser-Agent: osmos\r\nAccept: */*\r\n%sContent-Length: %d\r\n\r\n%s", path, host, header, len(body), body)
}

// load sends a fixed number of requests over a number of connections and returns
// how long that took.
func load(b *testing.B, address, request string, connections int) time.Duration {
	const requests = 12800
	began := time.Now()
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			if err := exchange(address, request, requests/connections); err != nil {
				b.Error(err)
			}
		})
	}
	workers.Wait()
	return time.Since(began)
}

func exchange(address, request string, count int) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	answers := bufio.NewReader(connection)
	for range count {
		if _, err := io.WriteString(connection, request); err != nil {
			return err
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", answer.StatusCode)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
	}
	return nil
}
