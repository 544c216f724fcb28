package gateway

import (
	"context"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
)

// A DeliverFunc delivers the messages of a queue and returns the IDs of those that must
// come again. It must not panic.
type DeliverFunc func(ctx context.Context, messages []QueueMessage) (again []string)

// Lambda returns the handler for lambda.Start. It takes events of API Gateway REST APIs,
// HTTP APIs and Lambda function URLs, and never returns an error; the answer to any other
// event has the format of REST APIs. Messages of a queue of Amazon SQS, whose event source
// has to ask for ReportBatchItemFailures, are delivered by deliver. Where that is nil, or
// they cannot be read, all of them come again, so that none is lost.
func Lambda(handler Handler, deliver DeliverFunc) lambda.Handler {
	return &lambdaHandler{handler: handler, deliver: deliver, events: sync.Pool{New: newEvent}}
}

type lambdaHandler struct {
	handler Handler
	deliver DeliverFunc
	events  sync.Pool
}

// Invoke answers one event. The error is always nil: Lambda would show its text to the caller.
func (l *lambdaHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e := l.events.Get().(*event)
	encoded := l.answer(ctx, e, payload)
	if e.clear() {
		l.events.Put(e)
	}
	return encoded, nil
}

func (l *lambdaHandler) answer(ctx context.Context, e *event, payload []byte) []byte {
	err := e.read(payload)
	if err == nil {
		return e.request.encode(l.handler.Handle(ctx, &e.request))
	}
	if messages, ok := readQueueEvent(e.records); ok {
		return encodeFailures(l.deliverAll(ctx, e, messages))
	}
	refused := l.handler.Refuse(ctx, &e.request, err)
	if serviceOf("Records", e.records) == queues {
		return encodeFailures([]string{""}) // all messages come again: a queue takes any other answer for a success
	}
	return e.request.encode(refused)
}

// deliverAll delivers messages, or has all of them come again if there is no queue.
func (l *lambdaHandler) deliverAll(ctx context.Context, e *event, messages []QueueMessage) (again []string) {
	if l.deliver != nil {
		return l.deliver(ctx, messages)
	}
	l.handler.Refuse(ctx, &e.request, refuseQueueEvent())
	for _, each := range messages {
		again = append(again, each.ID)
	}
	return again
}
