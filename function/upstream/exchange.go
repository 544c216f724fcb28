package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"keyrelay/function/credential"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// What net/http takes for an answer and this room does not.
var (
	errSwitched = errors.New("the downstream switched protocols")
	errStatus   = errors.New("the status is not one of RFC 9110 section 15")
)

// An answerError is an error that ended the reading of an answer's body.
type answerError struct{ error }

// Unwrap makes errors.Is and errors.As see the error itself.
func (e answerError) Unwrap() error { return e.error }

// An exchange holds everything that one request and its answer need, so that it
// costs one allocation.
type exchange struct {
	sent     http.Request
	url      url.URL
	body     bytes.Reader
	response gateway.Response
}

// request makes the outbound request. The credential is applied last.
func (e *exchange) request(ctx context.Context, outbound *plan.Plan, held *credential.Credential, userAgent []string) *http.Request {
	// A credential may go into the query, and the plan stays as it was.
	e.url = *outbound.URL
	e.sent = *(&http.Request{Method: outbound.Method, URL: &e.url, Header: outbound.Header}).WithContext(ctx)
	if len(outbound.Body) > 0 {
		e.setBody(outbound.Body)
	}
	if _, ok := outbound.Header["User-Agent"]; !ok {
		outbound.Header["User-Agent"] = userAgent
	}
	if held != nil {
		held.Apply(&e.sent)
	}
	hideIdempotencyKey(e.sent.Header)
	return &e.sent
}

// setBody gives the request a body that net/http knows to be in memory, so that it
// writes header and body at once, and that it can move to another connection when
// none of its bytes was written.
func (e *exchange) setBody(body []byte) {
	e.body.Reset(body)
	e.sent.Body = io.NopCloser(&e.body)
	e.sent.ContentLength = int64(len(body))
	e.sent.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// hideIdempotencyKey spells the two fields in small letters. Under their canonical
// names net/http takes them as leave to send a request again after its bytes were
// written (Request.isReplayable); field names have no case on the wire (RFC 9110 section 5.1).
func hideIdempotencyKey(header http.Header) {
	if values, ok := header["Idempotency-Key"]; ok {
		delete(header, "Idempotency-Key")
		header["idempotency-key"] = values
	}
	if values, ok := header["X-Idempotency-Key"]; ok {
		delete(header, "X-Idempotency-Key")
		header["x-idempotency-key"] = values
	}
}

// receive fills the response from the answer, whose body it reads to its end.
func (e *exchange) receive(answer *http.Response) error {
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return errSwitched
	}
	if answer.StatusCode < 200 || answer.StatusCode > 599 {
		return errStatus
	}
	body, err := gateway.ReadAll(answer.Body, answer.ContentLength, gateway.MaxAnswerBytes)
	switch {
	case errors.Is(err, gateway.ErrTooLong):
		return err
	case err != nil:
		return answerError{err}
	}
	keepEndToEnd(answer.Header)
	e.response = gateway.Response{Status: answer.StatusCode, Header: answer.Header, Body: body}
	return nil
}

// keepEndToEnd removes the fields that end at a connection: those that Connection
// names and the hop-by-hop fields. Content-Length is one of them: it is the gateway
// that knows how the answer is encoded in the end.
func keepEndToEnd(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			delete(header, textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)))
		}
	}
	for name := range header {
		if gateway.HopByHop(name) {
			delete(header, name)
		}
	}
}
