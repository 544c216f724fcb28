package relay_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"keyrelay/function/fake"
	"keyrelay/function/later"
	"keyrelay/function/relay"
)

// A queueStage is a stage with queues, from which it delivers as a Lambda function.
type queueStage struct {
	*stage
	queues *fake.Queues
	client *sqs.Client
	// url is that of the queue.
	url string
	// instances is by how many an API's pace is shared.
	instances int
}

func newQueueStage(t testing.TB, documents ...string) *queueStage {
	t.Helper()
	s := &queueStage{stage: newStage(t), queues: fake.NewQueues("queue", "dead"), instances: 1}
	endpoint := fake.Serve(t, s.queues)
	s.url = endpoint + "/queue"
	s.client, _ = fake.ConnectQueues(endpoint, nil)(t.Context())
	if len(documents) > 0 {
		s.start(documents...)
	}
	return s
}

// start starts the program anew, as a new instance of it would.
func (s *queueStage) start(documents ...string) {
	s.t.Helper()
	s.serve(s.wire(documents, s.queueConfig()))
}

// queueConfig is a program's that has the queues.
func (s *queueStage) queueConfig() relay.Config {
	queue := later.New(later.Config{Connect: fake.ConnectQueues(strings.TrimSuffix(s.url, "/queue"), nil), URL: s.url, DeadURL: strings.TrimSuffix(s.url, "queue") + "dead", Concurrency: 2, Instances: s.instances})
	return relay.Config{Log: s.log, FunctionName: "relay", Queue: queue}
}

// receive takes what is visible in the queue as an event source does: as one event.
func (s *queueStage) receive() []types.Message {
	s.t.Helper()
	received, err := s.client.ReceiveMessage(s.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &s.url, MaxNumberOfMessages: 10, VisibilityTimeout: 900})
	if err != nil {
		s.t.Fatal(err)
	}
	return received.Messages
}

// pump gives one event to the function, and takes out of the queue what is done. It
// returns how many messages were done, and how many are to come again.
func (s *queueStage) pump(ctx context.Context) (done, again int) {
	s.t.Helper()
	messages := s.receive()
	answer := s.deliver(ctx, messages)
	for _, each := range messages {
		if slices.ContainsFunc(answer.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == *each.MessageId }) {
			again++
			continue
		}
		done++
		if _, err := s.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &s.url, ReceiptHandle: each.ReceiptHandle}); err != nil {
			s.t.Fatal(err)
		}
	}
	return done, again
}

func (s *queueStage) deliver(ctx context.Context, messages []types.Message) (answer events.SQSEventResponse) {
	s.t.Helper()
	var event events.SQSEvent
	for _, each := range messages {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: aws.ToString(each.MessageId), ReceiptHandle: aws.ToString(each.ReceiptHandle), Body: aws.ToString(each.Body), Attributes: each.Attributes,
			EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:queue",
		})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		s.t.Fatal(err)
	}
	encoded := s.invoke(ctx, payload)
	if err := json.Unmarshal(encoded, &answer); err != nil || answer.BatchItemFailures == nil {
		s.t.Fatalf("%s %v", encoded, err)
	}
	return answer
}

// async is a POST that prefers to be answered before it is delivered.
func (s *queueStage) async(path, body string, header ...string) sent {
	return s.post(path, body, append([]string{"Prefer", "respond-async", "Content-Type", "application/json"}, header...)...)
}

// accept has the relay accept a record, and returns the message's ID.
func (s *queueStage) accept(call sent) string {
	s.t.Helper()
	got := s.send(s.t.Context(), call)
	var document struct{ ID string }
	if got.status != 202 || json.Unmarshal(got.body, &document) != nil || document.ID == "" {
		s.t.Fatalf("%d %s", got.status, got.body)
	}
	return document.ID
}

// digest is how a list of session tokens has one of them.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
