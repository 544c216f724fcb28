package later

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"keyrelay/function/cache"
	"keyrelay/function/gateway"
)

// The bounds of each call of a queue but that which waits for messages, and of its answer.
const (
	callTime  = 5 * time.Second
	maxAnswer = 64 << 10
)

// maxReceived is more than the longest message takes in an answer, with every character escaped.
const maxReceived = 4 * maxQueueBytes

// A batch of messages has ten at most, and as many bytes as one message.
const (
	maxBatchMessages = 10
	batchesAtOnce    = 4
)

// retryAfter is after how many seconds a sender may try a queue again that took nothing.
const retryAfter = 5

// Config says what a Queue works with.
type Config struct {
	// Connect makes the client of the SDK; it is called at the first use.
	Connect func(context.Context) (*sqs.Client, error)
	// URL is the address of the queue that deliveries wait in, DeadURL that of the queue
	// for what cannot be delivered.
	URL, DeadURL string
	// Concurrency is how many deliveries run at once in all.
	Concurrency int
	// Instances is how many instances of the program share an API's pace at most, 1 or more.
	Instances int
}

// A Queue is what deliveries wait in, and the dead-letter queue beside it. It is safe for
// concurrent use. A nil Queue takes no dead letter, and postpones nothing: a message comes
// again when whoever received it lets its visibility timeout end.
type Queue struct {
	config Config
	client cache.FirstUse[sqs.Client]
}

// New returns a Queue that has called nothing yet.
func New(config Config) *Queue { return &Queue{config: config} }

// Instances is Config.Instances; 1 for a nil Queue.
func (q *Queue) Instances() int {
	if q == nil {
		return 1
	}
	return q.config.Instances
}

// Send puts a message into the queue. group is the destination's name: where the messages
// of one destination pile up, those of others are still delivered in time (fair queues,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
// The error is a *gateway.Refusal with the reason ErrTooLarge or ErrUnavailable.
func (q *Queue) Send(ctx context.Context, group string, message *Message) error {
	body, err := message.Encode()
	if err != nil {
		return err
	}
	_, err = call(ctx, q, (*sqs.Client).SendMessage, &sqs.SendMessageInput{QueueUrl: &q.config.URL, MessageBody: &body, MessageGroupId: groupID(group)})
	return err
}

// SendAll puts messages into the queue, in batches, and returns for each what Send would;
// nil for a nil message.
func (q *Queue) SendAll(ctx context.Context, group string, messages []*Message) []error {
	errs := make([]error, len(messages))
	slots := make(chan struct{}, batchesAtOnce)
	var calls sync.WaitGroup
	for batch := range batches(groupID(group), messages, errs) {
		slots <- struct{}{}
		calls.Go(func() {
			q.sendBatch(ctx, batch, errs)
			<-slots
		})
	}
	calls.Wait()
	return errs
}

