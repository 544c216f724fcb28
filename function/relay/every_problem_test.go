package relay_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/relay"
)

// manyDocument is an API with everything that a problem needs.
const manyDocument = loopbackAPI + `x-keyrelay-timeout: 1
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    missing: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/missing"}
    chosen: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/{org}"}
    refused: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api",
      x-itential-dynamic-retrieval: {method: POST, url: "http://$API/refused", responsePointer: /key}}
    hanging: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api",
      x-itential-dynamic-retrieval: {method: POST, url: "http://$API/hanging", responsePointer: /key}}
paths:
  /orders: {post: {security: [{key: []}]}}
  /missing: {post: {security: [{missing: []}]}}
  /chosen: {post: {security: [{chosen: []}]}}
  /unusable: {post: {parameters: [{name: a, in: body}]}}
  /refused: {post: {security: [{refused: []}]}}
  /hanging: {post: {security: [{hanging: []}]}}
  /split: {post: {x-keyrelay-batch: split}}
  /reset: {post: {}}
  /large: {post: {}}
  /broken: {post: {}}
  /slow: {post: {}}
`

// sessionDocument wants a session token, whose digests are in a secret.
const sessionDocument = loopback + `servers: [{url: "http://$API/%s"}]
x-keyrelay-session: {field: session, secret: "secretsmanager:keyrelay/%s"}
`

func sessions(name string) string { return strings.ReplaceAll(sessionDocument, "%s", name) }

// closedDocument is an API that only two callers may use.
const closedDocument = loopback + `servers: [{url: "http://$API/closed"}]
x-keyrelay-callers: [osmos, crm]
x-keyrelay-batch: split
`

// misbehave is the downstream of manyDocument.
func misbehave(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/refused":
		http.Error(w, "no", http.StatusForbidden)
	case "/hanging", "/v2/slow":
		<-r.Context().Done()
	case "/v2/split":
		w.WriteHeader(http.StatusConflict)
	case "/v2/reset":
		closing("")(w, nil)
	case "/v2/large":
		w.Header().Set("Content-Length", "100000000")
	case "/v2/broken":
		closing("this is no HTTP\r\n\r\n")(w, nil)
	}
}

// problemCalls provoke one problem each.
func problemCalls(s *stage) map[string]sent {
	const query, contentType = "X-Osmos-Query-Param-Fields", "Content-Type"
	return map[string]sent{
		"outbound-url-missing":        {method: "POST"},
		"outbound-url-invalid":        s.post("/v2/../admin", ""),
		"destination-not-declared":    s.post("/v3/orders", ""),
		"operation-not-declared":      s.get("/v2/orders"),
		"operation-unusable":          s.post("/v2/unusable", ""),
		"method-not-allowed":          {method: "TRACE", url: "http://" + s.api.host + "/v2/orders"},
		"record-invalid":              s.post("/v2/orders", `{"a":1,"a":2}`, query, "a"),
		"field-missing":               s.post("/v2/orders", `{"a":1}`, query, "b"),
		"field-not-scalar":            s.post("/v2/orders", `{"a":{}}`, query, "a"),
		"header-invalid":              s.post("/v2/orders", `{"a":1}`, "X-Relay-Header-Fields", "a=Host"),
		"placeholder-unknown":         s.post("/v2/orders", "", "X-Key", "{{{none}}}"),
		"batch-not-declared":          s.post("/v2/orders", `[{}]`, contentType, "application/json"),
		"record-not-json":             s.post("/v2/orders", `a=1`, contentType, "text/plain", query, "a"),
		"credential-unknown":          s.post("/v2/chosen", `{"org": "nobody"}`),
		"secret-unavailable":          s.post("/v2/missing", ""),
		"retrieval-failed":            s.post("/v2/refused", ""),
		"retrieval-timeout":           s.post("/v2/hanging", ""),
		"downstream-unreachable":      s.post("/v2/reset", ""),
		"downstream-answer-too-large": s.post("/v2/large", ""),
		"downstream-answer-broken":    s.post("/v2/broken", ""),
		"downstream-timeout":          s.post("/v2/slow", ""),
		"batch-incomplete":            s.post("/v2/split", `[{}]`),
		"session-invalid":             s.post("/checked/orders", `{"session":"unknown"}`),
		"caller-not-allowed":          s.post("/closed", ""),
		"session-check-unavailable":   s.post("/unchecked/orders", `{"session":"unknown"}`),
	}
}

// TestEveryProblem sees each problem of the one table once, with its own status,
// title and error type, and that no answer calls itself a problem beside the table.
func TestEveryProblem(t *testing.T) {
	s := newStage(t, manyDocument, sessions("checked"), sessions("unchecked"), closedDocument)
	s.api.answerWith(misbehave)
	s.secrets.Put("keyrelay/checked", `["`+strings.Repeat("0", 64)+`"]`)
	answers := map[string]answer{
		"not-found":          elsewhere(t, s),
		"record-too-large":   tooLong(s),
		"caller-key-invalid": withoutKey(s),
		"caller-left":        left(t),
		"internal":           panicked(s),
		"relay-busy":         busy(s),
		"queue-unavailable":  withoutQueue(s),
	}
	var mutex sync.Mutex
	var waiting sync.WaitGroup
	for name, call := range problemCalls(s) {
		waiting.Go(func() {
			got := s.send(t.Context(), call)
			mutex.Lock()
			defer mutex.Unlock()
			answers[name] = got
		})
	}
	waiting.Wait()
	for _, problem := range relay.Problems() {
		got, seen := answers[problem.Name]
		if !seen {
			t.Errorf("no request of this test provokes %s", problem.Name)
			continue
		}
		mustBe(t, got, problem)
		delete(answers, problem.Name)
	}
	for name := range answers {
		t.Errorf("%s is none of relay.Problems()", name)
	}
}

