package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"keyrelay/function/fake"
)

// TestDeliver sees that a record arrives as it would have at once, with a key that stays
// the same at every try, and that its log entry says so.
func TestDeliver(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	call := s.async("/v2/orders", `{"tenant": "acme", "n": 12345678901234567890, "text": "a\u00fc\ufffe"}`, "Prefer", "respond-async, wait=5", "X-Kept", "é")
	call.header["Prefer"] = "wait=5"
	s.send(t.Context(), call)
	call.header["Prefer"] = "wait=5, respond-async"
	id := s.accept(call)
	if done, again := s.pump(t.Context()); done != 1 || again != 0 || len(s.queues.Messages("queue"))+len(s.queues.Messages("dead")) != 0 {
		t.Errorf("%d done, %d again", done, again)
	}
	arrived := s.api.Take()
	if key := arrived[1].Header.Get("Idempotency-Key"); key != id {
		t.Errorf("the Idempotency-Key is %q, not %s", key, id)
	}
	arrived[1].Header.Del("Idempotency-Key")
	if difference := cmp.Diff(arrived[0].String(), arrived[1].String()); difference != "" {
		t.Error(difference)
	}
	entry := s.lastEntry()
	for name, want := range map[string]any{
		"message": "delivery", "requestId": "the-request-id", "messageId": id, "attempt": 1.0, "outcome": "delivered", "destination": "a", "operation": "/orders",
		"method": "POST", "status": 200.0, "level": "INFO", "Delivered": 1.0, "FunctionName": "relay", "scheme": "key",
	} {
		if entry[name] != want {
			t.Errorf("%s is %v", name, entry[name])
		}
	}
	for _, name := range []string{"Success", "Faults", "Duration", "Queued", "pauseMs", "problem"} {
		if entry[name] != nil {
			t.Errorf("%s is %v", name, entry[name])
		}
	}
}

// TestOutcomes sees what becomes of a record by what the API answers.
func TestOutcomes(t *testing.T) {
	const again, dead = "again", "dead"
	answers := map[string]struct {
		answer http.HandlerFunc
		want   string
		// problem and status are those of the dead letter.
		problem, status string
	}{
		"200": {status(200), "done", "", ""}, "202": {status(202), "done", "", ""}, "204": {status(204), "done", "", ""}, "299": {status(299), "done", "", ""},
		"303": {status(303), dead, "downstream-status", "303"}, "304": {status(304), dead, "downstream-status", "304"}, "400": {status(400), dead, "downstream-status", "400"},
		"404": {status(404), dead, "downstream-status", "404"}, "422": {status(422), dead, "downstream-status", "422"},
		"401, also after the secret was read again": {status(401), dead, "downstream-status", "401"},
		"408": {status(408), again, "", ""}, "425": {status(425), again, "", ""}, "429": {status(429), again, "", ""},
		"500": {status(500), again, "", ""}, "503": {status(503), again, "", ""}, "599": {status(599), again, "", ""},
		"a reset":            {closing(""), again, "", ""},
		"no HTTP":            {closing("this is no HTTP\r\n\r\n"), again, "", ""},
		"silence":            {hang, again, "", ""},
		"too large, at last": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "100000000") }, dead, "downstream-answer-too-large", "502"},
	}
	for name, test := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := 25.0
			if name == "silence" {
				timeout = 0.1
			}
			s := newQueueStage(t, fmt.Sprintf("x-keyrelay-timeout: %v\n", timeout)+laterDocument)
			s.api.answerWith(test.answer)
			id := s.accept(s.async("/v2/orders", `{"a": "canary-of-the-record"}`))
			s.pump(t.Context())
			told, waits, buried := "done", s.queues.Messages("queue"), s.queues.Messages("dead")
			switch {
			case len(waits) == 1 && len(buried) == 0:
				told = again
			case len(waits) == 0 && len(buried) == 1:
				told = dead
			}
			if told != test.want {
				t.Fatalf("%s; %d wait, %d are dead\n%s", told, len(waits), len(buried), s.log.String())
			}
			if told != dead {
				return
			}
			letter := buried[0]
			if letter.Attributes["problem"] != test.problem || letter.Attributes["status"] != test.status || letter.Attributes["destination"] != "a" ||
				letter.Attributes["detail"] == "" || strings.Contains(fmt.Sprint(letter.Attributes), "canary") || !strings.Contains(letter.Body, id) {
				t.Errorf("%+v", letter)
			}
			if entry := s.lastEntry(); entry["outcome"] != "dead" || entry["level"] != "ERROR" || entry["Dead"] != 1.0 || entry["Destination"] != "a" || entry["blame"] == "nobody" {
				t.Errorf("%v", entry)
			}
			if said := strings.Contains(letter.Attributes["detail"], "redirect"); said != (test.status == "303") {
				t.Errorf("of %s it says %q", test.status, letter.Attributes["detail"])
			}
		})
	}
}

