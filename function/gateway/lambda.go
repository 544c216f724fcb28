package gateway

import (
	"context"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
)

// Lambda returns the handler for lambda.Start. It takes events of API Gateway
// REST APIs, HTTP APIs and Lambda function URLs, and never returns an error. The
// answer to any other event has the format of REST APIs.
func Lambda(handle Handler) lambda.Handler {
	return &lambdaDoor{handle: handle, events: sync.Pool{New: newEvent}}
}

type lambdaDoor struct {
	handle Handler
	events sync.Pool
}

// Invoke answers one event. The error is always nil: Lambda would show its text to the caller.
func (l *lambdaDoor) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e := l.events.Get().(*event)
	err := e.read(payload)
	response := answer(ctx, l.handle, &e.request, err)
	encoded := e.request.format.encode(response)
	if e.clear() {
		l.events.Put(e)
	}
	return encoded, nil
}
