package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"

	"keyrelay/function/fake"
)

// TestServeDelivers starts the program with queues, has it accept a record whose API fails at
// first, and sends SIGTERM while the second try is under way: that one still ends, the
// message leaves the queue, and the exit is clean. The next program, whose queue does not
// answer when it starts, delivers once that does.
func TestServeDelivers(t *testing.T) {
	var calls atomic.Int64
	keys := make(chan string, 10)
	arrived, answer := make(chan struct{}), make(chan struct{})
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Idempotency-Key")
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			close(arrived)
			<-answer
		}
	}))
	defer downstream.Close()
	queues := fake.NewQueues("queue", "dead")
	endpoint := httptest.NewServer(queues)
	defer endpoint.Close()
	port := fake.FreePort(t)
	environment := []string{"PORT=127.0.0.1:" + port, "KEYRELAY_DESTINATIONS=" + writeDocuments(t, openDocument(downstream.URL)+"x-keyrelay-delivery: later\n"),
		"KEYRELAY_QUEUE=" + endpoint.URL + "/000000000000/queue", "KEYRELAY_DEAD_QUEUE=" + endpoint.URL + "/000000000000/dead", "AWS_ENDPOINT_URL_SQS=" + endpoint.URL,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local"}
	command := program(nil, environment...)
	awaitServing(t, command)
	id := accepted(t, port, downstream.URL)
	<-arrived
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(answer)
	if err := command.Wait(); err != nil {
		t.Errorf("the exit was not clean: %v", err)
	}
	if left := queues.Messages("queue"); len(left) != 0 {
		t.Errorf("%+v", left)
	}
	if first, second := <-keys, <-keys; first != id || second != id {
		t.Errorf("the keys are %s and %s, not %s", first, second, id)
	}
	queues.Fail(fake.Fault("AccessDenied", http.StatusForbidden))
	next := program(nil, environment...)
	awaitServing(t, next)
	queues.Fail(nil)
	if id := accepted(t, port, downstream.URL); <-keys != id {
		t.Error("the next program delivers something else")
	}
	_ = next.Process.Signal(syscall.SIGTERM)
	if err := next.Wait(); err != nil {
		t.Error(err)
	}
}

// accepted has the program accept a record, and returns the message's ID.
func accepted(t *testing.T, port, downstream string) string {
	t.Helper()
	answer, body, err := callAt(port, "POST "+downstream+"/\n\n{}")
	var document struct{ ID string }
	if err != nil || json.Unmarshal([]byte(body), &document) != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatal(answer, body, err)
	}
	return document.ID
}