// TestPauses sees that pauses grow by the receipts, that a Retry-After is honoured within
// what a queue can do, and that a record is a dead letter once its hours are over.
func TestPauses(t *testing.T) {
	s := newQueueStage(t, laterDocument+"x-keyrelay-delivery-hours: 24\n")
	var after atomic.Value
	after.Store("")
	s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after.Load().(string))
		w.WriteHeader(500)
	})
	s.accept(s.async("/v2/orders", `{}`))
	for _, test := range []struct {
		receives    int
		age         time.Duration
		after       string
		least, most time.Duration
	}{
		{1, 0, "", time.Second, 2 * time.Second},
		{2, time.Minute, "", 2 * time.Second, 4 * time.Second},
		{5, time.Hour, "", 36 * time.Second, 36 * time.Second},
		{6, time.Hour, "", 36 * time.Second, 64 * time.Second},
		{1000, 10 * time.Hour, "", 15 * time.Minute, 30 * time.Minute},
		{1000, time.Minute, "", 7 * time.Second, 15 * time.Second},
		{1, 0, "90", 90 * time.Second, 90 * time.Second},
		{1, 0, "soon", time.Second, 2 * time.Second},
		{1, 0, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 59 * time.Minute, time.Hour},
		{1, 0, "86000", 11*time.Hour + 30*time.Minute, 11*time.Hour + 30*time.Minute},
		{1, 24*time.Hour - 16*time.Minute, "", 14 * time.Minute, 15 * time.Minute},
		{1, 24 * time.Hour, "", -1, -1},
		{3, 24*time.Hour - 14*time.Minute, "", -1, -1},
		{1, 13 * time.Hour, "86000", -1, -1},
	} {
		after.Store(test.after)
		messages := s.receive()
		messages[0].Attributes = map[string]string{"ApproximateReceiveCount": fmt.Sprint(test.receives), "SentTimestamp": fmt.Sprint(time.Now().Add(-test.age).UnixMilli())}
		answer := s.deliver(t.Context(), messages)
		pauses := s.queues.TakePauses()
		switch {
		case test.most < 0:
			if len(answer.BatchItemFailures) != 0 || len(pauses) != 0 {
				t.Errorf("%+v: %v", test, pauses)
			}
		case len(pauses) != 1 || pauses[0] < test.least || pauses[0] > test.most || len(answer.BatchItemFailures) != 1:
			t.Errorf("%+v: %v", test, pauses)
		}
		s.queues.Show("queue")
	}
	for _, each := range s.queues.Messages("dead") {
		if detail := each.Attributes["detail"]; each.Attributes["problem"] != "downstream-status" || each.Attributes["status"] != "500" || !strings.Contains(detail, "24 hours are over") {
			t.Errorf("%v", each.Attributes)
		}
	}
	if letters := len(s.queues.Messages("dead")); letters != 3 {
		t.Errorf("%d dead letters", letters)
	}
}

