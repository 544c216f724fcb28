package fake

import (
	"cmp"
	"context"
	"crypto/md5" // #nosec G501 -- the protocol's own checksum
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// The limits of Amazon SQS,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const (
	maxMessageBytes = 1 << 20
	maxVisibility   = 12 * time.Hour
	usualVisibility = 30 * time.Second
)

// Queues is an endpoint that speaks the part of the protocol of Amazon SQS (AWS JSON 1.0)
// that deliveries need: SendMessage, SendMessageBatch, ReceiveMessage with long polls, DeleteMessage and
// ChangeMessageVisibility, https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/.
// It is safe for concurrent use.
type Queues struct {
	service
	// changed is closed when a message is sent or becomes visible.
	changed chan struct{}
	queues  map[string][]*Queued
	sent    int
	pauses  []time.Duration
}

// A Queued is a message in a queue.
type Queued struct {
	ID, Body, Group string
	// Attributes are those of the message, by name.
	Attributes map[string]string
	Sent       time.Time
	// Receives is how often it was received, and Visible when it can be received again.
	Receives int
	Visible  time.Time
}

// NewQueues returns an endpoint with empty queues of these names, which are the last
// parts of their URLs.
func NewQueues(names ...string) *Queues {
	made := &Queues{changed: make(chan struct{}), queues: map[string][]*Queued{}}
	for _, name := range names {
		made.queues[name] = []*Queued{}
	}
	return made
}

// Messages returns what is in a queue, hidden messages included.
func (q *Queues) Messages(name string) (messages []Queued) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, each := range q.queues[name] {
		messages = append(messages, *each)
	}
	return messages
}

// Show makes all messages of a queue visible at once.
func (q *Queues) Show(name string) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, each := range q.queues[name] {
		each.Visible = time.Time{}
	}
	q.change()
}

// TakePauses returns how long messages were postponed, since the last TakePauses.
func (q *Queues) TakePauses() []time.Duration {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	taken := q.pauses
	q.pauses = nil
	return taken
}

// A queueCall is a call of any of the operations.
type queueCall struct {
	QueueUrl string
	queueEntry
	Entries             []queueEntry
	MaxNumberOfMessages int
	WaitTimeSeconds     int
	VisibilityTimeout   *int
	ReceiptHandle       string
}

// A queueEntry is one message that is sent.
type queueEntry struct {
	Id, MessageBody, MessageGroupId string
	MessageAttributes               map[string]struct{ StringValue string }
}

