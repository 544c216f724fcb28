package gateway

import (
	"context"
	"net/http"
	"runtime/debug"
)

// A Panic is the error that a Handler is called with after it panicked, so that
// it answers and logs that as any other fault of the relay. It is no Refusal.
type Panic struct {
	// Stack is the goroutine's stack as debug.Stack formats it. It holds names of
	// functions and places in the code, but not what the panic said, which may be
	// made of what the caller sent.
	Stack []byte
}

// Error says that there was a panic, and nothing about it.
func (p *Panic) Error() string { return "the relay panicked" }

// answer calls handle. A panic in it is answered by handle too, if that can.
func answer(ctx context.Context, handle Handler, request *Request, err error) *Response {
	response, panicked := call(ctx, handle, request, err)
	if panicked != nil {
		response, _ = call(ctx, handle, request, panicked)
	}
	if response == nil || response.Status < 200 || response.Status > 599 {
		return lastResort()
	}
	return response
}

func call(ctx context.Context, handle Handler, request *Request, err error) (response *Response, panicked error) {
	defer func() {
		if recover() != nil {
			response, panicked = nil, &Panic{Stack: debug.Stack()}
		}
	}()
	return handle(ctx, request, err), nil
}

// lastResort is the answer when the handler has none.
func lastResort() *Response {
	return &Response{
		Status: http.StatusInternalServerError,
		Header: http.Header{
			"Content-Type": {"application/problem+json"},
			"Proxy-Status": {"keyrelay; error=proxy_internal_error"},
		},
		Body: []byte(`{"type":"urn:keyrelay:problem:internal","title":"The relay failed","status":500,"detail":"This is a fault of the relay itself. Look for the internal problem of this time in its log."}`),
	}
}
