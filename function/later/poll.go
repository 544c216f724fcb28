package later

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"keyrelay/function/cache"
	"keyrelay/function/gateway"
)

// A long poll waits for messages as long as SQS allows. What was received is hidden from
// others for hiddenTime, which is renewed while the delivery lasts.
const (
	pollTime   = 20 * time.Second
	hiddenTime = 60 * time.Second
	renewTime  = 20 * time.Second
)

// A Poller says what becomes of the messages that Poll receives.
type Poller struct {
	// Deliver delivers one message; again says that it must come again, after the pause.
	Deliver func(ctx context.Context, message *gateway.QueueMessage) (again bool, pause time.Duration)
	// Failed is told of each poll that failed.
	Failed func(err error)
	// Drain is how long the deliveries under way may take once polling stops.
	Drain time.Duration
}

// Poll receives messages and has them delivered, Config.Concurrency at once, until stop
// ends, and returns when those under way have ended.
func (q *Queue) Poll(stop context.Context, poller Poller) {
	work, cancel := context.WithCancel(context.WithoutCancel(stop))
	defer cancel()
	slots := make(chan struct{}, q.config.Concurrency)
	var deliveries sync.WaitGroup
	for failures := 0; ; {
		count := takeSlots(stop, slots)
		if count == 0 {
			break
		}
		messages, err := q.receive(stop, count)
		for range count - len(messages) {
			<-slots
		}
		for i := range messages {
			deliveries.Go(func() {
				defer func() { <-slots }()
				q.handle(work, &messages[i], poller.Deliver)
			})
		}
		if failures++; err == nil {
			failures = 0
		} else if stop.Err() == nil {
			poller.Failed(err)
			_ = cache.Sleep(stop, pause(failures, time.Minute))
		}
	}
	defer time.AfterFunc(poller.Drain, cancel).Stop()
	deliveries.Wait()
}

// takeSlots waits for one slot, takes the others that are free as well, up to what one poll
// can fill, and returns their number; 0 when stop ends.
func takeSlots(stop context.Context, slots chan struct{}) (count int) {
	select {
	case <-stop.Done():
		return 0
	case slots <- struct{}{}:
	}
	for count = 1; count < maxBatchMessages; count++ {
		select {
		case slots <- struct{}{}:
		default:
			return count
		}
	}
	return count
}

// receive waits for messages, at most count.
func (q *Queue) receive(stop context.Context, count int) ([]gateway.QueueMessage, error) {
	if stop.Err() != nil {
		return nil, stop.Err()
	}
	answer, err := callWithin(stop, q, pollTime+callTime, int64(count)*maxReceived, (*sqs.Client).ReceiveMessage, &sqs.ReceiveMessageInput{
		QueueUrl: &q.config.URL, MaxNumberOfMessages: int32(count), // #nosec G115 -- ten at most
		WaitTimeSeconds: int32(pollTime.Seconds()), VisibilityTimeout: int32(hiddenTime.Seconds()),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, err
	}
	messages := make([]gateway.QueueMessage, 0, count)
	for _, each := range answer.Messages[:min(len(answer.Messages), count)] {
		messages = append(messages, gateway.NewQueueMessage(aws.ToString(each.MessageId), aws.ToString(each.ReceiptHandle), aws.ToString(each.Body),
			each.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], each.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]))
	}
	return messages, nil
}

// handle delivers one message and deletes it from the queue, or has it come again.
func (q *Queue) handle(ctx context.Context, message *gateway.QueueMessage, deliver func(context.Context, *gateway.QueueMessage) (bool, time.Duration)) {
	stopHiding := q.keepHidden(ctx, message.Receipt)
	again, pause := deliver(ctx, message)
	stopHiding()
	ctx = context.WithoutCancel(ctx)
	if again {
		q.Postpone(ctx, message.Receipt, pause)
		return
	}
	// Where this fails the message is delivered once more.
	_, _ = call(ctx, q, (*sqs.Client).DeleteMessage, &sqs.DeleteMessageInput{QueueUrl: &q.config.URL, ReceiptHandle: &message.Receipt})
}

// keepHidden renews the time for which a message is hidden from others, until stop is called.
func (q *Queue) keepHidden(ctx context.Context, receipt string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var renewal sync.WaitGroup
	renewal.Go(func() {
		for cache.Sleep(ctx, renewTime) == nil {
			q.Postpone(ctx, receipt, hiddenTime)
		}
	})
	return func() {
		cancel()
		renewal.Wait()
	}
}
