package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func (y *year) noticesRevocation(t *testing.T) {
	changeKey(t, "a-key-that-nobody-has")
	status, header, _ := y.send(t, order("/v1/orders"))
	if status != http.StatusUnauthorized {
		t.Fatalf("the API's own answer does not pass: %d", status)
	}
	sums := make(map[metric]float64)
	for _, entry := range y.requestEntries(t) {
		addMetrics(t, sums, entry)
	}
	watched, _ := y.alarm(t, "CredentialAlarm")
	if sums[watched] != 1 {
		t.Errorf("the alarm for credentials watches %v, which has %v, want 1", watched, sums[watched])
	}
	y.ring(t, watched)
	credential := metric{"keyrelay", "CredentialFaults", "Destination=orders,FunctionName=" + y.resource(t, "Relay") + ",Scheme=key"}
	if sums[credential] != 1 {
		t.Errorf("the metric %v has %v, want 1", credential, sums[credential])
	}
	if printed := y.operating.follow(t, "What failed at 14:03?", 0, "sleep 5", "sleep 0"); printed == "" {
		t.Error("the query finds nothing")
	}
	expected := map[string]any{
		"blame": "credential", "destination": "orders", "scheme": "key", "status": 401.0, "requestId": header.Get("X-Relay-Request-Id"), "problem": nil, "caller": nil,
	}
	newest := y.newestFailure(t)
	if detail, _ := newest["detail"].(string); !strings.HasPrefix(detail, "The API answered 401") {
		t.Errorf("the query says why: %q", detail)
	}
	for name, value := range expected {
		if newest[name] != value {
			t.Errorf("the query names %s %v, want %v", name, newest[name], value)
		}
	}
}

// ring tells the alarm for credentials what the log's metric says, which the emulator
// does not by itself, and expects the notification at the topic.
func (y *year) ring(t *testing.T, watched metric) {
	t.Helper()
	var chat struct{ QueueURL string }
	y.aws(t, &chat, "sqs", "create-queue", "--queue-name", "chat", "--attributes", `{"Policy": "{\"Version\": \"2012-10-17\", \"Statement\": [{`+
		`\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"sns.amazonaws.com\"}, \"Action\": \"sqs:SendMessage\", \"Resource\": \"*\"}]}"}`)
	y.aws(t, nil, "sns", "subscribe", "--topic-arn", y.topic, "--protocol", "sqs", "--notification-endpoint", "arn:aws:sqs:us-east-1:000000000000:chat")
	y.aws(t, nil, "cloudwatch", "put-metric-data", "--namespace", watched.namespace, "--metric-name", watched.name, "--dimensions", watched.dimensions, "--value", "1")
	if _, state := y.alarm(t, "CredentialAlarm"); state != "ALARM" {
		t.Errorf("the alarm is %s", state)
	}
	var received struct{ Messages []struct{ Body string } }
	y.aws(t, &received, "sqs", "receive-message", "--queue-url", chat.QueueURL, "--max-number-of-messages", "10")
	if !strings.Contains(fmt.Sprint(received.Messages), "An API refuses a credential that was renewed") {
		t.Errorf("the chat has %v", received.Messages)
	}
}

// newestFailure is the first row of the query for failures, which the emulator does not
// understand: the members that it shows of the last log entry that somebody is blamed
// for. The template has the same query.
func (y *year) newestFailure(t *testing.T) map[string]any {
	t.Helper()
	text := y.operating.find(t, "What failed at 14:03?", "sh", 0).text
	query := regexp.MustCompile(`--query-string "(.*)"`).FindStringSubmatch(text)[1]
	template, err := os.ReadFile(filepath.Join(root(t), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for stage := range strings.SplitSeq(query, " | ") {
		if !strings.Contains(string(template), stage+"\n") {
			t.Errorf("the saved query has no %q", stage)
		}
	}
	newest := make(map[string]any)
	for _, entry := range y.requestEntries(t) {
		var members map[string]any
		if err := json.Unmarshal([]byte(entry), &members); err != nil {
			t.Fatal(err)
		}
		if blame, isText := members["blame"].(string); isText && blame != "nobody" {
			newest = members
		}
	}
	shown := regexp.MustCompile(`fields ([^|]*) \|`).FindStringSubmatch(query)[1]
	for name := range newest {
		if !slices.Contains(strings.Split(shown, ", "), name) {
			delete(newest, name)
		}
	}
	return newest
}
