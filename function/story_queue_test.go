package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// storyQueues are the queues of a story, and what delivers from them.
type storyQueues struct {
	*fake.Queues
	url    string
	client *sqs.Client
	// letters is how many dead letters were told.
	letters int
}

// startQueues serves queues where the program that is tested looks for those of AWS.
func startQueues(t *testing.T) *storyQueues {
	t.Helper()
	made := &storyQueues{Queues: fake.NewQueues("queue", "dead")}
	made.url = fake.Serve(t, made)
	made.client, _ = fake.ConnectQueues(made.url, nil)(t.Context())
	t.Setenv("AWS_ENDPOINT_URL_SQS", made.url)
	return made
}

// deliver gives all messages to the program, as an event source does, and takes those out of
// the queue that are done. It returns the reasons of new dead letters.
func (q *storyQueues) deliver(t *testing.T, deliver gateway.DeliverFunc) (reasons []string) {
	t.Helper()
	q.Show("queue")
	url := aws.String(q.url + "/000000000000/queue")
	received, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	var messages []gateway.QueueMessage
	for _, each := range received.Messages {
		messages = append(messages, gateway.NewQueueMessage(*each.MessageId, *each.ReceiptHandle, *each.Body,
			each.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], each.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]))
	}
	again := deliver(t.Context(), messages)
	for _, each := range messages {
		if !slices.Contains(again, each.ID) {
			if _, err := q.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &each.Receipt}); err != nil {
				t.Fatal(err)
			}
		}
	}
	letters := q.Messages("dead")
	for _, each := range letters[q.letters:] {
		var lines []string
		for name, value := range each.Attributes {
			lines = append(lines, name+": "+value+"\n")
		}
		slices.Sort(lines)
		reasons = append(reasons, strings.Join(lines, ""))
	}
	q.letters = len(letters)
	return reasons
}

// messageID matches the ID of a message, which is another one each time.
func messageID() *regexp.Regexp {
	return regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
}
