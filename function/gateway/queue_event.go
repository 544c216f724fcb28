package gateway

import (
	"encoding/json"
	"strconv"
	"time"

	"keyrelay/function/rawjson"
)

// A QueueMessage is a message that was received from an Amazon SQS queue.
type QueueMessage struct {
	// ID is the queue's own ID of the message.
	ID string
	// Receipt is the receipt handle with which the message is deleted or postponed.
	Receipt string
	// Body is what was sent.
	Body string
	// Sent is when it was sent to the queue.
	Sent time.Time
	// Receives is how often it has been received, this time included.
	Receives int
}

// queueEvent is the event of an event source that is a queue,
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html.
type queueEvent struct {
	MessageID     string `json:"messageId"`
	ReceiptHandle string `json:"receiptHandle"`
	Body          string `json:"body"`
	EventSource   string `json:"eventSource"`
	Attributes    struct {
		ApproximateReceiveCount, SentTimestamp string
	} `json:"attributes"`
}

// readQueueEvent reads the member Records of an event; ok is false for the events of
// other services.
func readQueueEvent(records []byte) (messages []QueueMessage, ok bool) {
	var read []queueEvent
	if records == nil || json.Unmarshal(records, &read) != nil {
		return nil, false
	}
	for _, each := range read {
		if each.EventSource != queues || each.MessageID == "" {
			return nil, false
		}
		messages = append(messages, NewQueueMessage(each.MessageID, each.ReceiptHandle, each.Body, each.Attributes.SentTimestamp, each.Attributes.ApproximateReceiveCount))
	}
	return messages, len(messages) > 0
}

// NewQueueMessage makes a message from the texts of SQS; sent is in milliseconds since
// 1970. If sent and receives are not numbers, the message counts as new.
func NewQueueMessage(id, receipt, body, sent, receives string) QueueMessage {
	made := QueueMessage{ID: id, Receipt: receipt, Body: body, Sent: time.Now().Round(0), Receives: 1}
	if milliseconds, err := strconv.ParseInt(sent, 10, 64); err == nil {
		made.Sent = time.UnixMilli(milliseconds)
	}
	if count, err := strconv.Atoi(receives); err == nil && count > 0 {
		made.Receives = count
	}
	return made
}

// encodeFailures makes the answer to an event of a queue: the messages that come again,
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
func encodeFailures(ids []string) []byte {
	type failure struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	answer := struct {
		BatchItemFailures []failure `json:"batchItemFailures"`
	}{[]failure{}}
	for _, id := range ids {
		answer.BatchItemFailures = append(answer.BatchItemFailures, failure{id})
	}
	return rawjson.Encode(answer)
}

func refuseQueueEvent() error {
	return &Refusal{
		Reason: ErrTrigger,
		Detail: "The function was called with messages of a queue, but has no queue to deliver from. Set KEYRELAY_QUEUE and KEYRELAY_DEAD_QUEUE, or take the event source away. The messages stay in the queue.",
	}
}
