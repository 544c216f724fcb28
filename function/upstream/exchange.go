package upstream

import (
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

// An exchange holds everything that one request and its answer need, so that it
// costs one allocation.
type exchange struct {
	url      url.URL
	body     requestBody
	response gateway.Response
}

// newExchange copies the plan's URL: a credential may go into the query, and the plan stays as it was.
func newExchange(outbound *plan.Plan) *exchange {
	return &exchange{url: *outbound.URL, body: requestBody{whole: outbound.Body, rest: outbound.Body}}
}

// request makes the outbound request. The credential is applied last.
func (e *exchange) request(ctx context.Context, outbound *plan.Plan, held *credential.Credential, userAgent []string) *http.Request {
	request := (&http.Request{Method: outbound.Method, URL: &e.url, Header: outbound.Header}).WithContext(ctx)
	// A body without bytes is none: net/http would probe it for a first byte.
	if len(outbound.Body) > 0 {
		request.Body = &e.body
		request.ContentLength = int64(len(outbound.Body))
		request.GetBody = e.body.again
	}
	if _, ok := outbound.Header["User-Agent"]; !ok {
		outbound.Header["User-Agent"] = userAgent
	}
	if held != nil {
		held.Apply(request)
	}
	hideIdempotencyKey(request.Header)
	return request
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
	body, err := readAnswer(answer.Body, answer.ContentLength)
	if err != nil {
		return err
	}
	keepEndToEnd(answer.Header)
	e.response = gateway.Response{Status: answer.StatusCode, Header: answer.Header, Body: body}
	return nil
}

// keepEndToEnd removes the fields that end at a connection: those that Connection
// names and those of RFC 9110 section 7.6.1 and 11.7. Content-Length goes too,
// because it is the gateway that knows how the answer is encoded in the end.
func keepEndToEnd(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			delete(header, textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)))
		}
	}
	for _, name := range [...]string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Content-Length",
	} {
		delete(header, name)
	}
}

// A requestBody reads the plan's body without copying it.
type requestBody struct {
	whole, rest []byte
}

// Read implements io.Reader.
func (b *requestBody) Read(into []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(into, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (b *requestBody) Close() error { return nil }

// again is the request's GetBody: it lets net/http move a request whose bytes were
// not written to another connection.
func (b *requestBody) again() (io.ReadCloser, error) {
	return &requestBody{whole: b.whole, rest: b.whole}, nil
}
