package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// The bounds of KEYRELAY_QUEUE_CONCURRENCY are those of an event source's MaximumConcurrency,
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. The least is
// what holds unless it is set.
const (
	leastQueueConcurrency = 2
	mostQueueConcurrency  = 1_000
)

// queueSettings reads what is said of the queues for deliveries.
func queueSettings(getenv func(string) string, read *settings) error {
	read.queue, read.deadQueue, read.queueConcurrency = getenv("KEYRELAY_QUEUE"), getenv("KEYRELAY_DEAD_QUEUE"), leastQueueConcurrency
	concurrency := getenv("KEYRELAY_QUEUE_CONCURRENCY")
	switch {
	case read.queue == "" && read.deadQueue != "":
		return fmt.Errorf("KEYRELAY_QUEUE must be set where KEYRELAY_DEAD_QUEUE is: the URL of the SQS queue that deliveries wait in")
	case read.queue != "" && read.deadQueue == "":
		return fmt.Errorf("KEYRELAY_DEAD_QUEUE must be set where KEYRELAY_QUEUE is: the URL of the SQS queue for what cannot be delivered")
	case read.queue == "" && concurrency != "":
		return fmt.Errorf("KEYRELAY_QUEUE_CONCURRENCY is of no use without KEYRELAY_QUEUE; unset it, or set KEYRELAY_QUEUE too")
	case read.queue != "" && read.queue == read.deadQueue:
		return fmt.Errorf("KEYRELAY_DEAD_QUEUE must be another queue than KEYRELAY_QUEUE: what cannot be delivered would come again for ever")
	}
	for _, name := range []string{"KEYRELAY_QUEUE", "KEYRELAY_DEAD_QUEUE"} {
		value := getenv(name)
		if strings.HasSuffix(value, ".fifo") {
			return fmt.Errorf("%s must be a standard queue: deliveries have no order, and a FIFO queue stops at the first one that waits", name)
		}
		if value != "" && !isQueueURL(value) {
			return fmt.Errorf("%s must be the URL of an SQS queue with its account and its name, such as https://sqs.eu-central-1.amazonaws.com/123456789012/keyrelay; an ARN or a name is none", name)
		}
	}
	if concurrency == "" {
		return nil
	}
	number, err := strconv.Atoi(concurrency)
	if err != nil || number < leastQueueConcurrency || number > mostQueueConcurrency {
		return fmt.Errorf("KEYRELAY_QUEUE_CONCURRENCY must be a number from %d to %d: how many deliveries run at once in all", leastQueueConcurrency, mostQueueConcurrency)
	}
	read.queueConcurrency = number
	return nil
}

var (
	// queueHost is the name of AWS's own endpoints, those of a VPC included.
	queueHost = regexp.MustCompile(`(?i)\.amazonaws\.com(\.cn)?$`)
	// queuePath is the account's id and the queue's name,
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html.
	queuePath = regexp.MustCompile(`^/[0-9]{12}/[A-Za-z0-9_-]+$`)
	// emulatedPath has other words before the name.
	emulatedPath = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+/[A-Za-z0-9_-]+$`)
)

// isQueueURL reports whether a text is the URL of a queue of AWS, or of an emulator, which
// may be http.
func isQueueURL(text string) bool {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return false
	}
	if queueHost.MatchString(address.Hostname()) {
		return address.Scheme == "https" && queuePath.MatchString(address.Path)
	}
	return (address.Scheme == "https" || address.Scheme == "http") && emulatedPath.MatchString(address.Path)
}
