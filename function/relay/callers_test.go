package relay_test

import (
	"bytes"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/relay"
)

// TestCallers lets a caller use the destinations that name it, and those that name
// nobody; a dry run and each record of a batch are no way around. The log names the caller.
func TestCallers(t *testing.T) {
	s := newStage(t, managedDocument)
	closedSide := strings.Replace(sideDocument, "/open", "/closed", 1) + "x-keyrelay-callers: [osmos]\n"
	s.serve(s.wire([]string{managedDocument, closedDocument, sideDocument, closedSide}, relay.Config{Log: s.log, CallerNames: map[string]string{"id-1": "osmos", "id-2": "stranger"}}))
	for name, test := range map[string]struct {
		principal, path, body string
		header                map[string]string
		problem, caller       string
	}{
		"who is named":                  {"id-1", "/closed/x", `{}`, nil, "", "osmos"},
		"who is not named":              {"id-2", "/closed/x", `{}`, nil, "caller-not-allowed", "stranger"},
		"who has no name":               {"id-3", "/closed/x", `{}`, nil, "caller-not-allowed", ""},
		"nobody":                        {"", "/closed/x", `{}`, nil, "caller-not-allowed", ""},
		"a dry run":                     {"id-2", "/closed/x", `{}`, map[string]string{"X-Relay-Dry-Run": "true"}, "caller-not-allowed", "stranger"},
		"a batch":                       {"id-2", "/closed/x", `[{}]`, nil, "caller-not-allowed", "stranger"},
		"a broken record":               {"id-2", "/closed/x", `{`, nil, "caller-not-allowed", "stranger"},
		"a name that claims to be one":  {"id-2", "/closed/x", `{}`, map[string]string{"X-Api-Key": "osmos"}, "caller-not-allowed", "stranger"},
		"an open destination":           {"id-2", "/v2/x", `{}`, nil, "", "stranger"},
		"the open one beside a closed":  {"id-2", "/side/open", `{}`, nil, "", "stranger"},
		"a path that is filled":         {"id-2", "/side/{name}", `{"name": "closed"}`, nil, "caller-not-allowed", "stranger"},
		"a path that is filled, to try": {"id-1", "/side/{name}", `{"name": "closed"}`, nil, "", "osmos"},
	} {
		call := s.post(test.path, test.body, "Content-Type", "application/json")
		maps.Copy(call.header, test.header)
		call.apiKeyID = test.principal
		if got := s.send(t.Context(), call); got.problem != test.problem {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if got, _ := s.lastEntry()["caller"].(string); got != test.caller {
			t.Errorf("%s: the log calls the caller %q", name, got)
		}
	}
}

// sideDocument is one of two documents of the same server.
const sideDocument = loopback + `servers: [{url: "http://$API/side"}]
paths: {/open: {post: {}}}
`

// TestRequestIDs takes the gateway's id, then the trace's, then the caller's own where
// it is fit, and makes one otherwise; the log and the answer have the same.
func TestRequestIDs(t *testing.T) {
	const trace, made = "4bf92f3577b34da6a3ce929d0e0e4736", "made"
	for name, test := range map[string]struct {
		header map[string]string
		want   string
	}{
		"a trace":              {map[string]string{"Traceparent": "00-" + trace + "-00f067aa0ba902b7-01", "X-Request-Id": "other"}, trace},
		"a later version":      {map[string]string{"Traceparent": "cc-" + trace + "-00f067aa0ba902b7-01-more"}, trace},
		"no trace":             {map[string]string{"Traceparent": "00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, made},
		"half a trace":         {map[string]string{"Traceparent": "00-" + trace[:30] + "-00f067aa0ba902b7-01"}, made},
		"capitals":             {map[string]string{"Traceparent": "00-" + strings.ToUpper(trace) + "-00f067aa0ba902b7-01"}, made},
		"an invalid version":   {map[string]string{"Traceparent": "ff-" + trace + "-00f067aa0ba902b7-01"}, made},
		"the caller's own":     {map[string]string{"X-Request-Id": "run-7/record:42"}, "run-7/record:42"},
		"one with a space":     {map[string]string{"X-Request-Id": "run 7"}, made},
		"one with a quote":     {map[string]string{"X-Request-Id": `run"7`}, made},
		"an empty one":         {map[string]string{"X-Request-Id": ""}, made},
		"one that is too long": {map[string]string{"X-Request-Id": strings.Repeat("7", 129)}, made},
		"none":                 {nil, made},
	} {
		s := newStage(t, managedDocument)
		call := s.get("/v2/orders")
		maps.Copy(call.header, test.header)
		answered := call.overHTTP(s.handler)
		entry := s.lastEntry()
		got, _ := entry["requestId"].(string)
		if test.want != made && got != test.want || test.want == made && !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got) {
			t.Errorf("%s: the id is %q, want %s", name, got, test.want)
		}
		if ids := answered.header["X-Relay-Request-Id"]; len(ids) != 1 || ids[0] != got {
			t.Errorf("%s: the answer has %q, the log %q", name, ids, got)
		}
		if entry["address"] != "192.0.2.1" {
			t.Errorf("%s: the log has the address %v", name, entry["address"])
		}
	}
	s := newStage(t, managedDocument)
	for path, problem := range map[string]string{"/v2/orders": "", "/nowhere": "destination-not-declared"} {
		got := s.send(t.Context(), s.get(path, "X-Request-Id", "another"))
		if got.problem != problem || got.header.Get("X-Relay-Request-Id") != "the-request-id" {
			t.Errorf("%s: %v %s", path, got.header, got.body)
		}
	}
}

// TestNamedKeys names callers over HTTP by the keys of the secret.
func TestNamedKeys(t *testing.T) {
	s := newStage(t, managedDocument)
	s.secrets.Put("keyrelay/callers", `{"osmos": ["new", "old"], "crm": "other"}`)
	handler := s.wire([]string{closedDocument}, relay.Config{Log: s.log, CallerKeys: destination.Reference{Provider: "secretsmanager", Name: "keyrelay/callers"}})
	for key, want := range map[string]string{"new": "osmos", "old": "osmos", "other": "crm", "none": ""} {
		answered := s.get("/closed", "X-Api-Key", key).overHTTP(handler)
		if got, _ := s.lastEntry()["caller"].(string); got != want || (answered.status == http.StatusOK) != (want != "") {
			t.Errorf("%s: %d, the caller is %q, want %q", key, answered.status, got, want)
		}
	}
}

// TestBatchesAcrossDocuments sends a batch whose records' paths lead to two documents side by
// side, which know different sessions: a token that one of them knows is worth nothing at the other.
// The log names both.
func TestBatchesAcrossDocuments(t *testing.T) {
	t.Setenv("SESSIONS_ONE", `["`+digest("token-of-one")+`"]`)
	t.Setenv("SESSIONS_OTHER", "[]")
	document := func(path, sessions string) string {
		return loopbackAPI + "x-keyrelay-batch: split\nx-keyrelay-session: {field: session, secret: 'env:" + sessions + "'}\npaths:\n  " + path +
			": {post: {parameters: [{name: kind, in: path, required: true, schema: {type: string}}]}}\n"
	}
	s := newStage(t, document("/{kind}/items", "SESSIONS_ONE"), strings.Replace(document("/special/items", "SESSIONS_OTHER"), "parameters: [{name: kind, in: path, required: true, schema: {type: string}}]", "", 1))
	got := s.send(t.Context(), s.post("/v2/{kind}/items", `[{"kind":"usual","session":"token-of-one"},{"kind":"special","session":"token-of-one"}]`))
	var received []string
	for _, each := range s.api.Take() {
		received = append(received, each.URI)
	}
	if !slices.Equal(received, []string{"/v2/usual/items"}) || !bytes.Contains(got.body, []byte("session-invalid")) {
		t.Errorf("%q were received: %d %s", received, got.status, got.body)
	}
	if logged := s.lastEntry()["destination"]; logged != "a,b" {
		t.Errorf("the log says that %v was called", logged)
	}
}

// TestBatchesAcrossOperations sends a batch whose records' paths lead to other operations than the
// one that the path unfilled finds: one that takes no batch, only a shorter one, or delivers later.
func TestBatchesAcrossOperations(t *testing.T) {
	s := newQueueStage(t, loopbackAPI+`paths:
  /{kind}/items: {post: {x-keyrelay-batch: split, parameters: [{name: kind, in: path, required: true, schema: {type: string}}]}}
  /alone/items: {post: {}}
  /whole/items: {post: {x-keyrelay-batch: whole}}
  /few/items: {post: {x-keyrelay-batch: split, x-keyrelay-batch-max: 5}}
  /many/items: {post: {x-keyrelay-batch: split, x-keyrelay-batch-max: 6}}
  /later/items: {post: {x-keyrelay-batch: split, x-keyrelay-delivery: later}}
`)
	const batch = `[{"kind":"usual"},{"kind":"alone"},{"kind":"whole"},{"kind":"few"},{"kind":"many"},{"kind":"later"}]`
	got := s.send(t.Context(), s.post("/v2/{kind}/items", batch))
	var received []string
	for _, each := range s.api.Take() {
		received = append(received, each.URI)
	}
	slices.Sort(received)
	if !slices.Equal(received, []string{"/v2/many/items", "/v2/usual/items"}) || bytes.Count(got.body, []byte("batch-not-declared")) != 3 || bytes.Count(got.body, []byte("record-too-large")) != 1 {
		t.Errorf("%q were received: %d %s", received, got.status, got.body)
	}
	s.send(t.Context(), s.async("/v2/{kind}/items", batch))
	if queued := s.queues.Messages("queue"); len(queued) != 3 {
		t.Errorf("%d were queued, of which one is for later anyhow", len(queued))
	}
}
