package relay_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// canaryDocument has a secret of each kind, and an operation for each fault.
const canaryDocument = loopbackAPI + `security: [{key: [], basic: [], query: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    query: {type: apiKey, in: query, name: key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    basic: {type: http, scheme: basic, x-keyrelay-secret: "secretsmanager:keyrelay/basic"}
    wrong: {type: http, scheme: basic, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    broken: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/broken#/key"}
    retrieved: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api",
      x-itential-dynamic-retrieval: {method: POST, url: "http://$API/retrieval", responsePointer: /missing},
      x-itential-parameters: [{name: key, in: query, x-itential-use-in: [key], schema: {type: string}}]}
paths:
  /good: {post: {}, get: {}}
  /{any}: {post: {}}
  /echo: {post: {}}
  /refused: {post: {}}
  /reset: {post: {}}
  /broken: {post: {}}
  /hang: {post: {}}
  /large: {post: {}}
  /wrong: {post: {security: [{wrong: []}]}}
  /no-secret: {post: {security: [{broken: []}]}}
  /retrieved: {post: {security: [{retrieved: []}]}}
`

// canaries must stand in no line of the log and in no answer, however written.
func canaries() []string {
	plain := []string{theKey, "canary-of-the-password", "canary-of-broken", "canary-of-the-body", "canary-of-the-query", "canary-of-a-header", "canary-of-a-field", "canary-of-the-answer", "canary-of-aws"}
	for _, canary := range slices.Clone(plain) {
		plain = append(plain, base64.StdEncoding.EncodeToString([]byte(canary))[:20])
	}
	return append(plain, base64.StdEncoding.EncodeToString([]byte("relay:canary-of-the-password"))[8:])
}

// canaryCalls are good and bad requests that hold canaries wherever a caller can put one.
func canaryCalls(s *stage) map[string]sent {
	post := func(path, body string, header ...string) sent {
		return s.post(path, body, append([]string{
			"Content-Type", "application/json", "X-Custom", "canary-of-a-header", "Authorization", "Bearer canary-of-a-header", "X-Api-Key", "canary-of-a-header",
		}, header...)...)
	}
	const record = `{"id": "canary-of-a-field", "object": {"a": "canary-of-the-body"}, "note": "canary-of-the-body"}`
	const query = "X-Osmos-Query-Param-Fields"
	calls := map[string]sent{
		"good":              post("/v2/good?q=canary-of-the-query", record, query, "id", "X-Relay-Header-Fields", "note=X-Note"),
		"echo":              post("/v2/echo", record),
		"refused":           post("/v2/refused?q=canary-of-the-query", record),
		"placeholder":       post("/v2/good", record, "X-Sign", "canary-of-a-header {{{key}}}"),
		"bad placeholder":   post("/v2/good", record, "X-Sign", "canary-of-a-header {{{canary-of-a-header}}}"),
		"not declared":      post("/v3?q=canary-of-the-query", record),
		"no such operation": post("/v2/a/b?q=canary-of-the-query", record),
		"bad URL":           post("/v2/../canary-of-the-query?canary-of-the-query", record),
		"broken record":     post("/v2/good", record+"canary-of-the-body", query, "id"),
		"name twice":        post("/v2/good", `{"id": "canary-of-a-field", "id": "canary-of-the-body"}`, query, "id"),
		"missing":           post("/v2/good", record, query, "nothing"),
		"object":            post("/v2/good", record, query, "object"),
		"step":              post("/v2/{id}?canary-of-the-query", `{"id": "../canary-of-a-field"}`),
		"header value":      post("/v2/good", `{"id": "canary-of-a-field\r\n"}`, "X-Relay-Header-Fields", "id=X-Id"),
		"not JSON":          post("/v2/good", "canary-of-the-body", "Content-Type", "text/canary-of-a-directive", query, "id"),
		"batch":             post("/v2/good", `["canary-of-the-body"]`),
		"dry run value":     post("/v2/good", record, "X-Relay-Dry-Run", "canary-of-a-directive"),
		"control":           post("/v2/good", record, "X-Bad", "canary-of-a-header\x01"),
		"two lines":         post("/v2/good", record, "X-Bad", "canary-of-a-header\r\nX-Evil: 1"),
		"reset":             post("/v2/reset?q=canary-of-the-query", record),
		"broken":            post("/v2/broken?q=canary-of-the-query", record),
		"hang":              post("/v2/hang?q=canary-of-the-query", record),
		"large":             post("/v2/large?q=canary-of-the-query", record),
		"wrong shape":       post("/v2/wrong", record),
		"broken secret":     post("/v2/no-secret", record),
		"retrieved":         post("/v2/retrieved", record),
	}
	calls["method"] = sent{method: "CANARY-OF-A-HEADER", url: "http://" + s.api.host + "/v2/good"}
	return calls
}

