package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
)

// An Answer is the answer of an auxiliary endpoint: a token endpoint, a key set, an
// introspection endpoint.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Asked is when the call began, on the wall clock: the answer is at least that old.
	Asked time.Time
}

// MediaType returns the answer's media type without parameters, in lower case; empty for
// none.
func (a *Answer) MediaType() string {
	mediaType, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return mediaType
}

// A CallFunc makes one auxiliary call for a destination; see Client.Call.
type CallFunc func(ctx context.Context, d *destination.Destination, request *http.Request, certificate *tls.Certificate, limit int) (*Answer, error)

// Call sends one request on guarded connections of a destination that present the
// certificate, nil for none, and reads the whole answer, of at most limit bytes. It follows
// no redirect and gives up after the destination's AuxiliaryTimeout.
//
// The error is a *gateway.Refusal as from Send, whose detail may speak of the outbound
// request; Describe has the words for this one.
func (c *Client) Call(ctx context.Context, d *destination.Destination, request *http.Request, certificate *tls.Certificate, limit int) (*Answer, error) {
	asked := cache.Now()
	ctx, cancel := context.WithTimeout(ctx, d.AuxiliaryTimeout)
	defer cancel()
	pool, err := c.pool(ctx, poolKey{destination: d, auxiliary: true}, certificate)
	if err != nil {
		return nil, err
	}
	if request.Header.Get("User-Agent") == "" { // some APIs want one of the client's own
		request.Header.Set("User-Agent", UserAgent)
	}
	request.Header.Set("Accept-Encoding", "identity")
	answer, err := pool.roundTrip(request.WithContext(&watchedContext{ctx}))
	if err != nil {
		return nil, callFault(ctx, d, request, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return nil, callFault(ctx, d, request, errSwitched)
	}
	if err := undoCodings(ctx, answer, limit); err != nil {
		return nil, callFault(ctx, d, request, err)
	}
	body, err := readBody(answer, limit)
	if err != nil {
		return nil, callFault(ctx, d, request, err)
	}
	return &Answer{Status: answer.StatusCode, Header: answer.Header, Body: body, Asked: asked}, nil
}

// Describe says why a call to an endpoint got no answer, from the refusal that Call
// returned. place names the endpoint by the member of the document that holds its URL, such
// as "its tokenUrl". late says that the call took too long.
func Describe(place string, refusal *gateway.Refusal) (problem string, late bool) {
	is := func(reason error) bool { return errors.Is(refusal.Reason, reason) }
	switch {
	case is(ErrTimeout), is(ErrConnectionTimeout), is(context.Canceled):
		return place + " did not answer in time. Try again later, or give it longer with x-keyrelay-timeout in the document.", true
	case is(ErrAnswerTooLarge):
		return place + " answered with more than keyrelay reads. Check it in the document.", false
	case is(ErrAnswerIncomplete), is(ErrAnswerBroken), is(ErrTerminated):
		return place + " cannot be reached, or its answer is broken. Check it in the document, and the API's state.", false
	case is(secret.ErrUnavailable):
		return refusal.Detail, false
	}
	_, problem, _ = strings.Cut(refusal.Detail, " ") // it begins with the host
	problem = strings.NewReplacer("the destination's server URL", place, "its URL in the destination's document", place).Replace(problem)
	return place + " " + problem, false
}

// callFault is what an error means for the caller. Which host it was is for the log.
func callFault(ctx context.Context, d *destination.Destination, request *http.Request, err error) error {
	meant := fault(ctx, d, request.URL.Hostname(), err)
	meant.Note = "The endpoint is at " + request.URL.Host + "."
	return meant
}
