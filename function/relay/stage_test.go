package relay_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/relay"
	"keyrelay/function/secret"
)

// loopback begins a document whose servers are on this machine, and loopbackAPI one with
// a server; $API stands for its host and port.
const (
	loopback    = "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nx-keyrelay-network: loopback\n"
	loopbackAPI = loopback + "servers: [{url: 'http://$API/v2'}]\n"
)

// managedDocument is an API whose key is in Secrets Manager.
const managedDocument = loopbackAPI + `security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
`

// theKey is the key of managedDocument.
const theKey = "canary-of-the-secret"

// A stage is a relay with everything around it: a downstream, an endpoint of
// Secrets Manager that the real SDK talks to, and a log.
type stage struct {
	t       testing.TB
	api     *api
	secrets *fake.Secrets
	log     *logLines
	lambda  lambda.Handler
	handler gateway.Handler
	// kept says how long secrets are kept; zero means as long as usual.
	kept secret.Config
}

// newStage starts a relay with these documents, in which $API stands for the downstream;
// with none the relay is for the test to start.
func newStage(t testing.TB, documents ...string) *stage {
	t.Helper()
	s := &stage{t: t, api: newAPI(t), secrets: fake.NewSecrets(map[string]string{"keyrelay/api": `{"key": "` + theKey + `"}`}), log: &logLines{}}
	if len(documents) > 0 {
		s.start(documents...)
	}
	return s
}

// start starts a relay, as a new instance of the program would.
func (s *stage) start(documents ...string) {
	s.t.Helper()
	s.serve(s.wire(documents, relay.Config{Log: s.log, FunctionName: "relay"}))
}

// serve has a relay answer what is sent from now on.
func (s *stage) serve(relay *relay.Relay) {
	s.handler, s.lambda = relay, gateway.Lambda(relay, relay.Deliver)
}

// wire builds the relay as main does.
func (s *stage) wire(documents []string, config relay.Config) *relay.Relay {
	s.t.Helper()
	keep := s.kept
	keep.SecretsManager = fake.Connect(fake.Serve(s.t, s.secrets), nil)
	config.Destinations, config.Secrets = load(s.t, s.api.host, documents...), secret.New(keep)
	made := relay.New(config)
	s.t.Cleanup(made.Close)
	return made
}