// batches yields the messages in batches as large as SQS takes them, and notes the errors
// of those that cannot be encoded. The Id of an entry is the message's index.
func batches(group *string, messages []*Message, errs []error) iter.Seq[[]types.SendMessageBatchRequestEntry] {
	return func(yield func([]types.SendMessageBatchRequestEntry) bool) {
		var batch []types.SendMessageBatchRequestEntry
		size := 0
		for i, message := range messages {
			if message == nil {
				continue
			}
			body, err := message.Encode()
			if errs[i] = err; err != nil {
				continue
			}
			if len(batch) == maxBatchMessages || size+len(body) > maxQueueBytes {
				if !yield(batch) {
					return
				}
				batch, size = nil, 0
			}
			batch = append(batch, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body, MessageGroupId: group})
			size += len(body)
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// sendBatch sends a batch, and notes the errors of its messages.
func (q *Queue) sendBatch(ctx context.Context, batch []types.SendMessageBatchRequestEntry, errs []error) {
	answer, err := call(ctx, q, (*sqs.Client).SendMessageBatch, &sqs.SendMessageBatchInput{QueueUrl: &q.config.URL, Entries: batch})
	told := map[string]error{}
	if err == nil {
		err = unavailable("Its answer does not name every message.", nil)
		for _, each := range answer.Successful {
			told[aws.ToString(each.Id)] = nil
		}
		for _, each := range answer.Failed {
			told[aws.ToString(each.Id)] = unavailable("It answered "+token(aws.ToString(each.Code))+".", nil)
		}
	}
	for _, entry := range batch {
		index, _ := strconv.Atoi(*entry.Id)
		errs[index] = err
		if result, ok := told[*entry.Id]; ok {
			errs[index] = result
		}
	}
}

// A Reason says why a message is a dead letter; empty texts are left out.
type Reason struct {
	Problem string
	Status  int
	// Detail is a sentence for the operator.
	Detail      string
	Destination string
}

// Bury puts a message, its body as it was, into the dead-letter queue.
func (q *Queue) Bury(ctx context.Context, body string, reason Reason) error {
	if q == nil {
		return unavailable("KEYRELAY_DEAD_QUEUE is not set.", nil)
	}
	const most = 1024
	attributes := map[string]types.MessageAttributeValue{}
	add := func(name, kind, value string) {
		if value = printable(value, most); value != "" {
			attributes[name] = types.MessageAttributeValue{DataType: &kind, StringValue: &value}
		}
	}
	add("problem", "String", reason.Problem)
	add("status", "Number", strconv.Itoa(reason.Status))
	add("detail", "String", reason.Detail)
	add("destination", "String", reason.Destination)
	_, err := call(ctx, q, (*sqs.Client).SendMessage, &sqs.SendMessageInput{QueueUrl: &q.config.DeadURL, MessageBody: &body, MessageAttributes: attributes})
	return err
}

// Postpone has a message come again after a pause. Where that fails it comes again after
// the visibility timeout of its receipt.
func (q *Queue) Postpone(ctx context.Context, receipt string, pause time.Duration) {
	if q == nil {
		return
	}
	seconds := int32(min(pause, MaxPause).Round(time.Second).Seconds())
	_, _ = call(ctx, q, (*sqs.Client).ChangeMessageVisibility, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.config.URL, ReceiptHandle: &receipt, VisibilityTimeout: seconds,
	})
}

// An operation is one of the SDK's.
type operation[In, Out any] func(*sqs.Client, context.Context, *In, ...func(*sqs.Options)) (*Out, error)

// call makes one call of the SDK, which repeats it where that helps. The error is a *gateway.Refusal.
func call[In, Out any](ctx context.Context, q *Queue, do operation[In, Out], input *In) (*Out, error) {
	return callWithin(ctx, q, callTime, maxAnswer, do, input)
}

func callWithin[In, Out any](ctx context.Context, q *Queue, within time.Duration, most int64, do operation[In, Out], input *In) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	client, err := q.client.Get(ctx, q.config.Connect)
	if err != nil {
		return nil, unavailable("The AWS configuration of this process is broken: fix its AWS_* variables or its AWS profile.", err)
	}
	answer, err := do(client, ctx, input, func(options *sqs.Options) {
		options.HTTPClient = cache.LimitedClient{HTTPClient: options.HTTPClient, Limit: most}
	})
	if err == nil {
		return answer, nil
	}
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return nil, unavailable("It answered "+token(fault.ErrorCode())+": check its URL, AWS_REGION, and the rights of the role that keyrelay runs as.", err)
	}
	return nil, unavailable(unanswered(ctx, client), err)
}

// unanswered says why a call has no answer.
func unanswered(ctx context.Context, client *sqs.Client) string {
	options := client.Options()
	if options.Region == "" {
		return "There is no AWS region: set AWS_REGION."
	}
	if options.Credentials != nil {
		if _, err := options.Credentials.Retrieve(ctx); err == nil || ctx.Err() != nil {
			return "It cannot be reached, or its answer is broken: check its URL, the network and the endpoint that are configured."
		}
	}
	return "This process has no AWS credentials: give it a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
}

// unavailable says that the queue does not take what is sent; why is for the operator.
func unavailable(why string, cause error) error {
	return &gateway.Refusal{
		Reason:     ErrUnavailable,
		Detail:     "The queue for deliveries does not take the record now. Send it again after the seconds that Retry-After says, or without Prefer: respond-async.",
		Note:       "The queue: " + why,
		RetryAfter: retryAfter,
		Cause:      cause,
	}
}

// token keeps the letters, digits and dots of a service's error code.
func token(code string) string {
	kept := strings.Map(func(c rune) rune {
		if c == '.' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			return c
		}
		return -1
	}, code)
	return kept[:min(len(kept), 64)]
}

// groupID makes the name of a message's group out of a text: printable characters of
// ASCII, 128 at most.
func groupID(name string) *string {
	var text strings.Builder
	for i := range len(name) {
		if c := name[i]; c > ' ' && c < 0x7f {
			text.WriteByte(c)
		} else {
			text.WriteString("%" + strconv.FormatUint(uint64(c), 16))
		}
	}
	made := text.String()
	return aws.String(made[:min(len(made), 128)])
}

// printable makes an attribute of a message out of a text: valid UTF-8 without control characters.
func printable(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '\ufffe' || c == '\uffff' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