// tellAll is a downstream that sends back what it got, and its own secrets with it.
func tellAll(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v2/echo":
		w.Header().Set("X-Echo", r.Header.Get("X-Partner-Key")+r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(r.RequestURI + r.Header.Get("Authorization") + r.Header.Get("X-Partner-Key")))
	case "/v2/refused":
		w.WriteHeader(http.StatusUnauthorized)
	case "/retrieval":
		_, _ = w.Write([]byte(`{"key": "canary-of-the-answer"}`))
	case "/v2/reset":
		closing("")(w, nil)
	case "/v2/broken":
		closing("HTTP/1.1 200 OK\r\ncanary-of-the-answer\r\n\r\n")(w, nil)
	case "/v2/hang":
		<-r.Context().Done()
	case "/v2/large":
		w.Header().Set("Content-Length", "100000000")
	}
}

// TestNoSecretAnywhere makes good and bad requests full of canaries: none of them
// is in the log or in an answer.
func TestNoSecretAnywhere(t *testing.T) {
	s := newStage(t, canaryDocument)
	s.secrets.Put("keyrelay/basic", `{"username": "relay", "password": "canary-of-the-password"}`)
	s.secrets.Put("keyrelay/broken", `{"canary-of-broken": "canary-of-broken"`)
	s.api.answerWith(tellAll)
	shown := map[string]string{}
	calls := canaryCalls(s)
	for name, call := range calls {
		limit := time.Minute
		if name == "hang" {
			limit = 700 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		got := s.send(ctx, call)
		cancel()
		header, _ := json.Marshal(got.header)
		shown["the answer to "+name] = string(header) + string(got.body)
	}
	shown["the log"] = s.log.String()
	if lines := strings.Count(s.log.String(), "\n"); lines != len(calls) {
		t.Errorf("%d requests made %d lines of log", len(calls), lines)
	}
	for place, text := range shown {
		for _, canary := range canaries() {
			if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
				t.Errorf("%s holds %q: %s", place, canary, text)
			}
		}
	}
	// What directs the relay is quoted to whoever sent it, and never logged.
	if directive := "canary-of-a-directive"; strings.Contains(shown["the log"], directive) || !strings.Contains(shown["the answer to not JSON"], directive) {
		t.Errorf("the log is %s, the answer to not JSON %s", shown["the log"], shown["the answer to not JSON"])
	}
	if !strings.Contains(shown["the answer to echo"], "***") {
		t.Errorf("the echo was not masked: %s", shown["the answer to echo"])
	}
	checkLog(t, s.log.String())
}

// logMembers are the members of a log entry, each with a value of its type.
func logMembers() map[string]any {
	text, number, truth, list := "", 0.0, true, []any{}
	return map[string]any{
		"time": text, "level": text, "message": text, "requestId": text, "method": text, "destination": text, "operation": text,
		"status": number, "problem": text, "proxyError": text, "blame": text, "detail": text, "scheme": text, "credentialVersion": text, "caller": text, "address": text, "requestBytes": number, "responseBytes": number,
		"durationMs": number, "stack": text, "downstreamMs": number, "credentialMs": number, "retrievalMs": number, "credentialCached": truth,
		"records": number, "recordsRefused": number, "recordsUnsent": number,
		"dryRun": truth, "replayed": truth, "replayWithheld": truth, "stale": list, "unshared": list, "doubts": list, "retrievalStatus": number, "masked": list,
		"queued": number, "messageId": text, "outcome": text, "attempt": number, "ageMs": number, "pauseMs": number,
		"Queued": number, "Delivered": number, "DeliveryRetried": number, "Dead": number, "DeliveryAge": number,
		"FunctionName": text, "Blame": text, "Success": number, "Duration": number, "Faults": number,
		"Destination": text, "Scheme": text, "CredentialFaults": number, "_aws": map[string]any{},
	}
}

// checkLog sees that a log is made of JSON objects, one a line, with no other
// members than those that are documented, and with those that every record has.
func checkLog(t *testing.T, log string) {
	t.Helper()
	known := logMembers()
	for line := range strings.Lines(log) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%v in the log line %s", err, line)
			continue
		}
		for name, value := range record {
			if kind, ok := known[name]; !ok || kindOf(kind) != kindOf(value) {
				t.Errorf("the log holds the member %q as %T: %s", name, value, line)
			}
		}
		for _, name := range []string{"time", "level", "message", "method", "status", "blame", "requestBytes", "responseBytes", "durationMs"} {
			if _, ok := record[name]; !ok {
				t.Errorf("the log entry has no %s, only %v", name, slices.Sorted(maps.Keys(record)))
			}
		}
		if at, err := time.Parse(time.RFC3339Nano, record["time"].(string)); err != nil || at.Location() != time.UTC {
			t.Errorf("time is %q", record["time"])
		}
	}
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case float64:
		return "number"
	case bool:
		return "truth"
	case []any:
		return "list"
	}
	return "object"
}
