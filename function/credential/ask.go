package credential

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

const (
	// maxTokenAnswer is the size of the longest answer of a retrieval or a discovery.
	maxTokenAnswer = 64 << 10
	// maxRetryAfter bounds what an endpoint may ask for: past it a mended one would not be noticed.
	maxRetryAfter = time.Hour
)

// A reply is the answer of an endpoint that credentials are retrieved from.
type reply struct {
	status int
	header http.Header
	body   []byte
	// asked is when the call began: what it gave is no younger.
	asked time.Time
}

// rejectsClient reports whether the endpoint does not accept who asks (RFC 6749 section 5.2).
func (r *reply) rejectsClient() bool {
	if r.status == http.StatusUnauthorized {
		return true
	}
	return r.status == http.StatusBadRequest && oauthError(r) == "invalid_client"
}

// ask sends the retrieval's call. The draft is returned for the secrets in it.
func (s *Store) ask(ctx context.Context, wanted want, in inputs) (*draft, *reply, error) {
	var sent *draft
	var err error
	if wanted.scheme.Kind == destination.RetrievedKey {
		sent, err = keyDraft(&in)
	} else {
		sent, err = s.tokenDraft(ctx, &in)
	}
	if err != nil {
		return nil, nil, err
	}
	got, err := s.call(ctx, wanted, sent)
	return sent, got, err
}

// call sends one request by the destination's guarded client, and reads its answer whole.
func (s *Store) call(ctx context.Context, wanted want, sent *draft) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, wanted.destination.AuxiliaryTimeout)
	defer cancel()
	request, err := sent.request(ctx)
	if err != nil {
		return nil, failed(wanted, "its URL or method is none that HTTP has. Mend the document.")
	}
	got, err := s.exchange(wanted.destination, request, maxTokenAnswer)
	switch {
	case errors.Is(err, errAnswerTooLong):
		return nil, failed(wanted, "its endpoint answered with more than 64 KB. Check the URL in the document.")
	case err != nil:
		return nil, unanswered(ctx, wanted, err)
	}
	return got, nil
}

// errAnswerTooLong says that an answer was not read to its end.
var errAnswerTooLong = errors.New("the answer is too long")

// exchange sends one request by the destination's guarded client, and reads an
// answer of up to limit bytes. The error may hold the URL with its query.
func (s *Store) exchange(d *destination.Destination, request *http.Request, limit int64) (*reply, error) {
	got := &reply{asked: cache.Now()}
	answer, err := s.config.HTTPClient(d).Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	got.status, got.header = answer.StatusCode, answer.Header
	if got.body, err = io.ReadAll(io.LimitReader(answer.Body, limit+1)); err != nil {
		return nil, err
	}
	if int64(len(got.body)) > limit {
		return nil, errAnswerTooLong
	}
	return got, nil
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// failed refuses with ErrRetrieval.
func failed(wanted want, problem string) *gateway.Refusal {
	return &gateway.Refusal{
		Reason: ErrRetrieval,
		Detail: "The credential of the security scheme " + wanted.scheme.Name + " of " + wanted.destination.Name + " could not be retrieved: " + problem,
	}
}

// unanswered says why there is no answer. The error is not kept as the cause: it
// may hold the URL with its query, and reasons of rooms that speak of the outbound call.
func unanswered(ctx context.Context, wanted want, err error) error {
	var refusal *gateway.Refusal
	switch {
	case errors.As(err, &refusal) && errors.Is(refusal.Reason, ErrSecretUnavailable):
		return refusal
	case ctx.Err() != nil, isTimeout(err):
		late := failed(wanted, "its endpoint did not answer in time. Try again later, or give it longer with x-keyrelay-timeout in the document.")
		late.Reason = ErrRetrievalTimeout
		return late
	case refusal != nil:
		return failed(wanted, refusal.Detail)
	}
	return failed(wanted, "its endpoint cannot be reached, or its answer is broken. Check the URL in the document and the API's state.")
}

// refusedBy says what an answer other than 2xx means. The words are keyrelay's own.
func refusedBy(wanted want, got *reply) error {
	problem := "its endpoint failed. Try again later."
	switch {
	case got.status >= 300 && got.status < 400:
		problem = "its endpoint redirects, which keyrelay does not follow. Write the final URL into the document."
	case got.rejectsClient():
		problem = "its endpoint does not accept the client. Check the secret " + wanted.scheme.Secret.String() + ", and x-keyrelay-client-authentication."
	case got.status == http.StatusTooManyRequests:
		problem = "its endpoint is asked too often. It is tried again by itself."
	case got.status == http.StatusForbidden:
		problem = "its endpoint forbids it to this client. Check its rights there."
	case got.status == http.StatusNotFound, got.status == http.StatusMethodNotAllowed:
		problem = "its endpoint is not there. Check the URL and the method in the document."
	case got.status < 500:
		problem = oauthProblem(oauthError(got))
	}
	refusal := failed(wanted, problem)
	refusal.RetryAfter = retryAfter(got)
	return refusal
}

// retryAfter is how many seconds the endpoint asks to be left alone (RFC 9110 section 10.2.3).
func retryAfter(got *reply) int {
	value := got.header.Get("Retry-After")
	pause, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		at, err := http.ParseTime(value)
		if err != nil {
			return 0
		}
		pause = uint64(max(0, at.Sub(cache.Now())/time.Second))
	}
	return int(min(pause, uint64(maxRetryAfter/time.Second)))
}
