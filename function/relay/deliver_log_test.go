package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"keyrelay/function/relay"
)

// TestDoubtLater sees that what the log warns of in a request is a warning in a delivery too.
func TestDoubtLater(t *testing.T) {
	s := newQueueStage(t, loopbackAPI+`security: [{token: []}]
components:
  securitySchemes:
    token: {type: apiKey, in: header, name: X-Token, x-itential-dynamic-retrieval: {method: POST, url: "http://$API/token", responsePointer: /token}, x-keyrelay-expires-in: /none}
`)
	s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"token": "a-token-of-unknown-life"}`)
	})
	s.accept(s.async("/v2/orders", `{}`))
	s.mustDeliver(t, 1)
	if entry := s.lastEntry(); entry["outcome"] != "delivered" || entry["level"] != "WARN" || entry["doubts"] == nil {
		t.Errorf("%v", entry)
	}
}

// TestPanicLater sees that a message at which the relay itself fails, before it knows the
// operation, comes again for as long as any other, and is a dead letter then.
func TestPanicLater(t *testing.T) {
	s := newQueueStage(t, laterDocument)
	s.accept(s.async("/v2/orders", `{}`))
	broken := s.queueConfig()
	broken.Destinations = nil
	s.serve(relay.New(broken))
	for _, test := range []struct {
		age            time.Duration
		outcome, level string
	}{{time.Hour, "retried", "WARN"}, {24 * time.Hour, "dead", "ERROR"}} {
		messages := s.receive()
		messages[0].Attributes = map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": fmt.Sprint(time.Now().Add(-test.age).UnixMilli())}
		s.deliver(t.Context(), messages)
		if entry := s.lastEntry(); entry["outcome"] != test.outcome || entry["level"] != test.level || entry["problem"] != "internal" || entry["stack"] == nil {
			t.Errorf("%+v: %v", test, entry)
		}
		s.queues.Show("queue")
	}
}
