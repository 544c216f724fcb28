package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// asked is a trial with all that a caller can ask for.
func asked() trial {
	return trial{
		Method: "POST", URL: " https://api.example.com/orders/{id} ", Record: `{"id":1,"a,b":2,"it's":"€"}`,
		Moves:   []fieldMove{{Field: "a,b", To: "query"}, {Field: "x", To: "query", Optional: true}, {Field: "tenant", To: "header", Header: "X-Tenant"}, {Field: "a=b", To: "header", Header: "X-B", Optional: true}, {Field: "trace", To: "header"}},
		Headers: "Authorization: {{{key}}}\r\nX-Empty:\nno header\n",
	}
}

// TestTrialHeaders writes the headers as the relay reads them, and reads them back.
func TestTrialHeaders(t *testing.T) {
	expected := []headerLine{
		{"X-Osmos-Outbound-Url", "https://api.example.com/orders/{id}"},
		{"X-Osmos-Query-Param-Fields", `"a,b", x?`},
		{"X-Relay-Header-Fields", `tenant=X-Tenant, "a=b"?=X-B, trace`},
		{"Authorization", "{{{key}}}"}, {"X-Empty", ""}, {"Content-Type", "application/json"},
	}
	if difference := cmp.Diff(expected, asked().headers()); difference != "" {
		t.Error(difference)
	}
	noted := exchange{Method: "POST", Record: []byte(asked().Record), Header: http.Header{"User-Agent": {"curl"}, "X-Api-Key": {"***"}}}
	for _, line := range asked().headers() {
		noted.Header.Add(line.Name, line.Value)
	}
	back := trialFrom(&noted)
	again := asked()
	again.URL, again.Headers = strings.TrimSpace(again.URL), "Authorization: {{{key}}}\nUser-Agent: curl\nX-Empty: \n"
	if difference := cmp.Diff(again, back); difference != "" {
		t.Error(difference)
	}
}

// TestTakeAway gives the shell and the function the very request that the trial is.
func TestTakeAway(t *testing.T) {
	made := asked().takeAway("127.0.0.1:8080")
	words, err := exec.Command("sh", "-c", "curl() { for word; do printf '%s\\0' \"$word\"; done; }\n"+made.Curl).Output()
	if err != nil {
		t.Fatal(err)
	}
	expected := []string{"-sS", "-X", "POST", "http://127.0.0.1:8080/"}
	for _, line := range asked().headers() {
		expected = append(expected, "-H", line.Name+": "+line.Value)
	}
	expected = append(expected, "--data-raw", asked().Record, "")
	if difference := cmp.Diff(expected, strings.Split(string(words), "\x00")); difference != "" {
		t.Error(difference)
	}
	var got taken
	if _, err := gateway.Lambda(&got, nil).Invoke(t.Context(), []byte(made.Event)); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.Path != "/" || string(got.Body) != asked().Record {
		t.Errorf("the function gets %s %s %s", got.Method, got.Path, got.Body)
	}
	for _, line := range asked().headers() {
		if got.Header.Get(line.Name) != line.Value {
			t.Errorf("the function gets %s: %q", line.Name, got.Header.Get(line.Name))
		}
	}
	if local := fromContainer("http://127.0.0.1:8081/x?y=127.0.0.1"); local != "http://host.docker.internal:8081/x?y=127.0.0.1" {
		t.Error(local)
	}
}

// TestPageEvent sees that the page gives away, of a trial with the samples, the very event
// that stands with the others in events/ and is given to the function in sam's container.
func TestPageEvent(t *testing.T) {
	sample := trial{
		Method: "POST", URL: "http://127.0.0.1:8081/post", Record: `{"customer": "c-42", "region": ["emea", "apac"], "amount": 19.90, "note": "two sheets"}`,
		Moves: []fieldMove{{Field: "customer", To: "query"}, {Field: "region", To: "query"}, {Field: "note", To: "header", Header: "X-Note"}},
	}
	expected, err := os.ReadFile("../../events/rest-workbench.json")
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(string(expected), sample.takeAway("127.0.0.1:8080").Event); difference != "" {
		t.Error(difference)
	}
}

// taken keeps the request that it answers.
type taken struct{ gateway.Request }

// Handle answers with nothing.
func (k *taken) Handle(_ context.Context, request *gateway.Request) *gateway.Response {
	_ = request.ReadBody()
	k.Request = *request
	k.Header = request.Header.Clone()
	return &gateway.Response{Status: 200}
}

// Refuse answers with nothing.
func (k *taken) Refuse(context.Context, *gateway.Request, error) *gateway.Response {
	return &gateway.Response{Status: 400}
}