func mustBe(t *testing.T, got answer, want relay.Problem) {
	t.Helper()
	if got.problem != want.Name || got.status != want.Status || got.detail == "" {
		t.Errorf("%s: got %d %s", want.Name, got.status, got.body)
	}
	proxyError, ours := strings.CutPrefix(got.header.Get("Proxy-Status"), "keyrelay; error=")
	if !ours || !slices.Contains(want.ProxyErrors(), proxyError) {
		t.Errorf("%s: Proxy-Status is %q, not one of %q", want.Name, got.header.Get("Proxy-Status"), want.ProxyErrors())
	}
	if vary := got.header.Values("Vary"); len(vary) != 1 || vary[0] != "*" {
		t.Errorf("%s: Vary is %q: a cache may keep it for another request to the same URL", want.Name, vary)
	}
	if retry := got.header.Get("Retry-After"); want.Status == 503 && (retry == "" || retry == "0") {
		t.Errorf("%s: Retry-After is %q", want.Name, retry)
	}
}

// elsewhere asks for another path than the relay's own.
func elsewhere(t *testing.T, s *stage) answer {
	return readAnswer(t, s.invoke(t.Context(), []byte(`{"resource":"/{any+}","path":"/orders","httpMethod":"POST","headers":{},"requestContext":{}}`)))
}

// tooLong declares a body of more than 10 MB over HTTP.
func tooLong(s *stage) answer {
	request := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	request.ContentLength = 10<<20 + 1
	return record(gateway.HTTP(s.handler), request)
}

// busy has callers begin a body each, until there is no memory for one more.
func busy(s *stage) answer {
	served := gateway.HTTP(s.handler)
	reading, end, answers := make(chan struct{}), make(chan struct{}), make(chan answer)
	serve := func() {
		request := httptest.NewRequest(http.MethodPost, "/", begunBody{reading, end})
		request.ContentLength = 10 << 20
		answers <- record(served, request)
	}
	for begun := 0; ; begun++ {
		go serve()
		select {
		case <-reading:
		case refused := <-answers:
			close(end)
			for range begun {
				<-answers
			}
			return refused
		}
	}
}

// A begunBody is one that has begun, and breaks off at the end of a test.
type begunBody struct{ reading, end chan struct{} }

func (b begunBody) Read([]byte) (int, error) {
	b.reading <- struct{}{}
	<-b.end
	return 0, io.ErrUnexpectedEOF
}

// withoutKey sends no key where one is asked for.
func withoutKey(s *stage) answer {
	keys := destination.Reference{Provider: "secretsmanager", Name: "keyrelay/api"}
	return sent{method: "POST"}.overHTTP(s.wire([]string{manyDocument}, relay.Config{Log: s.log, CallerKeys: keys}))
}

// withoutQueue asks for a delivery where the queue does not take it.
func withoutQueue(s *stage) answer {
	queue := later.New(later.Config{Connect: fake.ConnectQueues("http://127.0.0.1:1", nil), URL: "http://127.0.0.1:1/q", DeadURL: "http://127.0.0.1:1/dead", Concurrency: 2, Instances: 1})
	return s.post("/v2/orders", "", "Prefer", "respond-async").overHTTP(s.wire([]string{manyDocument}, relay.Config{Log: s.log, Queue: queue}))
}

// left leaves while the downstream has the request.
func left(t *testing.T) answer {
	s := newStage(t, managedDocument)
	ctx, cancel := context.WithCancel(t.Context())
	s.api.answerWith(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	return s.send(ctx, s.post("/v2/orders", ""))
}

// panicked has the relay panic, for lack of a store of secrets.
func panicked(s *stage) answer {
	return s.post("/v2/orders", "").overHTTP(relay.New(relay.Config{Destinations: load(s.t, s.api.host, managedDocument), Log: s.log}))
}

// TestRefusalTouchesNothing sees that a request that is refused for what it says
// costs no read of a secret and no connection.
func TestRefusalTouchesNothing(t *testing.T) {
	s := newStage(t, manyDocument, closedDocument)
	refused := 0
	for name, call := range problemCalls(s) {
		index := slices.IndexFunc(relay.Problems(), func(p relay.Problem) bool { return p.Name == name })
		if relay.Problems()[index].Status >= 500 || name == "session-invalid" || name == "credential-unknown" { // which the secret itself tells
			continue
		}
		refused++
		if got := s.send(t.Context(), call); got.problem != name {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	if reads, opened := s.secrets.TakeCalls(), s.api.opened.Load(); refused < 12 || reads != 0 || opened != 0 {
		t.Errorf("%d refused requests cost %d reads of secrets and %d connections", refused, reads, opened)
	}
}
