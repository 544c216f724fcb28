package relay_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
	"keyrelay/function/relay"
)

// shownRequest is what a dry run shows of an outbound request, or what arrived of it.
type shownRequest struct {
	Method, URL, Body string
	Headers           http.Header
}

// TestDryRunShowsWhatIsSent sends a request that already holds copies of the fields
// that the credentials go into, and sees that the dry run shows exactly what
// arrives, but for the credentials.
func TestDryRunShowsWhatIsSent(t *testing.T) {
	const secret = "0123456789abcdef"
	var arrived shownRequest
	downstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Del("Content-Length")
		arrived = shownRequest{r.Method, "http://" + r.Host + r.RequestURI, string(body), r.Header}
	}))
	defer downstream.Close()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	handler := newRelay(t, `
openapi: 3.1.0
info: {title: API, version: "1"}
servers: [{url: "`+downstream.URL+`"}]
x-keyrelay-network: loopback
security: [{header: [], query: [], cookie: []}]
components:
  securitySchemes:
    header: {type: apiKey, in: header, name: X-Partner-Key, x-keyrelay-secret: "file:`+file+`"}
    query: {type: apiKey, in: query, name: api key, x-keyrelay-secret: "file:`+file+`"}
    cookie: {type: apiKey, in: cookie, name: sid, x-keyrelay-secret: "file:`+file+`"}
`, relay.Config{})
	request := &gateway.Request{
		Method: http.MethodPost, Path: "/",
		Header: http.Header{
			"Content-Type":          {"application/json"},
			"X-Osmos-Outbound-Url":  {downstream.URL + "/orders?api%20key=mine&b=1"},
			"X-Relay-Header-Fields": {"id=X-Id"},
			"X_partner_key":         {"mine"},
			"X-Again":               {"again {{{header}}}"},
		},
		Body: []byte(`{"id":7,"amount":1.10}`),
	}
	if answer := handler.Handle(t.Context(), request); answer.Status != http.StatusOK {
		t.Fatalf("%s", answer.Body)
	}
	request.Header["X-Relay-Dry-Run"] = []string{"true"}
	var shown shownRequest
	if err := json.Unmarshal(handler.Handle(t.Context(), request).Body, &shown); err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(masked(arrived, secret), shown); difference != "" {
		t.Errorf("arrived (-) shown (+):\n%s", difference)
	}
}

// TestLongDryRun sees that a dry run that is too long is not said to be the API's fault,
// through every front end, and that a shorter one is shown.
func TestLongDryRun(t *testing.T) {
	s := newStage(t, wireDocument)
	for length, problem := range map[int]string{1 << 20: "", gateway.MaxAnswerBytes: "record-too-large"} {
		request := wireRequest{body: []byte(`{"a":"` + strings.Repeat("x", length) + `"}`), fields: [][2]string{
			{"X-Osmos-Outbound-Url", "http://" + s.api.host + "/wire/plain"}, {"X-Relay-Dry-Run", "true"}, {"Content-Type", "application/json"},
		}}
		for frontEnd, got := range throughAll(t, s, request, true) {
			if got.problem != problem || problem != "" && !strings.Contains(got.detail, "without X-Relay-Dry-Run") {
				t.Errorf("%d bytes, %s: got %d %.300s", length, frontEnd, got.status, got.body)
			}
		}
	}
	if arrived := s.api.Take(); len(arrived) > 0 {
		t.Errorf("%d were sent", len(arrived))
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
