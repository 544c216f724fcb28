package relay_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

// managedDocument is an API whose key is in Secrets Manager; $API is its host and port.
const managedDocument = `
openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: "http://$API/v2"}]
x-keyrelay-network: loopback
security: [{key: []}]
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
	door    lambda.Handler
	handler gateway.Handler
	// kept says how long secrets are kept; zero means as long as usual.
	kept secret.Config
}

// newStage starts a relay with these documents, in which $API stands for the downstream.
func newStage(t testing.TB, documents ...string) *stage {
	t.Helper()
	return newStageKeeping(t, secret.Config{}, documents...)
}

// newStageKeeping starts a relay that keeps secrets as kept says.
func newStageKeeping(t testing.TB, kept secret.Config, documents ...string) *stage {
	t.Helper()
	s := &stage{t: t, api: newAPI(t), secrets: fake.NewSecrets(map[string]string{"keyrelay/api": `{"key": "` + theKey + `"}`}), log: &logLines{}, kept: kept}
	s.handler = s.wire(documents, relay.Config{Log: s.log, FunctionName: "relay"})
	s.door = gateway.Lambda(s.handler)
	return s
}

// wire builds the relay as main does.
func (s *stage) wire(documents []string, config relay.Config) *relay.Relay {
	s.t.Helper()
	endpoint := httptest.NewServer(s.secrets)
	s.t.Cleanup(endpoint.Close)
	set := s.load(documents)
	keep := s.kept
	keep.SecretsManager = fake.Connect(endpoint.URL, nil)
	config.Destinations, config.Secrets = set, secret.New(keep)
	made := relay.New(config)
	s.t.Cleanup(made.Close)
	return made
}

func (s *stage) load(documents []string) *destination.Set {
	s.t.Helper()
	folder := s.t.TempDir()
	for i, document := range documents {
		text := strings.ReplaceAll(document, "$API", s.api.host)
		if err := os.WriteFile(filepath.Join(folder, string(rune('a'+i))+".yaml"), []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		s.t.Fatal(err)
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
}

// event is the REST event that API Gateway makes of it.
func (c sent) event(t testing.TB) []byte {
	t.Helper()
	header := map[string][]string{}
	if c.url != "" {
		header["X-Osmos-Outbound-Url"] = []string{c.url}
	}
	for name, value := range c.header {
		header[name] = []string{value}
	}
	event, err := json.Marshal(events.APIGatewayProxyRequest{
		Resource: "/", Path: "/", HTTPMethod: c.method, MultiValueHeaders: header,
		Body: base64.StdEncoding.EncodeToString(c.body), IsBase64Encoded: true,
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "the-request-id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
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

// send sends through the Lambda door.
func (s *stage) send(ctx context.Context, call sent) answer {
	s.t.Helper()
	encoded, err := s.door.Invoke(ctx, call.event(s.t))
	if err != nil {
		s.t.Fatalf("the handler gave a Go error: %v", err)
	}
	return readAnswer(s.t, encoded)
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
