package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"keyrelay/function/gateway"
	"keyrelay/function/relay"
	"keyrelay/function/secret"
)

// roleVariable makes the test binary a downstream in a process of its own, so
// that what it allocates is not counted.
const roleVariable = "KEYRELAY_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "downstream" {
		serveAlone()
		return
	}
	os.Exit(m.Run())
}

// serveAlone answers every request until standard input ends.
func serveAlone() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if size, err := strconv.Atoi(r.URL.Query().Get("size")); err == nil {
			if r.URL.Query().Has("declared") {
				w.Header().Set("Content-Length", strconv.Itoa(size+2))
			}
			_, _ = io.WriteString(w, `"`+strings.Repeat("x", size)+`"`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"o-1"}`)
	}))
	defer server.Close()
	_, _ = os.Stdout.WriteString(server.URL + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// lonelyDownstream starts a downstream in a process of its own and returns its URL.
func lonelyDownstream(t testing.TB) string {
	command := exec.Command(os.Args[0])
	command.Env = []string{roleVariable + "=downstream"}
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = input.Close(); _ = command.Wait() })
	line := make([]byte, 64)
	n, err := output.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(line[:n]))
}

// newRelay builds a relay on one document, without all that a stage notes.
func newRelay(t testing.TB, document string) *relay.Relay {
	t.Helper()
	made := relay.New(relay.Config{Destinations: load(t, "", document), Secrets: secret.New(secret.Config{}), Log: io.Discard, FunctionName: "relay"})
	t.Cleanup(made.Close)
	return made
}

func keyDocument(t testing.TB, downstream string) string {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	return loopback + `servers: [{url: "` + downstream + `"}]
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Downstream-Key, x-keyrelay-secret: "file:` + file + `"}
`
}

// warmEvent is a REST event with a 1 KB record that has a field to move.
func warmEvent(t testing.TB, downstream string) []byte {
	header := map[string][]string{
		"Accept": {"*/*"}, "Content-Type": {"application/json"}, "Host": {"abcdefghij.execute-api.us-east-1.amazonaws.com"},
		"User-Agent": {"osmos"}, "X-Amzn-Trace-Id": {"Root=1-5e66d96f-7491f09xmpl79d18acf3d050"}, "X-Api-Key": {"caller-key"},
		"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Port": {"443"}, "X-Forwarded-Proto": {"https"},
		"X-Osmos-Outbound-Url": {downstream + "/orders"}, "X-Osmos-Query-Param-Fields": {"customer"},
	}
	event, err := json.Marshal(events.APIGatewayProxyRequest{
		Resource: "/", Path: "/", HTTPMethod: "POST", MultiValueHeaders: header,
		Body:           `{"customer":"c-42","note":"` + strings.Repeat("some text ", 100) + `"}`,
		RequestContext: events.APIGatewayProxyRequestContext{Stage: "v1", RequestID: "1d3e9c2b-5a4f-4a7e-8f00-9d1e2f3a4b5c", Path: "/v1/", HTTPMethod: "POST"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// invoke makes one invocation that must be answered 200.
func invoke(t testing.TB, handler lambda.Handler, event []byte) {
	answer, err := handler.Invoke(context.Background(), event)
	if err != nil || !bytes.Contains(answer, []byte(`"statusCode":200`)) {
		t.Fatalf("%s %v", answer, err)
	}
}

// roundTrip makes one bare round trip of a request like the one that the event
// stands for, under a deadline of its own.
func roundTrip(t testing.TB, transport *http.Transport, request *http.Request, body *bytes.Reader) {
	_, _ = body.Seek(0, io.SeekStart)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}

// bareRequest is a request of the same method, URL, fields and size as the one
// that the relay makes of warmEvent.
func bareRequest(t testing.TB, downstream string) (*http.Request, *bytes.Reader) {
	body := bytes.NewReader([]byte(`{"note":"` + strings.Repeat("some text ", 100) + `"}`))
	request, err := http.NewRequest(http.MethodPost, downstream+"/orders?customer=c-42", body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Accept": "*/*", "Accept-Encoding": "identity", "Content-Type": "application/json",
		"User-Agent": "osmos", "Via": "1.1 keyrelay", "X-Downstream-Key": "0123456789abcdef",
	} {
		request.Header.Set(name, value)
	}
	return request, body
}

// skipUnderRace skips a test that counts allocations, because the race detector makes some too.
func skipUnderRace(t *testing.T) {
	t.Helper()
	build, _ := debug.ReadBuildInfo()
	if slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("allocations are not those of the program under the race detector")
	}
}

// leastAllocations is what one call allocates, without what the collector's
// emptying of pools adds on a busy machine: the least of some rounds.
func leastAllocations(call func()) float64 {
	least := testing.AllocsPerRun(100, call)
	for range 9 {
		least = min(least, testing.AllocsPerRun(100, call))
	}
	return least
}

// TestAllocations counts what a warm invocation allocates beyond RoundTrip under a
// deadline. The copy of the request that sets the deadline is one of its own.
func TestAllocations(t *testing.T) {
	skipUnderRace(t)
	downstream := lonelyDownstream(t)
	event := warmEvent(t, downstream)
	handler := gateway.Lambda(newRelay(t, keyDocument(t, downstream)), nil)
	invoke(t, handler, event)
	whole := leastAllocations(func() { invoke(t, handler, event) })
	transport := &http.Transport{DisableCompression: true}
	request, body := bareRequest(t, downstream)
	bare := leastAllocations(func() { roundTrip(t, transport, request, body) })
	t.Logf("a warm invocation makes %.0f allocations, a bare round trip %.0f", whole, bare)
	if own := whole - bare + 1; own > 12 {
		t.Errorf("a warm invocation makes %.0f allocations of its own, more than 12", own)
	}
}

// BenchmarkWarm is a warm invocation in this process, to be profiled.
func BenchmarkWarm(b *testing.B) {
	downstream := lonelyDownstream(b)
	event := warmEvent(b, downstream)
	handler := gateway.Lambda(newRelay(b, keyDocument(b, downstream)), nil)
	b.ReportAllocs()
	for b.Loop() {
		invoke(b, handler, event)
	}
}
