// Package retrieval makes the HTTP calls that turn secrets into credentials: keys of
// x-itential-dynamic-retrieval, tokens of OAuth 2.0 and OpenID Connect.
//
//	retriever := retrieval.New(secrets, client.Call)
//	got, err := retriever.Get(ctx, retrieval.Scope{Destination: d, Scheme: scheme})
//	text := got.Value.Text()
//
// A token is kept until shortly before its expiry, or until it is refused. One
// retrieval per scope is under way at a time. Limits: an answer is at most 64 KB and
// comes within the destination's AuxiliaryTimeout.
package retrieval

import (
	"context"
	"errors"
	"slices"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

var (
	// ErrFailed says that a retrieval failed.
	ErrFailed = errors.New("a retrieval failed")
	// ErrTimeout says that a retrieval took too long.
	ErrTimeout = errors.New("a retrieval timed out")
)

// A Retriever retrieves credentials and keeps them. It is safe for concurrent use.
type Retriever struct {
	secrets     *secret.Store
	call        upstream.CallFunc
	tokens      *cache.Cache[Scope, *Token]
	discoveries *cache.Cache[Scope, *discovery]
}

// A Scope is one scheme as an operation asks for it.
type Scope struct {
	Destination *destination.Destination
	Scheme      *destination.SecurityScheme
	// Scopes are separated by spaces, as in RFC 6749 section 3.3.
	Scopes string
}

// A Token is what one retrieval gave, whichever kind of scheme it is for.
type Token struct {
	content func() content
}

// A content is a credential, and the secrets in it.
type content struct {
	text    string
	secrets []string
}

// Text is what the scheme's own header would hold.
func (t *Token) Text() string { return t.content().text }

// Secrets are the values in the text that prove who asks.
func (t *Token) Secrets() []string { return t.content().secrets }

// New returns a Retriever that has retrieved nothing yet.
func New(secrets *secret.Store, call upstream.CallFunc) *Retriever {
	r := &Retriever{secrets: secrets, call: call}
	r.tokens = &cache.Cache[Scope, *Token]{
		Fetch:              r.retrieve,
		Timeout:            timeout,
		OnCancel:           cancelled,
		DropRefused:        true,
		ServeDuringRefresh: true,
	}
	r.discoveries = newDiscoveries(r)
	return r
}

// Get returns the credential of a scope, and retrieves it where none is at hand or
// the document wants one retrieval for every request. The error is a *gateway.Refusal
// with the reason ErrFailed, ErrTimeout or secret.ErrUnavailable.
func (r *Retriever) Get(ctx context.Context, scope Scope) (cache.Result[*Token], error) {
	if perRequest(scope.Scheme) {
		return r.tokens.GetUncached(ctx, scope)
	}
	return r.tokens.Get(ctx, scope)
}

// Renew retrieves another credential than the one used, which was refused. The error is as from Get.
func (r *Retriever) Renew(ctx context.Context, scope Scope, used *Token) (cache.Result[*Token], error) {
	if perRequest(scope.Scheme) {
		return r.tokens.GetUncached(ctx, scope)
	}
	return r.tokens.Renew(ctx, scope, used)
}

// perRequest reports whether the document wants one retrieval for every request.
func perRequest(scheme *destination.SecurityScheme) bool {
	return scheme.Lifetime != nil && *scheme.Lifetime == 0
}

// timeout bounds a retrieval with all that belongs to it: the reading of its secret,
// and two calls, as for discovery or with a secret that was read again.
func timeout(scope Scope) time.Duration {
	return secret.Timeout + 2*scope.Destination.AuxiliaryTimeout
}

func cancelled(scope Scope, cause error) error {
	return &gateway.Refusal{
		Reason: ErrTimeout,
		Detail: "The credential of the security scheme " + scope.Scheme.Name + " of " + scope.Destination.Name + " was still being retrieved when the request's time was up. Send it again.",
		Cause:  cause,
	}
}

// retrieve makes one retrieval. Where the endpoint does not accept the client, or
// its secret is not of the right shape, the secret may have been rotated or mended:
// it is read again, and the retrieval repeated once.
func (r *Retriever) retrieve(ctx context.Context, scope Scope, previous *Token) (*Token, cache.Life, error) {
	var got *upstream.Answer
	in, err := r.readInputs(ctx, scope)
	if err == nil {
		got, err = r.ask(ctx, in)
	}
	if errors.Is(err, secret.ErrUnavailable) || err == nil && rejectsClient(got) {
		if again, changed := r.rereadInputs(ctx, in); changed {
			got, err = r.ask(ctx, again)
		}
	}
	if err != nil {
		return nil, cache.Life{}, err
	}
	return finish(scope, got, previous)
}

// ask sends the retrieval's call.
func (r *Retriever) ask(ctx context.Context, in inputs) (*upstream.Answer, error) {
	var sent *request
	var err error
	if in.scope.Scheme.Kind == destination.RetrievedKey {
		sent, err = newKeyRequest(&in)
	} else {
		sent, err = r.newTokenRequest(ctx, &in)
	}
	if err != nil {
		return nil, err
	}
	return r.send(ctx, in.scope, sent)
}

// send makes one call of a scope.
func (r *Retriever) send(ctx context.Context, scope Scope, made *request) (*upstream.Answer, error) {
	request, err := made.http(ctx)
	if err != nil {
		return nil, failed(scope, "its URL or method is none that HTTP has. Mend the document.")
	}
	got, err := r.call(ctx, scope.Destination, request, maxAnswer)
	if err != nil {
		return nil, unanswered(scope, err)
	}
	return got, nil
}

// finish makes the token of an answer. Where it is the one there was, previous is
// returned: it is no other version.
func finish(scope Scope, got *upstream.Answer, previous *Token) (*Token, cache.Life, error) {
	if got.Status < 200 || got.Status > 299 {
		return nil, cache.Life{}, refusedBy(scope, got)
	}
	found, document, err := readAnswer(scope, got)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if problem := Misfit(scope.Scheme, found.text); problem != "" {
		return nil, cache.Life{}, failed(scope, "it "+problem)
	}
	life, err := lifetime(scope, document, found, got.Asked)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if previous != nil && slices.Equal(previous.Secrets(), found.secrets) && previous.Text() == found.text {
		return previous, life, nil
	}
	return &Token{content: func() content { return found }}, life, nil
}

// Misfit says why a request cannot carry a credential where its scheme puts it;
// empty where it can.
func Misfit(scheme *destination.SecurityScheme, text string) (problem string) {
	switch scheme.In {
	case "header":
		return HeaderProblem(text)
	case "cookie":
		return cookieProblem(text)
	}
	return ""
}

// HeaderProblem says why a header field cannot carry a value (RFC 9110 section 5.5); empty where it can.
func HeaderProblem(text string) string {
	if gateway.ValidHeaderValue(text) {
		return ""
	}
	return "holds a line break or another control character, or has white space at an end, which a header cannot carry. Store it without."
}

// cookieProblem says why a cookie cannot carry a value (RFC 6265 section 4.1.1).
func cookieProblem(text string) string {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\' {
			return "holds a character that a cookie cannot carry: white space, a control character, one beyond ASCII, or one of \" , ; \\. Use a key without."
		}
	}
	return ""
}
