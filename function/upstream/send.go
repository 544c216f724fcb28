package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// What net/http takes for an answer and this package does not.
var (
	errSwitched = errors.New("the downstream switched protocols")
	errStatus   = errors.New("the status is not one of RFC 9110 section 15")
	errField    = errors.New("a field has a name or a value that HTTP does not allow (RFC 9110 section 5)")
)

// An answerError is an error that ended the reading of an answer's body.
type answerError struct{ error }

// Unwrap makes errors.Is and errors.As see the error itself.
func (e answerError) Unwrap() error { return e.error }

// Send sends one plan and reads the whole answer. apply puts the credential into the
// request, last; nil for none. certificate is what the connection presents; nil for none.
// Connections that presented a certificate are used again for the same pointer.
//
// The answer's header holds end-to-end fields only, without Content-Length; redirects and
// errors of the downstream are answers like any other. The call ends with ctx; set its
// deadline. The error is a *gateway.Refusal. Its reason is a sentinel of this package,
// secret.ErrUnavailable if the destination's roots cannot be read, or context.Canceled if
// the caller left and nobody waits for an answer.
//
// An answer that shares memory with others asks take for each piece of it before it is used;
// nil if it shares none. If take refuses, the body is read to its end and dropped, and the
// response has only its status and header.
//
// Send owns the plan's Header: it holds the credential afterwards, and net/http may
// still be reading it when a downstream answers before it has read the request. To
// send a plan once more, give it a clone of its Header first.
func (c *Client) Send(ctx context.Context, outbound *plan.Plan, apply func(*http.Request), certificate *tls.Certificate, take func(size int64) error) (*gateway.Response, error) {
	pool, err := c.pool(ctx, poolKey{destination: outbound.Destination}, certificate)
	if err != nil {
		return nil, err
	}
	var call exchange
	answer, err := pool.roundTrip(call.request(ctx, outbound, apply, c.userAgent))
	if err != nil {
		return nil, fault(ctx, outbound.Destination, outbound.URL.Hostname(), err)
	}
	defer answer.Body.Close()
	if err := call.receive(answer, take); err != nil {
		return nil, fault(ctx, outbound.Destination, outbound.URL.Hostname(), err)
	}
	return &call.response, nil
}

// An exchange holds everything that one request and its answer need, so that it
// costs one allocation.
type exchange struct {
	context  watchedContext
	sent     http.Request
	url      url.URL
	body     bytes.Reader
	response gateway.Response
}

// request makes the outbound request. The credential is applied last.
func (e *exchange) request(ctx context.Context, outbound *plan.Plan, apply func(*http.Request), userAgent []string) *http.Request {
	// A credential may go into the query, and the plan stays as it was.
	e.url = *outbound.URL
	e.context = watchedContext{ctx}
	e.sent = *(&http.Request{Method: outbound.Method, URL: &e.url, Header: outbound.Header}).WithContext(&e.context)
	if len(outbound.Body) > 0 {
		e.setBody(outbound.Body)
	}
	if _, ok := outbound.Header["User-Agent"]; !ok {
		outbound.Header["User-Agent"] = userAgent
	}
	if apply != nil {
		apply(&e.sent)
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
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := header[name]; ok {
			delete(header, name)
			header[strings.ToLower(name)] = values
		}
	}
}

// receive fills the response from the answer, whose body it reads to its end.
func (e *exchange) receive(answer *http.Response, take func(int64) error) error {
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return errSwitched
	}
	if answer.StatusCode < 200 || answer.StatusCode > 599 {
		return errStatus
	}
	if err := keepEndToEnd(answer.Header); err != nil {
		return err
	}
	if err := undoCodings(&e.context, answer, gateway.MaxAnswerBytes); err != nil {
		return err
	}
	body, err := readWithin(answer, take)
	if err != nil {
		return err
	}
	e.response = gateway.Response{Status: answer.StatusCode, Header: answer.Header, Body: body}
	return nil
}

// readWithin reads the body of an answer, or throws it away where take refuses memory.
func readWithin(answer *http.Response, take func(int64) error) ([]byte, error) {
	if take == nil {
		return readBody(answer, gateway.MaxAnswerBytes)
	}
	const growth = 2 // many bodies are read at once, and none may hold much more than it needs
	var taken int64
	refused := false
	body, err := gateway.ReadWithin(answer.Body, answer.ContentLength, gateway.MaxAnswerBytes, growth, func(size int64) error {
		err := take(size - taken)
		taken, refused = size, err != nil
		return err
	})
	if refused {
		thrown, err := io.Copy(io.Discard, io.LimitReader(answer.Body, gateway.MaxAnswerBytes+1))
		if err == nil && thrown > gateway.MaxAnswerBytes {
			return nil, gateway.ErrTooLong
		}
		return nil, readingError(err)
	}
	return body, readingError(err)
}

func readingError(err error) error {
	if err == nil {
		return nil
	}
	return answerError{err}
}

// readBody reads the body of an answer of at most limit bytes to its end.
func readBody(answer *http.Response, limit int) ([]byte, error) {
	body, err := gateway.ReadAll(answer.Body, answer.ContentLength, int64(limit))
	return body, readingError(err)
}

// keepEndToEnd removes the fields that end at a connection: those that Connection
// names and the hop-by-hop fields. Content-Length is one of them: it is the gateway
// that knows how the answer is encoded in the end. It fails on a
// name or a value that no gateway carries.
func keepEndToEnd(header http.Header) error {
	for _, field := range [...]string{"Connection", nominatedField} {
		for _, value := range header[field] {
			for name := range strings.SplitSeq(value, ",") {
				delete(header, textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)))
			}
		}
	}
	delete(header, nominatedField)
	isInvalid := func(value string) bool { return !gateway.ValidHeaderValue(value) }
	for name, values := range header {
		if !gateway.ValidHeaderName(name) || slices.ContainsFunc(values, isInvalid) {
			return errField
		}
		if gateway.HopByHop(name) {
			delete(header, name)
		}
	}
	return nil
}
