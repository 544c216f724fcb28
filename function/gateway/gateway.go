// Package gateway turns what arrives at one of the relay's doors into a plain
// Request, and a plain Response into what that door expects back.
//
// There are four doors: API Gateway REST APIs (payload format 1.0), API Gateway
// HTTP APIs and Lambda function URLs (payload format 2.0), and net/http. The
// rooms behind this one know none of them.
//
//	lambda.Start(gateway.Lambda(relay.Handle)) // an AWS Lambda function
//	http.Serve(listener, gateway.HTTP(relay.Handle)) // a plain HTTP port
//
// Limits: over HTTP a body is at most MaxRecordBytes; in Lambda the gateway's own
// limits hold. An answer is at most MaxAnswerBytes, see Request.Fits.
package gateway

import (
	"context"
	"errors"
	"net/http"
)

// MaxRecordBytes is the largest body that the HTTP door reads: 10 MB, the limit
// of API Gateway, https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html.
const MaxRecordBytes = 10 << 20

// MaxAnswerBytes is the largest answer: the limit of a synchronous Lambda
// response, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const MaxAnswerBytes = 6_291_556

// The reasons for which this room refuses a request.
var (
	// ErrEvent says that the Lambda event is none that this room reads, or is broken.
	ErrEvent = errors.New("the event cannot be read")
	// ErrHeader says that a header of the event is none that HTTP can carry.
	ErrHeader = errors.New("a header is invalid")
	// ErrRecordTooLarge says that the body is longer than MaxRecordBytes.
	ErrRecordTooLarge = errors.New("the record is too large")
	// ErrRecordBroken says that the body did not arrive whole, or is not the base64 that the event says it is.
	ErrRecordBroken = errors.New("the record did not arrive whole")
)

// A Handler answers one request. err is nil for a request that was read whole;
// otherwise it is a *Refusal that says why it was not, and request holds what is
// known of it. A Handler must not keep request, its Header map or the slices in
// that map after it returns; the strings in it and Body may be kept.
type Handler func(ctx context.Context, request *Request, err error) *Response

// A Request is what the caller sent, whichever door it came through. The rooms
// behind this one only read it.
type Request struct {
	// Method is the HTTP method, as the caller wrote it.
	Method string
	// Path is the path below the relay's own address: without the stage of an API
	// Gateway URL. The relay itself answers at "/" only.
	Path string
	// Header holds the caller's header fields under their canonical names
	// (net/textproto.CanonicalMIMEHeaderKey); repeated fields keep their order.
	Header http.Header
	// Body is the body with any base64 taken off; nil where there was none.
	Body []byte
	// ID is the gateway's request id, empty over HTTP.
	ID string

	format format
}

// A Response is the relay's answer.
type Response struct {
	// Status is the HTTP status code, 200 to 599.
	Status int
	// Header holds the end-to-end header fields under their canonical names.
	Header http.Header
	// Body is the whole body; nil for none.
	Body []byte
}