// load reads documents, in which $API stands for a host.
func load(t testing.TB, host string, documents ...string) *destination.Set {
	t.Helper()
	folder := t.TempDir()
	for i, document := range documents {
		text := strings.ReplaceAll(document, "$API", host)
		if err := os.WriteFile(filepath.Join(folder, string(rune('a'+i))+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A sent is what a caller sends.
type sent struct {
	method string
	url    string
	// header holds further fields, one value each.
	header map[string]string
	body   []byte
	// apiKeyID is that of the key by which a gateway lets it in.
	apiKeyID string
}

// get is a GET of the API, with names and values of further fields.
func (s *stage) get(path string, header ...string) sent {
	call := s.post(path, "", header...)
	call.method = http.MethodGet
	return call
}

// post is a POST to the API, with names and values of further fields.
func (s *stage) post(path, body string, header ...string) sent {
	call := sent{method: http.MethodPost, url: "http://" + s.api.host + path, header: map[string]string{}, body: []byte(body)}
	for pair := range slices.Chunk(header, 2) {
		call.header[pair[0]] = pair[1]
	}
	return call
}

// fields are all header fields.
func (c sent) fields() http.Header {
	header := http.Header{}
	if c.url != "" {
		header["X-Osmos-Outbound-Url"] = []string{c.url}
	}
	for name, value := range c.header {
		header[name] = []string{value}
	}
	return header
}

// event is the REST event that API Gateway makes of it.
func (c sent) event(t testing.TB) []byte {
	t.Helper()
	event, err := json.Marshal(events.APIGatewayProxyRequest{
		Resource: "/", Path: "/", HTTPMethod: c.method, MultiValueHeaders: c.fields(),
		Body: base64.StdEncoding.EncodeToString(c.body), IsBase64Encoded: true,
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "the-request-id", Identity: events.APIGatewayRequestIdentity{APIKeyID: c.apiKeyID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// overHTTP has net/http's handler answer it.
func (c sent) overHTTP(handler gateway.Handler) answer {
	request := httptest.NewRequest(c.method, "/", bytes.NewReader(c.body))
	request.Header = c.fields()
	return record(gateway.HTTP(handler), request)
}

func record(handler http.Handler, request *http.Request) answer {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return newAnswer(recorder.Code, recorder.Header(), recorder.Body.Bytes())
}

// An answer is what the caller gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	// problem is the name of the problem, empty for an answer of the downstream's.
	problem string
	detail  string
}

// send sends to the Lambda function.
func (s *stage) send(ctx context.Context, call sent) answer {
	s.t.Helper()
	return readAnswer(s.t, s.invoke(ctx, call.event(s.t)))
}

// invoke gives an event to the Lambda function.
func (s *stage) invoke(ctx context.Context, event []byte) []byte {
	s.t.Helper()
	encoded, err := s.lambda.Invoke(ctx, event)
	if err != nil {
		s.t.Fatalf("the handler gave a Go error: %v", err)
	}
	return encoded
}

// lastEntry is the last entry of the log.
func (s *stage) lastEntry() map[string]any {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	var entry map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &entry); err != nil {
		s.t.Fatalf("%v in the log %q", err, s.log)
	}
	return entry
}

func readAnswer(t testing.TB, encoded []byte) answer {
	t.Helper()
	var got events.APIGatewayV2HTTPResponse // has the members of format 1.0 too
	if err := json.Unmarshal(encoded, &got); err != nil || got.StatusCode < 200 || got.StatusCode > 599 {
		t.Fatalf("no valid envelope: %v %s", err, encoded)
	}
	body := []byte(got.Body)
	if got.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(got.Body); err != nil {
			t.Fatal(err)
		}
	}
	header := http.Header(got.MultiValueHeaders)
	if header == nil {
		header = http.Header{}
	}
	for name, value := range got.Headers {
		header.Set(name, value)
	}
	return newAnswer(got.StatusCode, header, body)
}

func newAnswer(status int, header http.Header, body []byte) answer {
	made := answer{status: status, header: header, body: body}
	if strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") {
		var problem struct{ Type, Detail string }
		_ = json.Unmarshal(body, &problem)
		made.problem, made.detail = strings.TrimPrefix(problem.Type, "urn:keyrelay:problem:"), problem.Detail
	}
	return made
}

// An api is a downstream that notes what it receives, and counts connections.
type api struct {
	*fake.API
	host   string
	opened atomic.Int64
}

func newAPI(t testing.TB) *api {
	a := &api{API: fake.NewAPI(nil)}
	server := httptest.NewUnstartedServer(a)
	server.Config.ErrorLog = nil
	server.Listener = countingListener{server.Listener, &a.opened}
	server.Start()
	t.Cleanup(server.Close)
	a.host = strings.TrimPrefix(server.URL, "http://")
	return a
}

// answerWith answers so from now on, once the request is noted.
func (a *api) answerWith(answer http.HandlerFunc) {
	a.Answer(func(_ int, w http.ResponseWriter, r *http.Request) { answer(w, r) })
}

// A countingListener counts the connections that are made to it.
type countingListener struct {
	net.Listener
	opened *atomic.Int64
}

// Accept waits for the next connection and counts it.
func (l countingListener) Accept() (net.Conn, error) {
	made, err := l.Listener.Accept()
	if err == nil {
		l.opened.Add(1)
	}
	return made, err
}

// The answers of an API that tests have in common.

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func written(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// closing writes these bytes and closes the connection; with none it resets it.
func closing(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		made, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(made, text)
		if text == "" {
			_ = made.(*net.TCPConn).SetLinger(0)
		}
		_ = made.Close()
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// keyed takes no key but this one.
func keyed(key string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Partner-Key") != key {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

// logLines is a log that keeps what is written.
type logLines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write keeps a line.
func (l *logLines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *logLines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}
