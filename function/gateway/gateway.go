// Package gateway turns what arrives at a front end of the relay into a plain Request,
// and a plain Response into what that front end expects.
//
// There are four front ends: API Gateway REST APIs (payload format 1.0), API
// Gateway HTTP APIs and Lambda function URLs (payload format 2.0), and net/http.
// No later package knows any of them. Lambda also delivers messages of Amazon SQS.
//
//	lambda.Start(gateway.Lambda(relay, relay.Deliver)) // an AWS Lambda function
//	http.Serve(listener, gateway.HTTP(relay)) // a plain HTTP port
//
// Limits: over HTTP a body is at most MaxRecordBytes, and bodies and connections are
// bounded for all callers together; in Lambda the gateway's own limits apply. An
// answer is at most MaxAnswerBytes, see Request.Fits.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// MaxRecordBytes is the largest body that is read over HTTP: 10 MB, the limit
// of API Gateway, https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html.
const MaxRecordBytes = 10 << 20

// MaxAnswerBytes is the largest answer: the limit of a synchronous Lambda
// response, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const MaxAnswerBytes = 6_291_556

// The reasons for which this package refuses a request.
var (
	// ErrEvent says that this package cannot read this kind of Lambda event, or that it is
	// broken.
	ErrEvent = errors.New("the event cannot be read")
	// ErrTrigger says that a service calls the function which reads no answer of this kind,
	// so that what it sends is lost, or comes again, until the trigger is mended. It is an ErrEvent.
	ErrTrigger = fmt.Errorf("%w: another service sent it", ErrEvent)
	// ErrHeader says that HTTP cannot carry a header of the event.
	ErrHeader = errors.New("a header is invalid")
	// ErrRecordTooLarge says that the body is longer than MaxRecordBytes.
	ErrRecordTooLarge = errors.New("the record is too large")
	// ErrBusy says that the bodies of other requests use all the memory for bodies.
	ErrBusy = errors.New("the relay is busy")
	// ErrRecordBroken says that the body did not arrive whole, or is not the base64 that the event says it is.
	ErrRecordBroken = errors.New("the record did not arrive whole")
)

// Methods returns the methods that a caller may use. The outbound request has the same one.
func Methods() []string { return []string{"GET", "POST", "PUT", "PATCH", "DELETE"} }

// A Handler answers requests. Its methods must not keep request, its Header map or
// the slices in that map after they return; the strings in it and Body may be kept.
// They must not panic, and return a response that Request.Fits.
type Handler interface {
	// Handle answers a request, whose body has not been read yet.
	Handle(ctx context.Context, request *Request) *Response
	// Refuse answers a request that could not be read; request holds what is known
	// of it. The error is a *Refusal.
	Refuse(ctx context.Context, request *Request, err error) *Response
}

// A Request is what the caller sent, through any front end.
type Request struct {
	// Method is the HTTP method, as the caller wrote it.
	Method string
	// Path is the path below the relay's own address: without the stage of an API
	// Gateway URL. The relay itself answers at "/" only.
	Path string
	// Header holds the caller's header fields under their canonical names
	// (net/textproto.CanonicalMIMEHeaderKey); repeated fields keep their order.
	Header http.Header
	// Body is the body with base64 and gzip decoded; nil if there was none, and before
	// ReadBody.
	Body []byte
	// ID is the gateway's request id; empty over HTTP until the relay gives one.
	ID string
	// Principal is the id of the API key, or the ARN of the IAM principal, that the
	// gateway let in; empty for neither, and over HTTP.
	Principal string
	// Caller is the caller's name; empty until the relay knows it, and if there is none.
	Caller string
	// Address is the caller's IP address over HTTP; empty in Lambda.
	Address string
	// SessionChecked says that the record's session token was checked before, and has
	// left Body.
	SessionChecked bool

	// idField is what IDField returns, so that it costs no allocation.
	idField  [1]string
	format   format
	readBody func() ([]byte, error)
	// answer is the response that Fits was last asked about, and encoded what it is
	// on the wire.
	answer  *Response
	encoded []byte
}

// IDField returns the value of a header field that holds ID.
func (r *Request) IDField() []string {
	r.idField[0] = r.ID
	return r.idField[:]
}

// ReadBody reads the body into Body; until then, a caller costs no more than its header. It
// decodes gzip and removes it from Header. Any other content coding stays, for the reader
// of Body to judge. The error is a *Refusal.
func (r *Request) ReadBody() (err error) {
	if r.readBody != nil {
		r.Body, err = r.readBody()
		r.readBody = nil
	}
	return err
}

// Fits reports whether the response, as encoded for the front end that this request came
// through, is at most MaxAnswerBytes long. The encoded answer is kept and sent.
func (r *Request) Fits(response *Response) bool {
	if r.format == overHTTP {
		return len(response.Body) <= MaxAnswerBytes
	}
	return r.encode(response) != nil
}

// encode returns the response as the front end expects it; nil if it is too long.
func (r *Request) encode(response *Response) []byte {
	if r.answer != response {
		r.answer, r.encoded = response, r.format.encode(response)
	}
	return r.encoded
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
