package gateway

import (
	"context"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
)

// Lambda returns the handler for lambda.Start. It takes events of API Gateway
// REST APIs, HTTP APIs and Lambda function URLs, and never returns an error. The
// answer to any other event has the format of REST APIs.
func Lambda(handler Handler) lambda.Handler {
	return &lambdaHandler{handler: handler, events: sync.Pool{New: newEvent}}
}

type lambdaHandler struct {
	handler Handler
	events  sync.Pool
}

// Invoke answers one event. The error is always nil: Lambda would show its text to the caller.
func (l *lambdaHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e := l.events.Get().(*event)
	var response *Response
	if err := e.read(payload); err != nil {
		response = l.handler.Refuse(ctx, &e.request, err)
	} else {
		response = l.handler.Handle(ctx, &e.request)
	}
	encoded := e.request.encode(response)
	if e.clear() {
		l.events.Put(e)
	}
	return encoded, nil
}
