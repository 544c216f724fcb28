package relay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
)

// shownRequest is what a dry run shows of an outbound request, or what arrived of it.
type shownRequest struct {
	Method, URL, Body string
	Headers           http.Header
}

// manyPlacesDocument is an API whose key goes into a header, the query and a cookie.
const manyPlacesDocument = loopbackAPI + `security: [{header: [], query: [], cookie: []}]
components:
  securitySchemes:
    header: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    query: {type: apiKey, in: query, name: api key, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
    cookie: {type: apiKey, in: cookie, name: sid, x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}
`

// TestDryRunShowsWhatIsSent sends a request that already holds copies of the fields
// that the credentials go into, and sees that the dry run shows exactly what
// arrives, but for the credentials.
func TestDryRunShowsWhatIsSent(t *testing.T) {
	s := newStage(t, manyPlacesDocument)
	call := s.post("/v2/orders?api%20key=mine&b=1", `{"id":7,"amount":1.10}`,
		"Content-Type", "application/json", "X-Relay-Header-Fields", "id=X-Id", "X_partner_key", "mine", "X-Again", "again {{{header}}}")
	if got := s.send(t.Context(), call); got.status != http.StatusOK {
		t.Fatalf("%s", got.body)
	}
	sent := s.api.Take()[0]
	sent.Header.Del("Content-Length")
	arrived := shownRequest{sent.Method, "http://" + sent.Host + sent.URI, string(sent.Body), sent.Header}
	call.header["X-Relay-Dry-Run"] = "true"
	var shown shownRequest
	if err := json.Unmarshal(s.send(t.Context(), call).body, &shown); err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(masked(arrived, theKey), shown); difference != "" {
		t.Errorf("arrived (-) shown (+):\n%s", difference)
	}
}

// TestLongDryRun sees that a dry run that is too long is not said to be the API's fault,
// through every front end, and that a shorter one is shown.
func TestLongDryRun(t *testing.T) {
	s := newStage(t, wireDocument)
	for length, problem := range map[int]string{1 << 20: "", gateway.MaxAnswerBytes: "record-too-large"} {
		request := s.raw("/wire/plain", `{"a":"`+strings.Repeat("x", length)+`"}`, "X-Relay-Dry-Run", "true", "Content-Type", "application/json")
		for frontEnd, got := range s.throughAll(request, true) {
			if got.problem != problem || problem != "" && !strings.Contains(got.detail, "without X-Relay-Dry-Run") {
				t.Errorf("%d bytes, %s: got %d %.300s", length, frontEnd, got.status, got.body)
			}
		}
	}
	if arrived := s.api.Take(); len(arrived) > 0 {
		t.Errorf("%d were sent", len(arrived))
	}
}

// TestDryRunMemory sees that a dry run of many short records costs no more than its answer may,
// though each of them has all header fields of the request.
func TestDryRunMemory(t *testing.T) {
	skipUnderRace(t)
	s := newStage(t, splitDocument("http://$API", 8))
	call := s.post("/orders", numbered(5000, 0), "X-Relay-Dry-Run", "true")
	for i := range 400 {
		call.header[fmt.Sprint("X-Field-", i)] = strings.Repeat("x", 50)
	}
	const most = 5 * gateway.MaxAnswerBytes
	var got answer
	growth := heapGrowth(t, most, func() { got = s.send(t.Context(), call) })
	if got.problem != "record-too-large" || growth >= most {
		t.Errorf("the heap grew by %d bytes: %d %.300s", growth, got.status, got.body)
	}
}

// masked is a request with asterisks for the secret.
func masked(request shownRequest, secret string) shownRequest {
	request.URL = strings.ReplaceAll(request.URL, secret, "***")
	for _, values := range request.Headers {
		for i := range values {
			values[i] = strings.ReplaceAll(values[i], secret, "***")
		}
	}
	return request
}
