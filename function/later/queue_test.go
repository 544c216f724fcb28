package later_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
)

// TestUnanswered tells apart why a queue does not answer, in the operator's words alone.
func TestUnanswered(t *testing.T) {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("canary of a provider")
	})
	nowhere := aws.String("http://127.0.0.1:1")
	for told, config := range map[string]aws.Config{
		"There is no AWS region":                                        {Credentials: credentials},
		"This process has no AWS credentials":                           {Region: "us-east-1", Credentials: none, BaseEndpoint: nowhere},
		"It cannot be reached, or its answer is broken: check its URL,": {Region: "us-east-1", Credentials: credentials, BaseEndpoint: nowhere},
	} {
		config.RetryMaxAttempts = 1
		queue := later.New(later.Config{URL: *nowhere + "/1/queue", DeadURL: *nowhere + "/1/dead", Concurrency: 2, Instances: 1,
			Connect: func(context.Context) (*sqs.Client, error) { return sqs.NewFromConfig(config), nil }})
		err := queue.Send(t.Context(), "orders", &later.Message{})
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || !strings.HasPrefix(refusal.Note, "The queue: "+told) || strings.Contains(refusal.Detail+refusal.Note, "canary") {
			t.Errorf("%s: %+v", told, refusal)
		}
	}
}

// TestAnswerWithoutEnd sees that an answer which does not end is an error, and that no more
// of it is read than an answer may have.
func TestAnswerWithoutEnd(t *testing.T) {
	const block, sockets = 64 << 10, 16 << 20 // what the connections themselves take in is less
	text := strings.Repeat("x", block)
	var written atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, `{"MessageId": "1", "Messages": [{"Body": "`)
		for err == nil && written.Add(block) < 128<<20 {
			_, err = io.WriteString(w, text)
		}
	}))
	defer endpoint.Close()
	queue := later.New(later.Config{Connect: fake.ConnectQueues(endpoint.URL, nil), URL: endpoint.URL + "/1/queue", DeadURL: endpoint.URL + "/1/dead", Concurrency: 1, Instances: 1})
	if err := queue.Send(t.Context(), "orders", &later.Message{}); !errors.Is(err, later.ErrUnavailable) {
		t.Errorf("sent: %v", err)
	}
	stop, cancel := context.WithCancel(t.Context())
	queue.Poll(stop, later.Poller{Failed: func(err error) {
		cancel()
		if !errors.Is(err, later.ErrUnavailable) {
			t.Errorf("received: %v", err)
		}
	}})
	if read := written.Load(); read > 3*(4<<20+64<<10)+2*sockets {
		t.Errorf("%d MB were read", read>>20)
	}
}

// TestLargestMessages sees that the largest messages, with as much to be escaped as can
// be, are received together.
func TestLargestMessages(t *testing.T) {
	endpoint := fake.NewQueues("queue", "dead")
	server := httptest.NewServer(endpoint)
	defer server.Close()
	queue := later.New(later.Config{Connect: fake.ConnectQueues(server.URL, nil), URL: server.URL + "/1/queue", DeadURL: server.URL + "/1/dead", Concurrency: 10, Instances: 1})
	body := strings.Repeat(`"`, later.MaxMessageBytes/2-200)
	for range 10 {
		if err := queue.Send(t.Context(), "orders", &later.Message{ID: later.NewID(), Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	var received atomic.Int64
	stop, cancel := context.WithCancel(t.Context())
	queue.Poll(stop, later.Poller{Drain: time.Minute, Failed: func(err error) { t.Error(err); cancel() }, Deliver: func(_ context.Context, message *gateway.QueueMessage) (bool, time.Duration) {
		if got, err := later.Read(message.Body); err != nil || string(got.Body) != body {
			t.Errorf("%d bytes, %v", len(message.Body), err)
		}
		if received.Add(1) == 10 {
			cancel()
		}
		return false, 0
	}})
}
