package gateway_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
)

const queueRecord = `{"messageId": "m-1", "receiptHandle": "r-1", "body": "{\"a\":\u00fc}", "eventSource": "aws:sqs",
  "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:keyrelay", "awsRegion": "eu-central-1", "md5OfBody": "x", "messageAttributes": {},
  "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000123", "SenderId": "s", "ApproximateFirstReceiveTimestamp": "1"}}`

// TestQueueEvents sees what is read of an event of a queue, and what is answered: which
// messages are to come again. What is none of a queue is refused as a request.
func TestQueueEvents(t *testing.T) {
	first := gateway.QueueMessage{ID: "m-1", Receipt: "r-1", Body: `{"a":ü}`, Sent: time.UnixMilli(1700000000123), Receives: 3}
	second := first
	second.ID = "m-2"
	for name, test := range map[string]struct {
		event  string
		want   []gateway.QueueMessage
		answer string
	}{
		"one":                            {`{"Records": [` + queueRecord + `]}`, []gateway.QueueMessage{first}, `{"batchItemFailures":[]}`},
		"two":                            {`{"Records": [` + queueRecord + `,` + strings.Replace(queueRecord, "m-1", "m-2", 1) + `]}`, []gateway.QueueMessage{first, second}, `{"batchItemFailures":[{"itemIdentifier":"m-2"}]}`},
		"none":                           {`{"Records": []}`, nil, "refused"},
		"of another service":             {`{"Records": [` + strings.Replace(queueRecord, "aws:sqs", "aws:sns", 1) + `]}`, nil, "refused"},
		"of two services":                {`{"Records": [` + queueRecord + `,{"eventSource": "aws:s3"}]}`, nil, "refused"},
		"without an ID":                  {`{"Records": [` + strings.Replace(queueRecord, "m-1", "", 1) + `]}`, nil, "refused"},
		"no list":                        {`{"Records": {"a": 1}}`, nil, "refused"},
		"broken":                         {`{"Records": [` + queueRecord + `]`, nil, "refused"},
		"with a member twice":            {`{"Records": [` + queueRecord + `], "Records": []}`, nil, "refused"},
		"a request that brings Records":  {`{"httpMethod": "POST", "path": "/", "Records": [` + queueRecord + `]}`, nil, "handled"},
		"an authorizer with Records too": {`{"type": "REQUEST", "methodArn": "a", "httpMethod": "POST", "path": "/", "Records": []}`, nil, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			told := ""
			handler := handlerFunc(func(_ context.Context, _ *gateway.Request, err error) *gateway.Response {
				told = "handled"
				if err != nil {
					told = "refused"
				}
				return ok()
			})
			var got []gateway.QueueMessage
			answer, err := gateway.Lambda(handler, func(_ context.Context, messages []gateway.QueueMessage) (again []string) {
				got = messages
				for _, each := range messages[1:] {
					again = append(again, each.ID)
				}
				return again
			}).Invoke(t.Context(), []byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			if told == "" {
				told = string(answer)
			}
			if difference := cmp.Diff(test.want, got); difference != "" || told != test.answer {
				t.Errorf("%s %s", told, difference)
			}
		})
	}
}

// TestQueueEventWithoutQueue sees that a function that is wired to a queue and has none
// loses no message, and says so.
func TestQueueEventWithoutQueue(t *testing.T) {
	var refused error
	handler := handlerFunc(func(_ context.Context, _ *gateway.Request, err error) *gateway.Response {
		refused = err
		return ok()
	})
	answer, err := gateway.Lambda(handler, nil).Invoke(t.Context(), []byte(`{"Records": [`+queueRecord+`]}`))
	if err != nil || string(answer) != `{"batchItemFailures":[{"itemIdentifier":"m-1"}]}` {
		t.Errorf("%s %v", answer, err)
	}
	if refused == nil || !strings.Contains(refused.Error(), "KEYRELAY_QUEUE") {
		t.Errorf("%v", refused)
	}
}

// FuzzQueueEvent looks for an event of a queue at which the handler panics, or loses a message.
func FuzzQueueEvent(f *testing.F) {
	f.Add([]byte(`{"Records": [` + queueRecord + `]}`))
	f.Add([]byte(`{"Records": null}`))
	if sample, err := os.ReadFile("../../events/sqs-delivery.json"); err == nil {
		f.Add(sample)
	}
	handler := gateway.Lambda(handlerFunc(func(context.Context, *gateway.Request, error) *gateway.Response { return ok() }), nil)
	f.Fuzz(func(t *testing.T, event []byte) {
		if answer, err := handler.Invoke(t.Context(), event); err != nil || len(answer) == 0 || string(answer) == `{"batchItemFailures":[]}` {
			t.Errorf("%s %v", answer, err)
		}
	})
}