// TestTry asks something that speaks as a relay, which moves a and shapes the rest.
func TestTry(t *testing.T) {
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Relay-Dry-Run") != "true" {
			t.Error("the trial is sent for real")
		}
		if agent := r.Header.Get("User-Agent"); agent != "" {
			t.Errorf("the trial names %s, which no caller is", agent)
		}
		var record map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&record); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"type":"urn:keyrelay:problem:record-invalid","title":"T","status":400,"detail":"D"}`))
			return
		}
		text := strings.Trim(string(record["a"]), `"`)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method": "POST", "url": "https://h/x?a=" + text, "headers": map[string][]string{"X-Key": {"***"}, "X-A": {"v " + text}},
			"body": `{"is":` + string(record["b"]) + `}`, "security": []string{"key"}, "dropped": []string{"c"},
		})
	}))
	defer relay.Close()
	made, err := trial{Method: "POST", URL: "https://h/x", Record: `{"a":"€1","b":[1],"c":null}`}.try(t.Context(), strings.TrimPrefix(relay.URL, "http://"), func(*outbound) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	out := made.outbounds[0]
	if shown(out.URLPieces) != "https://h/x?a=[a:€1]" || shown(out.BodyPieces) != `{"is":[[b:1]]}` || shown(out.HeaderList[0].Pieces) != "v [a:€1]" || !out.HeaderList[1].Pieces[0].Secret {
		t.Errorf("the request shows as %+v", out)
	}
	expected := []field{
		{"a", `"€1"`, 1, []string{"query a", "header X-A"}, [][2]int{{5, 9}}},
		{"b", "[1]", 2, []string{"body"}, [][2]int{{14, 17}}},
		{"c", "null", 0, []string{"dropped"}, [][2]int{{22, 26}}},
	}
	if difference := cmp.Diff(expected, made.fields); difference != "" {
		t.Error(difference)
	}
	made, err = trial{Method: "POST", Record: `{`}.try(t.Context(), strings.TrimPrefix(relay.URL, "http://"), nil)
	if err != nil || made.outbounds[0].Problem.Place() != "record" || made.fault == nil {
		t.Errorf("a broken record is %+v, %v", made, err)
	}
}

// TestOperations reads what people choose from, and a record to begin with.
func TestOperations(t *testing.T) {
	folder := t.TempDir()
	document := `openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: "https://{host}/v2", variables: {host: {default: api.example.com}}}]
paths:
  /orders/{id}:
    parameters: [{$ref: "#/components/parameters/id"}]
    put:
      summary: Change an order
      parameters: [{name: dry, in: query, schema: {type: boolean}}]
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/order"}}}}
      responses: {default: {description: ""}}
    get: {description: "Show an order\nin full", responses: {default: {description: ""}}}
components:
  parameters: {id: {name: id, in: path, required: true, schema: {type: integer}, example: 12345678901234567890}}
  schemas:
    order: {properties: {id: {type: string}, made: {readOnly: true}, amount: {type: number, example: 1.10}, to: {type: object, properties: {city: {type: string, default: Bern}}}, state: {enum: [new, old]}, self: {$ref: "#/components/schemas/order"}}}
`
	if err := os.WriteFile(filepath.Join(folder, "orders.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay := `overlay: 1.0.0
info: {title: Ours, version: "1"}
actions:
  - {target: "$.servers[0].variables.host", update: {default: eu.example.com}}
  - {target: "$.paths['/orders/{id}'].get", update: {x-keyrelay-body: {a: "{{{first}}} {{{second?}}}"}}}
`
	if err := os.WriteFile(filepath.Join(folder, "orders.overlay.yaml"), []byte(overlay), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := readOperations(folder, set, destination.Config{})
	if err != nil || len(found) != 2 {
		t.Fatalf("%d operations are found, %v", len(found), err)
	}
	put, get := &found[0], &found[1]
	if put.URL != "https://eu.example.com/v2/orders/{id}" || put.about() != "Orders: Change an order" || get.Summary != "Show an order" {
		t.Errorf("found are %+v and %+v", put, get)
	}
	if record := get.record(); record != "{\n  \"id\": 12345678901234567890,\n  \"first\": \"\",\n  \"second\": \"\"\n}" {
		t.Errorf("the record of a template is %s", record)
	}
	if !put.matches([]string{"change", "orders", "put"}) || put.matches([]string{"change", "delete"}) {
		t.Error("words find what they should not, or nothing")
	}
	record := put.record()
	if !strings.HasPrefix(record, "{\n  \"id\": 12345678901234567890,\n  \"dry\": false,\n  \"amount\": 1.10,\n  \"to\": {\"city\": \"Bern\"},\n  \"state\": \"new\",\n  \"self\": ") || faultOf(record) != nil {
		t.Errorf("the record is %s", record)
	}
}

// TestTimes divides the whole time and nothing more.
func TestTimes(t *testing.T) {
	downstream := 5.0
	for name, test := range map[string]struct {
		entry entry
		label string
	}{
		"static":    {entry{DurationMs: 10, DownstreamMs: &downstream, CredentialMs: 3}, "Of 10.0 ms: relay 2.0 ms, secret 3.0 ms, API 5.0 ms"},
		"retrieved": {entry{DurationMs: 10, DownstreamMs: &downstream, CredentialMs: 3, RetrievalMs: 1}, "Of 10.0 ms: relay 2.0 ms, secret 2.0 ms, token 1.0 ms, API 5.0 ms"},
		"refused":   {entry{DurationMs: 10}, ""},
	} {
		made := newTimes(test.entry)
		width := 0.0
		for _, each := range made.Segments {
			width += each.Width
		}
		if made.Label != test.label || len(made.Segments) > 0 && (width < 399.9 || width > 400.1) {
			t.Errorf("%s: %q, %v wide", name, made.Label, width)
		}
	}
}
