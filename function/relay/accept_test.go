package relay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// laterDocument is an API with a key, some of whose operations are delivered later.
const laterDocument = managedDocument + `
paths:
  /orders: {post: {parameters: [{name: tenant, in: query, schema: {type: string}}]}, get: {}}
  /later: {post: {x-keyrelay-delivery: later}}
  /split: {post: {x-keyrelay-batch: split}}
`

// TestAccept sees through every front end that a record is queued instead of sent, and what is answered.
func TestAccept(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	for frontEnd, got := range s.throughAll(s.raw("/v2/orders", `{"a":1}`, "Content-Type", "application/json", "Prefer", "respond-async"), false) {
		var document map[string]string
		if err := json.Unmarshal(got.body, &document); err != nil || got.status != http.StatusAccepted || len(document) != 1 || document["id"] == "" {
			t.Errorf("%s: %d %s", frontEnd, got.status, got.body)
		}
		for name, want := range map[string]string{"Preference-Applied": "respond-async", "Vary": "*", "Content-Type": "application/json", "Proxy-Status": "keyrelay; error=proxy_internal_response"} {
			if got := got.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", frontEnd, name, got)
			}
		}
		if got.header.Get("X-Relay-Request-Id") == "" {
			t.Errorf("%s: no request id", frontEnd)
		}
	}
	messages := s.queues.Messages("queue")
	if len(messages) != 5 || s.api.Calls() != 0 || s.secrets.TakeCalls() != 0 {
		t.Errorf("%d messages, %d calls of the API", len(messages), s.api.Calls())
	}
	for _, each := range messages {
		if each.Group != "a" || len(each.Attributes) != 0 {
			t.Errorf("%+v", each)
		}
	}
}

// TestPrefer sees which requests are delivered later, and what of Prefer the API is told.
func TestPrefer(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	for prefer, want := range map[string]string{
		"respond-async":                                 "202",
		"Respond-Async, wait=10":                        "202",
		"wait=10; a=b, respond-async":                   "202",
		"return=minimal ,\trespond-async ; foo=\"a,b\"": "202",
		`respond-async=""`:                              "202",
		"":                                              "200 []",
		"wait=10":                                       "200 [wait=10]",
		"return=minimal, wait=10":                       "200 [return=minimal, wait=10]",
		`foo="respond-async, \", respond-async"`:        `200 [foo="respond-async, \", respond-async"]`,
		"foo; respond-async":                            "200 [foo; respond-async]",
		"respond-async-later":                           "200 [respond-async-later]",
		"respond-async=false":                           "200 []",
		"respond-async=no, return=minimal":              "200 [return=minimal]",
	} {
		got := s.send(t.Context(), s.async("/v2/orders", `{}`, "Prefer", prefer))
		told := fmt.Sprint(got.status)
		for _, arrived := range s.api.Take() {
			told += fmt.Sprint(" ", arrived.Header["Prefer"])
		}
		if told != want {
			t.Errorf("Prefer: %s: %s", prefer, told)
		}
	}
	if got := s.send(t.Context(), s.async("/v2/later", `{}`, "Prefer", "")); got.status != 202 {
		t.Errorf("x-keyrelay-delivery: %d", got.status)
	}
}

// TestPreferWithoutQueue sees that the preference is ignored where there is no queue, and never forwarded.
func TestPreferWithoutQueue(t *testing.T) {
	s := newStage(t, managedDocument)
	got := s.send(t.Context(), s.post("/v2/orders", "{}", "Prefer", "respond-async, wait=5"))
	arrived := s.api.Take()
	if got.status != 200 || len(arrived) != 1 || arrived[0].Header.Get("Prefer") != "wait=5" || got.header["Preference-Applied"] != nil {
		t.Errorf("%d %v", got.status, arrived)
	}
}

