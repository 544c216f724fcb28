package relay_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRate sees that an API gets no more records than it takes, that instances share its
// pace, and that those which have to wait come again at their turn.
func TestRate(t *testing.T) {
	for instances, pauses := range map[int][]time.Duration{1: {time.Minute, 2 * time.Minute}, 2: {2 * time.Minute, 4 * time.Minute}} {
		s := newQueueStage(t)
		s.instances = instances
		s.start("x-keyrelay-rate: 1/min\n" + laterDocument)
		for range 3 {
			s.accept(s.async("/v2/orders", `{}`))
		}
		s.pump(t.Context())
		got := s.queues.TakePauses()
		slices.Sort(got)
		for i := range got {
			got[i] = got[i].Round(5 * time.Second)
		}
		if difference := cmp.Diff(pauses, got); difference != "" || s.api.Calls() != 1 {
			t.Errorf("%d instances: %d calls %s", instances, s.api.Calls(), difference)
		}
		if entry := s.lastEntry(); strings.Count(s.log.String(), `"outcome":"postponed"`) != 2 || entry["DeliveryRetried"] != nil {
			t.Error(s.log.String())
		}
	}
}

// TestTooOldForReach sees that a record whose hours end before its API may be reached is a
// dead letter with the reason for which others did not reach it.
func TestTooOldForReach(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.api.answerWith(closing(""))
	for range 5 {
		s.accept(s.async("/v2/orders", `{}`))
	}
	s.pump(t.Context())
	s.accept(s.async("/v2/orders", `{}`))
	calls, messages := s.api.Calls(), s.receive()
	messages[0].Attributes["SentTimestamp"] = fmt.Sprint(time.Now().Add(-24 * time.Hour).UnixMilli())
	s.deliver(t.Context(), messages)
	letters := s.queues.Messages("dead")
	if len(letters) != 1 || letters[0].Attributes["problem"] != "downstream-unreachable" || letters[0].Attributes["status"] != "502" || s.api.Calls() != calls {
		t.Errorf("%+v", letters)
	}
}

// TestAnswersOfDeliveries sees that large answers do not take memory together: nobody waits for them.
func TestAnswersOfDeliveries(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	large := []byte(strings.Repeat("x", 6<<20))
	s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) })
	for range 10 {
		s.accept(s.async("/v2/orders", `{}`))
	}
	if done, again := s.pump(t.Context()); done != 10 || again != 0 || len(s.queues.Messages("dead")) != 0 {
		t.Errorf("%d done, %d again, %d dead", done, again, len(s.queues.Messages("dead")))
	}
}

// TestRefusedCredentialLater sees that a record is not done where the API says 200 and means
// that it refuses the credential.
func TestRefusedCredentialLater(t *testing.T) {
	s := newQueueStage(t, strings.Replace(laterDocument, "name: X-Partner-Key,", "name: X-Partner-Key, x-keyrelay-refresh-on: [{status: 200, pointer: /error, equals: expired}],", 1))
	s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"error": "expired"}`)) })
	s.accept(s.async("/v2/orders", `{}`))
	s.pump(t.Context())
	letters := s.queues.Messages("dead")
	if len(letters) != 1 || letters[0].Attributes["status"] != "200" || !strings.Contains(letters[0].Attributes["detail"], "refuses the credential") {
		t.Errorf("%+v", letters)
	}
	if entry := s.lastEntry(); entry["CredentialFaults"] != 1.0 || entry["Scheme"] != "key" {
		t.Errorf("%v", entry)
	}
}