// TestPoison sees that a message which nobody can deliver is a dead letter at once, as it was.
func TestPoison(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.accept(s.async("/v2/orders", `{"a":1}`))
	good := s.queues.Messages("queue")[0].Body
	s.pump(t.Context())
	s.api.Take()
	bodies := map[string]string{
		"no JSON": "hello", "a list": "[]", "of another": `{"detail": {"a": 1}}`, "with something behind": good + "{}",
		"of another version":    strings.Replace(good, `"version":1`, `"version":2`, 1),
		"with a foreign member": strings.Replace(good, `{`, `{"extra":1,`, 1),
		"a dry run":             strings.Replace(good, `"header":{`, `"header":{"X-Relay-Dry-Run":["true"],`, 1),
		"a header with a break": strings.Replace(good, `"header":{`, `"header":{"X-A":["a\r\nX-B: c"],`, 1),
		"a name that is none":   strings.Replace(good, `"header":{`, `"header":{"X A":["a"],`, 1),
		"two bodies":            strings.Replace(good, `"text":`, `"base64":"aGk=","text":`, 1),
		"no id":                 strings.Replace(good, `"id":"`, `"id":"x`, 1),
	}
	for _, body := range bodies {
		if _, err := s.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.url, MessageBody: aws.String(body)}); err != nil {
			t.Fatal(err)
		}
	}
	s.pump(t.Context())
	s.pump(t.Context())
	buried := map[string]bool{}
	for _, each := range s.queues.Messages("dead") {
		buried[each.Body] = each.Attributes["problem"] == "message-invalid" && each.Attributes["status"] == "400" && each.Attributes["detail"] != ""
	}
	for name, body := range bodies {
		if !buried[body] {
			t.Errorf("%s is no dead letter, or without its reason", name)
		}
	}
	if arrived := s.api.Take(); len(arrived) != 0 {
		t.Errorf("%v", arrived)
	}
}

// TestDocumentOfThen sees that what the documents of the delivery refuse is a dead letter with the problem's name.
func TestDocumentOfThen(t *testing.T) {
	for problem, document := range map[string]string{
		"destination-not-declared": strings.ReplaceAll(laterDocument, "/v2", "/v3"),
		"operation-not-declared":   strings.Replace(laterDocument, "  /orders:", "  /none:", 1),
		"caller-not-allowed":       laterDocument + "x-keyrelay-callers: [osmos]\n",
		"field-missing":            laterDocument + "x-keyrelay-body: '{{{b}}}'\n",
	} {
		s := newQueueStage(t, laterDocument)
		s.accept(s.async("/v2/orders", `{"a":1}`))
		s.start(document)
		s.pump(t.Context())
		if letters := s.queues.Messages("dead"); len(letters) != 1 || letters[0].Attributes["problem"] != problem {
			t.Errorf("%s: %+v", problem, letters)
		}
	}
}

// TestDeadQueueUnavailable sees that a message stays in the queue where the dead-letter queue does not take it.
func TestDeadQueueUnavailable(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.api.answerWith(status(404))
	s.accept(s.async("/v2/orders", `{}`))
	messages := s.receive()
	s.queues.Fail(fake.Fault("AccessDenied", http.StatusForbidden))
	if answer := s.deliver(t.Context(), messages); len(answer.BatchItemFailures) != 1 {
		t.Errorf("%v", answer)
	}
	if entry := s.lastEntry(); entry["outcome"] != "retried" || !strings.Contains(fmt.Sprint(entry["detail"]), "AccessDenied") {
		t.Errorf("%v", entry)
	}
}

