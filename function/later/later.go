// Package later keeps what is accepted now and delivered later in a queue of Amazon SQS:
// the form of its messages, the client of the queues, and when a delivery is tried again.
// How a message is delivered is the relay's concern.
//
//	queue := later.New(later.Config{Connect: connect, URL: url, DeadURL: deadURL, Concurrency: 2})
//	err := queue.Send(ctx, "orders", message)
//	queue.Poll(stop, later.Poller{Drain: 9 * time.Second, Deliver: deliver})
//
// A message holds the request as the caller made it, without what concerns the relay
// alone: no caller's key, no session token and no credential, see Message. Each try plans
// it anew, with the documents that the program has at that time.
//
// Limits: a message has at most MaxMessageBytes; it is postponed for at most
// MaxPause at once; a call of a queue ends within 5 s, and its answer is cut off
// after what the longest one may have.
package later

import (
	"errors"
	"time"
)

// MaxMessageBytes is the longest message: the queue's own limit, minus what the reason of a
// dead letter may take,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const MaxMessageBytes = maxQueueBytes - maxReasonBytes

const (
	maxQueueBytes  = 1 << 20
	maxReasonBytes = 4 << 10
)

// MaxPause is the longest time for which a message is postponed: the queue allows 12 hours,
// counted from its receipt.
const MaxPause = 11*time.Hour + 30*time.Minute

// The reasons for which this package refuses something.
var (
	// ErrTooLarge says that a message would be longer than MaxMessageBytes.
	ErrTooLarge = errors.New("the record is too large for the queue")
	// ErrMessage says that this program did not write a message.
	ErrMessage = errors.New("keyrelay did not write the message")
	// ErrUnavailable says that the queue does not take what is sent.
	ErrUnavailable = errors.New("the queue is unavailable")
)