// ServeHTTP answers one call. The operation is the last part of X-Amz-Target.
func (q *Queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call queueCall
	if !q.accept(w, r, &call) {
		return
	}
	name := path.Base(call.QueueUrl)
	q.mutex.Lock()
	_, known := q.queues[name]
	q.mutex.Unlock()
	if !known {
		Fault("com.amazonaws.sqs#QueueDoesNotExist", http.StatusBadRequest)(w, r)
		return
	}
	answer, code := q.do(r.Context(), strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."), name, &call)
	if code != "" {
		Fault("com.amazonaws.sqs#"+code, http.StatusBadRequest)(w, r)
		return
	}
	AWSAnswer(w, http.StatusOK, answer)
}

// do carries out one operation; code names the error.
func (q *Queues) do(ctx context.Context, operation, name string, call *queueCall) (answer any, code string) {
	switch operation {
	case "SendMessage":
		return q.send(name, call.queueEntry)
	case "SendMessageBatch":
		return q.sendBatch(name, call.Entries)
	case "ReceiveMessage":
		return q.receive(ctx, name, call), ""
	case "DeleteMessage":
		q.mutex.Lock()
		defer q.mutex.Unlock()
		q.queues[name] = slices.DeleteFunc(q.queues[name], func(m *Queued) bool { return m.receipt() == call.ReceiptHandle })
		return struct{}{}, ""
	case "ChangeMessageVisibility":
		return struct{}{}, q.postpone(name, call)
	}
	return nil, "UnsupportedOperation"
}

func (q *Queues) send(name string, entry queueEntry) (answer map[string]string, code string) {
	size, attributes := len(entry.MessageBody), map[string]string{}
	for attribute, value := range entry.MessageAttributes {
		attributes[attribute] = value.StringValue
		size += len(attribute) + len("String") + len(value.StringValue)
		if value.StringValue == "" {
			return nil, "InvalidParameterValue"
		}
	}
	switch {
	case size > maxMessageBytes:
		return nil, "InvalidParameterValue"
	case entry.MessageBody == "", strings.ContainsFunc(entry.MessageBody, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\ufffe' || c == '\uffff'
	}):
		return nil, "InvalidMessageContents"
	case len(entry.MessageGroupId) > 128, strings.ContainsFunc(entry.MessageGroupId, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		return nil, "InvalidParameterValue"
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.sent++
	made := &Queued{ID: "message-" + strconv.Itoa(q.sent), Body: entry.MessageBody, Group: entry.MessageGroupId, Attributes: attributes, Sent: time.Now()}
	q.queues[name] = append(q.queues[name], made)
	q.change()
	return map[string]string{"Id": entry.Id, "MessageId": made.ID, "MD5OfMessageBody": checksum(made.Body)}, ""
}

func (q *Queues) sendBatch(name string, entries []queueEntry) (answer map[string]any, code string) {
	size := 0
	for _, each := range entries {
		size += len(each.MessageBody)
	}
	switch {
	case len(entries) == 0:
		return nil, "EmptyBatchRequest"
	case len(entries) > 10:
		return nil, "TooManyEntriesInBatchRequest"
	case size > maxMessageBytes:
		return nil, "BatchRequestTooLong"
	}
	sent, failed := []any{}, []any{}
	for _, each := range entries {
		if one, code := q.send(name, each); code == "" {
			sent = append(sent, one)
		} else {
			failed = append(failed, map[string]any{"Id": each.Id, "Code": code, "SenderFault": true})
		}
	}
	return map[string]any{"Successful": sent, "Failed": failed}, ""
}

// receive waits for messages as long as the call says.
func (q *Queues) receive(ctx context.Context, name string, call *queueCall) any {
	until := time.Now().Add(time.Duration(call.WaitTimeSeconds) * time.Second)
	for {
		q.mutex.Lock()
		messages, next := q.take(name, call, until)
		changed := q.changed
		q.mutex.Unlock()
		now := time.Now()
		if len(messages) > 0 || !now.Before(until) || ctx.Err() != nil {
			return map[string]any{"Messages": messages}
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take receives what is visible; next is when another message may be.
func (q *Queues) take(name string, call *queueCall, until time.Time) (messages []any, next time.Time) {
	now, hidden := time.Now(), usualVisibility
	if call.VisibilityTimeout != nil {
		hidden = time.Duration(*call.VisibilityTimeout) * time.Second
	}
	next = until
	for _, each := range q.queues[name] {
		switch {
		case each.Visible.After(now):
			if each.Visible.Before(next) {
				next = each.Visible
			}
		case len(messages) < cmp.Or(call.MaxNumberOfMessages, 1):
			each.Receives++
			each.Visible = now.Add(hidden)
			messages = append(messages, map[string]any{
				"MessageId": each.ID, "ReceiptHandle": each.receipt(), "Body": each.Body, "MD5OfBody": checksum(each.Body),
				"Attributes": map[string]string{
					"SentTimestamp": strconv.FormatInt(each.Sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(each.Receives),
				},
			})
		}
	}
	return messages, next
}

func (q *Queues) postpone(name string, call *queueCall) (code string) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	pause := time.Duration(aws.ToInt(call.VisibilityTimeout)) * time.Second
	if pause < 0 || pause > maxVisibility {
		return "InvalidParameterValue"
	}
	at := slices.IndexFunc(q.queues[name], func(m *Queued) bool { return m.receipt() == call.ReceiptHandle })
	if at < 0 {
		return "MessageNotInflight"
	}
	q.pauses = append(q.pauses, pause)
	q.queues[name][at].Visible = time.Now().Add(pause)
	q.change()
	return ""
}

// change wakes the polls that wait.
func (q *Queues) change() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (m *Queued) receipt() string { return m.ID + "/" + strconv.Itoa(m.Receives) }

func checksum(body string) string {
	sum := md5.Sum([]byte(body)) // #nosec G401 -- the protocol's own checksum
	return hex.EncodeToString(sum[:])
}

// ConnectQueues connects the SDK to an endpoint of Queues through client; nil for the
// network.
func ConnectQueues(url string, client aws.HTTPClient) func(context.Context) (*sqs.Client, error) {
	return connect(url, client, sqs.NewFromConfig)
}