// TestSecretUnavailableLater sees that a credential that cannot be had is waited for, and a
// credential that is renewed is used as in a call that is answered at once.
func TestSecretUnavailableLater(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.secrets.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
	s.accept(s.async("/v2/orders", `{}`))
	if _, again := s.pump(t.Context()); again != 1 || s.lastEntry()["problem"] != "secret-unavailable" {
		t.Errorf("%v", s.lastEntry())
	}
	s.secrets.Fail(nil)
	s.start(laterDocument) // a new instance, which has no failure in memory
	s.mustDeliver(t, 1)
	s.api.Answer(func(call int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Partner-Key") == theKey {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	s.secrets.Put("keyrelay/api", `{"key": "the-next-key"}`)
	s.accept(s.async("/v2/orders", `{}`))
	s.mustDeliver(t, 1)
	if entry := s.lastEntry(); entry["outcome"] != "delivered" || entry["replayed"] != true {
		t.Errorf("%v", entry)
	}
}

// mustDeliver shows all messages and gives them to the function, of which as many are done.
func (s *queueStage) mustDeliver(t *testing.T, want int) {
	t.Helper()
	s.queues.Show("queue")
	if done, again := s.pump(t.Context()); done != want || again != 0 {
		t.Errorf("%d done, %d again: %v", done, again, s.lastEntry())
	}
}

// TestDestinationLeftAlone sees that an API which cannot be reached is tried by a few records only,
// while those of others are delivered, and again once it can be reached.
func TestDestinationLeftAlone(t *testing.T) {
	s := newQueueStage(t, laterDocument, strings.ReplaceAll(managedDocument, "/v2", "/other"))
	s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	for range 20 {
		s.accept(s.async("/v2/orders", `{}`))
	}
	s.accept(s.async("/other/orders", `{}`))
	for range 3 {
		s.pump(t.Context())
	}
	tried := 0
	for _, arrived := range s.api.Take() {
		if strings.HasPrefix(arrived.URI, "/v2") {
			tried++
		}
	}
	if tried < 5 || tried > 13 { // those of one event are sent side by side, and a slow machine comes to a probe
		t.Errorf("%d tries", tried)
	}
	if waits := len(s.queues.Messages("queue")); waits != 20 {
		t.Errorf("%d wait", waits)
	}
	if log := s.log.String(); strings.Count(log, `"postponed"`) < 10 || strings.Count(log, `"delivered"`) != 1 {
		t.Error(log)
	}
	s.api.answerWith(status(200))
	s.start(laterDocument) // another instance knows nothing of it
	s.queues.Show("queue")
	s.mustDeliver(t, 10)
	s.mustDeliver(t, 10)
}

// TestNearDeadline sees that an invocation whose time is nearly up gives messages back at once, untried.
func TestNearDeadline(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.accept(s.async("/v2/orders", `{}`))
	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, again := s.pump(short); again != 1 || s.api.Calls() != 0 {
		t.Errorf("%d again, %d calls", again, s.api.Calls())
	}
	if pauses := s.queues.TakePauses(); len(pauses) != 1 || pauses[0] != 0 || s.lastEntry()["outcome"] != "postponed" {
		t.Errorf("%v", pauses)
	}
	long, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if done, _ := s.pump(long); done != 1 {
		t.Error("it is not delivered")
	}
}

// TestKilledWithinABatch sees that records come again that a program had not told the queue about.
func TestKilledWithinABatch(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	ids := map[string]bool{}
	for range 5 {
		ids[s.accept(s.async("/v2/orders", `{}`))] = true
	}
	s.deliver(t.Context(), s.receive()) // and then nothing is deleted
	s.start(laterDocument)
	s.mustDeliver(t, 5)
	seen := map[string]int{}
	for _, arrived := range s.api.Take() {
		seen[arrived.Header.Get("Idempotency-Key")]++
	}
	for id := range ids {
		if seen[id] != 2 {
			t.Errorf("%s arrived %d times", id, seen[id])
		}
	}
	if len(s.queues.Messages("queue")) != 0 {
		t.Error("some are left")
	}
}

// TestDeliverWithoutQueue sees that a function which has no queue delivers what it is given
// all the same, and has come again whatever it could not deliver.
func TestDeliverWithoutQueue(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.accept(s.async("/v2/orders", `{}`))
	messages := s.receive()
	s.stage.start(laterDocument)
	for code, failures := range map[int]int{200: 0, 404: 1, 503: 1} {
		s.api.answerWith(status(code))
		if answer := s.deliver(t.Context(), messages); len(answer.BatchItemFailures) != failures {
			t.Errorf("%d: %v", code, answer)
		}
	}
	if calls := s.api.Calls(); calls != 3 || len(s.queues.Messages("dead")) != 0 {
		t.Errorf("%d calls", calls)
	}
}
