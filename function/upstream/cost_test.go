package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/upstream"
)

// repeating returns the URL of a server that answers every request with the same
// text and makes no garbage, so that allocations can be counted beside it.
func repeating(t testing.TB, length int, text string) string {
	return listen(t, func(connection net.Conn) {
		request := make([]byte, length)
		answer := []byte(text)
		for {
			if _, err := io.ReadFull(connection, request); err != nil {
				return
			}
			if _, err := connection.Write(answer); err != nil {
				return
			}
		}
	})
}

// requestLength is how long the plan's request is on the wire.
func requestLength(t testing.TB, outbound *plan.Plan) int {
	var length int
	target := listen(t, func(connection net.Conn) {
		var wire bytes.Buffer
		readRequest(bufio.NewReader(io.TeeReader(connection, &wire)))
		length = wire.Len()
		io.WriteString(connection, emptyAnswer)
	})
	measured := *outbound
	measured.URL = newPlan(t, outbound.Destination, "POST", target, "").URL
	if _, err := send(t, &measured); err != nil {
		t.Fatal(err)
	}
	return length
}

const smallAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"

// pair returns two ways to send the same 1 KB record: Send, and the least that
// net/http can do for the same bytes.
func pair(t testing.TB) (ours, bare func()) {
	record := `{"a":"` + strings.Repeat("x", 1016) + `"}`
	outbound := newPlan(t, onLoopback(), "POST", "http://127.0.0.1:10000/", record)
	outbound.Header.Set("User-Agent", "keyrelay")
	target := repeating(t, requestLength(t, outbound), smallAnswer)
	outbound.URL = newPlan(t, outbound.Destination, "POST", target, "").URL
	client := newClient(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), outbound.Operation.Timeout/2)
	t.Cleanup(cancel)
	ours = func() {
		if _, err := client.Send(ctx, outbound, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(ctx, "POST", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = outbound.Header
	request.ContentLength = int64(len(record))
	reader := strings.NewReader(record)
	body, into := io.NopCloser(reader), make([]byte, 64)
	bare = func() {
		reader.Reset(record)
		request.Body = body
		answer, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = answer.Body.Read(into)
		}
		answer.Body.Close()
	}
	return ours, bare
}

// BenchmarkSend takes turns with bare round trips and reports the ratio of the times.
func BenchmarkSend(b *testing.B) {
	ours, bare := pair(b)
	b.ReportAllocs()
	var bareTime time.Duration
	for b.Loop() {
		ours()
		b.StopTimer()
		start := time.Now()
		bare()
		bareTime += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(bareTime), "ratio")
}

// The largest answer, and one without end, cost little more than the largest answer's own bytes.
func TestAnswersCostLittleMemory(t *testing.T) {
	const limit = 16 << 20
	tests := []struct {
		name, head string
		length     int // of the body; -1 for one without end
		want       error
	}{
		{"largest, declared", "HTTP/1.1 200 OK\r\nContent-Length: 6291556\r\n\r\n", gateway.MaxAnswerBytes, nil},
		{"largest, undeclared", "HTTP/1.1 200 OK\r\n\r\n", gateway.MaxAnswerBytes, nil},
		{"endless", "HTTP/1.1 200 OK\r\n\r\n", -1, upstream.ErrAnswerTooLarge},
		{"endless header", "HTTP/1.1 200 OK\r\nA: ", -1, upstream.ErrAnswerBroken},
		{"terabytes declared", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n", -1, upstream.ErrAnswerTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := listen(t, func(connection net.Conn) {
				readRequest(bufio.NewReader(connection))
				io.WriteString(connection, test.head)
				pour(connection, test.length)
			})
			outbound, client := newPlan(t, onLoopback(), "GET", target, ""), newClient(t, nil)
			before := allocated()
			response, err := client.Send(context.Background(), outbound, nil, nil, nil)
			if grown := allocated() - before; grown > limit {
				t.Errorf("%d bytes were allocated, want at most %d", grown, limit)
			}
			if test.want != nil {
				mustRefuse(t, err, test.want)
			} else if err != nil || len(response.Body) != test.length {
				t.Errorf("got %v", err)
			}
		})
	}
}

// pour writes so many bytes, or as many as the peer takes.
func pour(connection net.Conn, length int) {
	block := make([]byte, 64<<10)
	for rest := length; rest != 0; {
		if length > 0 {
			block = block[:min(rest, len(block))]
			rest -= len(block)
		}
		if _, err := connection.Write(block); err != nil {
			return
		}
	}
}

// allocated returns how many bytes this process has ever allocated.
func allocated() uint64 {
	var statistics runtime.MemStats
	runtime.ReadMemStats(&statistics)
	return statistics.TotalAlloc
}