// TestAcceptRefuses sees that what can be refused is refused at once, and nothing queued.
func TestAcceptRefuses(t *testing.T) {
	s := newQueueStage(t, laterDocument, closedDocument, sessions("checked"))
	s.secrets.Put("keyrelay/checked", `["`+strings.Repeat("0", 64)+`"]`)
	for name, test := range map[string]struct {
		call sent
		want string
	}{
		"another server":        {s.async("/v3/orders", `{}`), "destination-not-declared"},
		"another operation":     {s.async("/v2/none", `{}`), "operation-not-declared"},
		"another caller":        {s.async("/closed", `{}`), "caller-not-allowed"},
		"a field that lacks":    {s.async("/v2/orders", `{}`, "X-Osmos-Query-Param-Fields", "a"), "field-missing"},
		"a broken record":       {s.async("/v2/orders", `{"a"`, "X-Osmos-Query-Param-Fields", "a"), "record-invalid"},
		"an unknown session":    {s.async("/checked", `{"session":"x"}`), "session-invalid"},
		"a batch":               {s.async("/v2/orders", `[{}]`), "batch-not-declared"},
		"too large":             {s.async("/v2/orders", `{"a":"`+strings.Repeat("x", 1<<20-4<<10)+`"}`), "record-too-large"},
		"a cookie of its own":   {s.async("/v2/orders", `{}`, "Cookie", "sid=secret; key={{{key}}}"), "header-invalid"},
		"a token of its own":    {s.async("/v2/orders", `{}`, "Authorization", "Bearer secret {{{key}}}"), "header-invalid"},
		"a placeholder of none": {s.async("/v2/orders", `{}`, "X-Key", "{{{none}}}"), "placeholder-unknown"},
	} {
		if got := s.send(t.Context(), test.call); got.problem != test.want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if messages := s.queues.Messages("queue"); len(messages) != 0 {
		t.Errorf("%+v", messages)
	}
}

// TestMessageHoldsNoCredential sees what a message holds: what directs the relay and what it
// forwards, and nothing by which someone could pass for the caller, or that is a credential.
func TestMessageHoldsNoCredential(t *testing.T) {
	s := newQueueStage(t, laterDocument, sessions("checked"))
	s.secrets.Put("keyrelay/checked", `["`+digest("canary-session")+`"]`)
	for _, path := range []string{"/v2/orders", "/checked/orders"} {
		s.accept(s.async(path, `{"a": 1.10, "session": "canary-session", "b": "ü"}`, "X-Api-Key", "canary-key", "Authorization", "Bearer canary-token", "Cookie", "sid=canary-cookie",
			"X-Amz-Security-Token", "canary-aws", "X-Forwarded-For", "canary-address", "Proxy-Authorization", "canary-proxy", "X-Kept", "kept", "X-Hop", "canary-hop", "Connection", "X-Hop",
			"X-Osmos-Query-Param-Fields", "a?"))
	}
	messages := s.queues.Messages("queue")
	if body := messages[1].Body; strings.Contains(body, "canary") {
		t.Errorf("%s", body)
	}
	if strings.Count(messages[0].Body, "canary") != 1 {
		t.Errorf("%s", messages[0].Body) // there it is a field of the record as any other
	}
	var got struct {
		Header http.Header
		Text   string
	}
	if err := json.Unmarshal([]byte(messages[1].Body), &got); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"X-Osmos-Outbound-Url": {"http://" + s.api.host + "/checked/orders"}, "X-Osmos-Query-Param-Fields": {"a?"}, "Content-Type": {"application/json"}, "X-Kept": {"kept"}}
	if difference := cmp.Diff(want, got.Header); difference != "" || got.Text != `{"a": 1.10, "b": "ü"}` {
		t.Error(got.Text, difference)
	}
	if done, _ := s.pump(t.Context()); done != 2 {
		t.Error("they are not delivered")
	}
	for _, arrived := range s.api.Take() {
		if strings.HasPrefix(arrived.URI, "/checked") && (arrived.URI != "/checked/orders?a=1.10" || string(arrived.Body) != `{"b": "ü"}`) {
			t.Errorf("%s", arrived)
		}
	}
	if log := s.log.String(); strings.Contains(log, "canary") {
		t.Error(log)
	}
}

