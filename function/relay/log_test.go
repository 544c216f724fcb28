package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/relay"
	"keyrelay/function/secret"
)

// TestLogTellsReplay sees that the log says which request was sent twice, and of no other.
func TestLogTellsReplay(t *testing.T) {
	s := newStage(t, managedDocument)
	call := s.post("/v2/orders", `{}`)
	s.send(t.Context(), call)
	if _, said := s.lastEntry()["replayed"]; said {
		t.Errorf("the first request was sent once: %s", s.log)
	}
	s.api.answerWith(keyed("the-rotated-key"))
	s.secrets.Put("keyrelay/api", `{"key": "the-rotated-key"}`)
	if got := s.send(t.Context(), call); got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if entry := s.lastEntry(); entry["replayed"] != true {
		t.Errorf("the second request was sent twice: %v", entry)
	}
}

// tokenDocument is a downstream that takes one record at a time, with a token for each.
const tokenDocument = loopback + `servers: [{url: "http://$API"}]
x-keyrelay-batch: split
x-keyrelay-batch-concurrency: 1
security: [{token: []}]
components:
  securitySchemes:
    token: {type: apiKey, in: header, name: X-Token, x-keyrelay-lifetime: 0, x-keyrelay-secret: "env:RELAY_TEST_SECRET",
      x-itential-dynamic-retrieval: {method: POST, url: "http://$API/token", responsePointer: /token}}
`

// TestBatchBlame sees that of all who are to blame for a batch the log names who an
// operator can do most about, whatever the order of the records: the token endpoint
// before the downstream, the downstream before the caller.
func TestBatchBlame(t *testing.T) {
	const token, fails, conflicts = "token-endpoint", http.StatusInternalServerError, http.StatusConflict
	for name, test := range map[string]struct {
		statuses []int
		// tokens is how many records get one.
		tokens int64
		blame  string
	}{
		"nobody":                          {[]int{200, 200}, 2, "nobody"},
		"the caller":                      {[]int{200, conflicts}, 2, "caller"},
		"the caller, then the downstream": {[]int{conflicts, fails}, 2, "downstream"},
		"the downstream, then the caller": {[]int{fails, conflicts}, 2, "downstream"},
		"the downstream, then no token":   {[]int{fails, 200}, 1, token},
		"the caller, then no token":       {[]int{conflicts, 200}, 1, token},
		"no token at all":                 {[]int{fails, fails}, 0, token},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("RELAY_TEST_SECRET", "{}")
			var tokens, records atomic.Int64
			s := newStage(t, tokenDocument)
			s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token" {
					w.WriteHeader(test.statuses[records.Add(1)-1])
					return
				}
				if tokens.Add(1) > test.tokens {
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = io.WriteString(w, `{"token":"t-1"}`)
			})
			answer := s.send(t.Context(), s.post("/orders", numbered(len(test.statuses), 0)))
			if got := s.lastEntry()["blame"]; got != test.blame {
				t.Errorf("the log blames %v: %d %s", got, answer.status, answer.body)
			}
		})
	}
}

// TestLogLevels sees that an error is what somebody has to look at.
func TestLogLevels(t *testing.T) {
	for code, level := range map[int]string{200: "INFO", 404: "INFO", 500: "ERROR"} {
		s := newStage(t, managedDocument)
		s.api.answerWith(status(code))
		s.send(t.Context(), s.get("/v2/orders"))
		if got := fmt.Sprint(s.lastEntry()["level"]); got != level {
			t.Errorf("a downstream's %d is logged as %s", code, got)
		}
	}
}

// TestLogTellsTimes sees that a time is in milliseconds, to the microsecond: how long a
// message was in the queue, whose age is no less than nothing.
func TestLogTellsTimes(t *testing.T) {
	for age, want := range map[time.Duration]string{
		-time.Second: "0.000", 0: "0.000", 7*time.Microsecond + 999: "0.007", 450 * time.Microsecond: "0.450", time.Hour + 12_034*time.Microsecond: "3600012.034",
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			made := relay.New(relay.Config{Destinations: load(t, "", loopback+`servers: [{url: "http://127.0.0.1:9"}]`), Secrets: secret.New(secret.Config{}), Log: &log})
			made.Deliver(t.Context(), []gateway.QueueMessage{{Sent: time.Now().Add(-age)}})
			if !strings.Contains(log.String(), `"ageMs":`+want+`,`) {
				t.Errorf("not %s after %v: %s", want, age, &log)
			}
		})
	}
}