// TestAcceptSplitBatch sees what a sender is told of each record of a batch.
func TestAcceptSplitBatch(t *testing.T) {
	s := newQueueStage(t, laterDocument, sessions("checked")+"x-keyrelay-batch: split\n")
	s.secrets.Put("keyrelay/checked", `["`+digest("good")+`"]`)
	type told struct {
		IDs     []string
		Results []struct {
			Status     int
			Body       struct{ ID string }
			Problem    struct{ Type string }
			RetryAfter int
		}
	}
	send := func(path, body string) (got answer, read told) {
		got = s.send(t.Context(), s.async(path, body))
		if err := json.Unmarshal(got.body, &read); err != nil {
			t.Fatal(err)
		}
		return got, read
	}
	if got, read := send("/v2/split", `[{"a":1},{"a":2},{"a":2}]`); got.status != 202 || len(read.IDs) != 3 || read.IDs[1] == read.IDs[2] || read.Results != nil {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got, _ := send("/v2/split", `[]`); got.status != 202 || string(got.body) != `{"ids":[]}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	large := strings.Repeat("x", 1<<20)
	if got, read := send("/v2/split", `[{"a":1},{"a":"`+large+`"},7]`); got.problem != "batch-incomplete" || len(read.Results) != 3 || read.Results[0].Status != 202 || read.Results[0].Body.ID == "" ||
		read.Results[1].Problem.Type != "urn:keyrelay:problem:record-too-large" || read.Results[2].Problem.Type != "urn:keyrelay:problem:record-invalid" {
		t.Errorf("%d %.2000s", got.status, got.body)
	}
	if got, read := send("/checked", `[{"session":"bad"},{"session":"good"}]`); got.status != 202 || len(read.IDs) != 1 || len(read.Results) != 2 || read.Results[1].Body.ID != read.IDs[0] {
		t.Errorf("%d %s", got.status, got.body)
	}
	if messages := s.queues.Messages("queue"); len(messages) != 5 {
		t.Errorf("%d messages", len(messages))
	}
	s.queues.Fail(fake.Fault("AccessDenied", http.StatusForbidden))
	if got, read := send("/v2/split", `[{"a":1}]`); got.problem != "batch-incomplete" || got.header.Get("Retry-After") != "5" || read.Results[0].Problem.Type != "urn:keyrelay:problem:queue-unavailable" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestSplitBatchKeys sees that a record of a batch has the same Idempotency-Key whether it
// is sent at once or later, and that many records make as few calls of the queue as they can.
func TestSplitBatchKeys(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	batch := "[" + strings.Repeat(`{"a":1},`, 24) + `{"a":1}]`
	keys := func() map[string]int {
		found := map[string]int{}
		for _, each := range s.api.Take() {
			found[each.Header.Get("Idempotency-Key")]++
		}
		return found
	}
	s.send(t.Context(), s.async("/v2/split", batch, "Prefer", "", "Idempotency-Key", "own"))
	atOnce := keys()
	s.send(t.Context(), s.async("/v2/split", batch, "Idempotency-Key", "own"))
	for range 3 {
		s.pump(t.Context())
	}
	if difference := cmp.Diff(atOnce, keys()); difference != "" || len(atOnce) != 25 {
		t.Error(len(atOnce), difference)
	}
}

// TestKeysOfRecords sees that an Idempotency-Key that the operation takes from the record is sent
// as it is, whether the record comes alone or in a batch, and is sent at once or later.
func TestKeysOfRecords(t *testing.T) {
	s := newQueueStage(t, loopbackAPI+"paths:\n  /orders: {post: {x-keyrelay-batch: split, parameters: [{name: Idempotency-Key, in: header, schema: {type: string}}]}}\n")
	const record = `{"Idempotency-Key":"own","a":1}`
	for _, body := range []string{record, "[" + record + "]"} {
		s.send(t.Context(), s.post("/v2/orders", body))
		s.send(t.Context(), s.async("/v2/orders", body))
		s.pump(t.Context())
	}
	arrived := s.api.Take()
	for _, each := range arrived {
		if got := each.Header["Idempotency-Key"]; !slices.Equal(got, []string{"own"}) || string(each.Body) != `{"a":1}` {
			t.Errorf("%q %s", got, each.Body)
		}
	}
	if len(arrived) != 4 {
		t.Errorf("%d were received", len(arrived))
	}
}

// TestDigestsLater sees that a digest of the caller's body is not sent with another body than that.
func TestDigestsLater(t *testing.T) {
	s := newQueueStage(t, loopbackAPI+"paths: {/split: {post: {x-keyrelay-batch: split}}}\n", sessions("checked"))
	s.secrets.Put("keyrelay/checked", `["`+digest("token")+`"]`)
	for _, test := range []struct {
		path, body string
		kept       bool
	}{{"/v2/split", `{"a":1}`, true}, {"/v2/split", `[{"a":1}]`, false}, {"/v2/split", "\ufeff{\"a\":1}", false}, {"/checked", `{"a":1,"session":"token"}`, false}} {
		s.send(t.Context(), s.async(test.path, test.body, "Content-Digest", "sha-256=:AA==:", "Content-MD5", "AA=="))
		s.pump(t.Context())
		arrived := s.api.Take()
		if len(arrived) != 1 || string(arrived[0].Body) != `{"a":1}` || (len(arrived[0].Header["Content-Digest"])+len(arrived[0].Header["Content-Md5"]) > 0) != test.kept {
			t.Errorf("%s: %v", test.body, arrived)
		}
	}
}

// TestLaterAcrossOperations accepts a batch for later, one of whose records is for an operation
// that by itself is carried out at once: it is delivered with all that it holds.
func TestLaterAcrossOperations(t *testing.T) {
	s := newQueueStage(t, loopbackAPI+"paths:\n  /{kind}/items: {post: {x-keyrelay-batch: split, x-keyrelay-delivery: later, parameters: [{name: kind, in: path, required: true, schema: {type: string}}]}}\n"+
		"  /special/items: {post: {x-keyrelay-batch: split}}\n")
	got := s.send(t.Context(), s.post("/v2/{kind}/items", `[{"kind":"usual","a":1},{"kind":"special","a":2}]`, "Content-Type", "application/json"))
	s.pump(t.Context())
	received := map[string]string{}
	for _, each := range s.api.Take() {
		received[each.URI] = string(each.Body)
	}
	if difference := cmp.Diff(map[string]string{"/v2/usual/items": `{"a":1}`, "/v2/special/items": `{"a":2}`}, received); difference != "" || got.status != 202 {
		t.Errorf("%d %s (-want +got):\n%s", got.status, got.body, difference)
	}
}

// TestBatchLaterWithoutSessions sees that the answer to a batch for later is made once, however
// many of its records have no session.
func TestBatchLaterWithoutSessions(t *testing.T) {
	t.Setenv("SESSIONS", "[]")
	s := newQueueStage(t, splitDocument("http://$API", 8)+"x-keyrelay-delivery: later\nx-keyrelay-session: {field: session, secret: 'env:SESSIONS'}\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := s.send(t.Context(), s.post("/orders", numbered(2000, 0)))
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if refused := bytes.Count(got.body, []byte("session-invalid")); got.status != 202 || refused != 2000 || allocated > 20*gateway.MaxAnswerBytes {
		t.Errorf("%d bytes were allocated: %d with %d refusals, %.300s", allocated, got.status, refused, got.body)
	}
}

// TestDryRunLater sees that a dry run shows what would be sent, and that it would be sent later.
func TestDryRunLater(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	for path, want := range map[string]string{"/v2/orders": `"delivery":"later"`, "/v2/split": `"delivery":"later"`} {
		body := map[string]string{"/v2/orders": `{"a":1}`, "/v2/split": `[{"a":1}]`}[path]
		got := s.send(t.Context(), s.async(path, body, "X-Relay-Dry-Run", "true"))
		if got.status != 200 || !strings.Contains(string(got.body), want) || strings.Contains(string(got.body), "Prefer") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got = s.send(t.Context(), s.async(path, body, "X-Relay-Dry-Run", "true", "Prefer", "wait=1")); strings.Contains(string(got.body), "delivery") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if messages := s.queues.Messages("queue"); len(messages) != 0 {
		t.Errorf("%+v", messages)
	}
}
