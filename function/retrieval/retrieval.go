// Package retrieval makes the HTTP calls that turn secrets into credentials: keys for
// x-itential-dynamic-retrieval, tokens for OAuth 2.0 and OpenID Connect.
//
//	retriever := retrieval.New(secrets, client.Call, others, nil)
//	got, err := retriever.Get(ctx, retrieval.Scope{Destination: d, Scheme: scheme})
//	text := got.Value.Text(scheme)
//
// A token is kept until shortly before it expires, or until it is refused. One retrieval
// per scope runs at a time. Limits: an answer has at most 64 KB and must arrive within
// the destination's AuxiliaryTimeout.
package retrieval

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// renewInterval is the least time between two retrievals because a credential was
// refused: a caller who is refused for another reason costs the token endpoint no more.
const renewInterval = 10 * time.Second

// A Retriever retrieves credentials and keeps them. It is safe for concurrent use.
type Retriever struct {
	secrets *secret.Store
	others  Others
	call    upstream.CallFunc
	// table is nil if each instance has tokens of its own.
	table       *cache.Table
	tokens      *cache.Cache[Scope, *Token]
	discoveries *cache.Cache[Scope, *discovery]
	// unencoded has the schemes, by *destination.SecurityScheme, whose endpoint took the client as
	// RFC 6749 section 2.3.1 does not have it.
	unencoded sync.Map
	// refreshing maps a destination.Reference to the channel of one that is full while its refresh token is used.
	refreshing sync.Map
}

// A Scope is one scheme as an operation asks for it.
type Scope struct {
	Destination *destination.Destination
	Scheme      *destination.SecurityScheme
	// Scopes are separated by spaces, as in RFC 6749 section 3.3.
	Scopes string
	// Chosen holds the values of the record's fields that choose a member of a secret, as a
	// query such as org=acme; empty for none.
	Chosen string
	// Certificate is the mutualTLS scheme of the same requirement, whose certificate the
	// scope's token call presents (RFC 8705).
	Certificate *destination.SecurityScheme
}

// Secret refers to the scheme's secret, and to the member in it that a record chose.
func (s Scope) Secret() destination.Reference {
	if s.Scheme.SecretField == "" {
		return s.Scheme.Secret
	}
	return s.Scheme.Secret.Choose(s.Scheme.SecretField, s.chosen()[s.Scheme.SecretField])
}

// Choosing returns the scope with the record's fields that choose its credential, or a
// credential that this one is made with.
func (s Scope) Choosing(chosen map[string]string) Scope {
	if len(chosen) == 0 {
		return s
	}
	choosers := s.Scheme.Choosers()
	if s.Certificate != nil {
		choosers = append(choosers, s.Certificate.Choosers()...)
	}
	query := url.Values{}
	for _, scheme := range choosers {
		if member, ok := chosen[scheme.SecretField]; ok {
			query.Set(scheme.SecretField, member)
		}
	}
	s.Chosen = query.Encode()
	return s
}

// chosen is what Choosing was given.
func (s Scope) chosen() map[string]string {
	query, _ := url.ParseQuery(s.Chosen) // written by Choosing
	chosen := make(map[string]string, len(query))
	for field := range query {
		chosen[field] = query.Get(field)
	}
	return chosen
}

// of is the scope of another scheme that this one is made with.
func (s Scope) of(scheme *destination.SecurityScheme) Scope {
	return NewScope(s.Destination, destination.Requirement{Scheme: scheme}).Choosing(s.chosen())
}

// NewScope returns what a requirement asks for. Only tokens have scopes: any other
// credential of a scheme is the same for every operation. A scheme that is filled from
// another's answer has the scopes of the other.
func NewScope(d *destination.Destination, requirement destination.Requirement) Scope {
	scope := Scope{Destination: d, Scheme: requirement.Scheme}
	switch scheme := requirement.Scheme; {
	case scheme.Kind == destination.OAuth2 && scheme.Flow.GrantType == "authorization_code":
		// a refresh token has the scopes that a person consented to
	case scheme.Kind == destination.OpenIDConnect, scheme.Kind == destination.OAuth2 && len(requirement.Scopes) > 0:
		scope.Scopes = strings.Join(requirement.Scopes, " ")
	case scheme.Kind == destination.OAuth2:
		scope.Scopes = strings.Join(scheme.Flow.Scopes, " ")
	}
	return scope
}

// Presenting returns the scope with the certificate of a mutualTLS scheme in the same
// requirement, which the calls of a retrieval present.
func (s Scope) Presenting(security []destination.Requirement) Scope {
	if !s.Scheme.Retrieved() {
		return s
	}
	for _, requirement := range security {
		if requirement.Scheme.Kind == destination.MutualTLS {
			s.Certificate = requirement.Scheme
			break
		}
	}
	return s
}

// call is the scope whose retrieval fills this one.
func (s Scope) call() Scope {
	if s.Scheme.Source == nil {
		return s
	}
	scope := s.of(s.Scheme.Source)
	scope.Certificate = s.Certificate
	return scope.Choosing(s.chosen())
}

// A Token is the result of one retrieval: the credentials of its scheme and of the schemes
// that share it.
type Token struct {
	// Took is how long the calls took, without reading the secrets before them.
	Took time.Duration
	// Unshared says in a word why other instances do not have the token, although there is a
	// table; empty if they do.
	Unshared string
	// Doubt says in a sentence what of the document found nothing in the answer that the token
	// is from, though it is a credential; empty for nothing.
	Doubt string

	contents func() map[*destination.SecurityScheme]content
	made     time.Time
	// refused is set once a refresh status has refused it.
	refused atomic.Bool
}

// A content is a credential, and the secrets in it.
type content struct {
	text    string
	secrets []string
}

func (c content) equal(other content) bool {
	return c.text == other.text && slices.Equal(c.secrets, other.secrets)
}

// Text is what the scheme's own header would hold.
func (t *Token) Text(scheme *destination.SecurityScheme) string { return t.contents()[scheme].text }

// Secrets returns the values in the text that prove the caller's identity.
func (t *Token) Secrets(scheme *destination.SecurityScheme) []string {
	return t.contents()[scheme].secrets
}

// An Other is the credential of another scheme that a retrieval uses: what its header would
// hold, or a client certificate.
type Other struct {
	Text        string
	Certificate *tls.Certificate
}

// Others returns the credential of another scheme. refused is the one that it returned
// before and that was refused; zero at first.
type Others func(ctx context.Context, scope Scope, refused Other) (Other, error)

// New returns a Retriever that has retrieved nothing yet. Instances share what they
// retrieve in the table; nil means that they do not.
func New(secrets *secret.Store, call upstream.CallFunc, others Others, table *cache.Table) *Retriever {
	r := &Retriever{secrets: secrets, call: call, others: others, table: table}
	r.tokens = &cache.Cache[Scope, *Token]{
		Fetch:              r.fetch,
		Timeout:            r.timeout,
		OnCancel:           cancelled,
		RenewInterval:      renewInterval,
		ServeDuringRefresh: true,
	}
	r.discoveries = newDiscoveries(r)
	return r
}

// Get returns the credential of a scope. It retrieves one if there is none, or if the
// document asks for one retrieval for every request. The error is a *gateway.Refusal with
// the reason ErrFailed, ErrTimeout or secret.ErrUnavailable.
func (r *Retriever) Get(ctx context.Context, scope Scope) (cache.Result[*Token], error) {
	scope = scope.call()
	if perRequest(scope.Scheme) {
		return r.tokens.GetUncached(ctx, scope)
	}
	return r.tokens.Get(ctx, scope)
}

// Renew retrieves another credential after used was refused. The error is as from Get.
func (r *Retriever) Renew(ctx context.Context, scope Scope, used *Token) (cache.Result[*Token], error) {
	scope = scope.call()
	if perRequest(scope.Scheme) {
		return r.tokens.GetUncached(ctx, scope)
	}
	used.refused.Store(true)
	return r.tokens.Renew(ctx, scope, used)
}

// perRequest reports whether the document asks for one retrieval for every request.
func perRequest(scheme *destination.SecurityScheme) bool {
	return scheme.Lifetime != nil && *scheme.Lifetime == 0
}

func cancelled(scope Scope, cause error) error {
	return &gateway.Refusal{
		Reason: ErrTimeout,
		Detail: "The credential of the security scheme " + scope.Scheme.Name + " of " + scope.Destination.Name + " was still being retrieved when the request's time was up. Send it again.",
		Cause:  cause,
	}
}

// retrieve makes one retrieval. Where the endpoint refuses it, answers without a
// credential, or the secret is not of the right shape, what it was made with may have
// been rotated or fixed: it is read again and, where it differs, the retrieval repeated once.
func (r *Retriever) retrieve(ctx context.Context, scope Scope, previous *Token) (*Token, cache.Life, error) {
	in, err := r.readInputs(ctx, scope)
	asked := time.Now()
	var token *Token
	var life cache.Life
	worthwhile := errors.Is(err, secret.ErrUnavailable)
	if err == nil {
		token, life, worthwhile, err = r.attempt(ctx, in, previous)
	}
	if err != nil && worthwhile {
		if again, changed := r.rereadInputs(ctx, in); changed {
			token, life, _, err = r.attempt(ctx, again, previous)
		}
	}
	if token != nil && token != previous {
		token.Took = time.Since(asked)
	}
	return token, life, err
}

// attempt makes one call and the token of its answer. worthwhile says that the error
// may come from what the call was made with.
func (r *Retriever) attempt(ctx context.Context, in inputs, previous *Token) (token *Token, life cache.Life, worthwhile bool, err error) {
	err = r.locked(ctx, in, func(in inputs) error {
		got, host, err := r.ask(ctx, in)
		if err != nil {
			worthwhile = errors.Is(err, secret.ErrUnavailable)
			return err
		}
		worthwhile = got.Status < 500 && got.Status != http.StatusTooManyRequests
		if token, life, err = finish(in, got, previous); err != nil {
			return withAnswer(err, host, got)
		}
		worthwhile = false
		return r.writeBack(ctx, in, asDocument(got))
	})
	return token, life, worthwhile, err
}

// ask sends the retrieval's call to a host: again with the client in the other encoding, if
// that makes a difference and may be why it was refused. The one that worked comes first from then on.
func (r *Retriever) ask(ctx context.Context, in inputs) (got *upstream.Answer, host string, err error) {
	_, in.unencoded = r.unencoded.Load(in.scope.Scheme)
	got, host, basic, err := r.askOnce(ctx, in)
	if err != nil || !mayRejectClient(got) || !basic || !in.encodingMatters() {
		return got, host, err
	}
	in.unencoded = !in.unencoded
	if got, host, _, err = r.askOnce(ctx, in); err != nil || got.Status > 299 {
		return got, host, err
	}
	if in.unencoded {
		r.unencoded.Store(in.scope.Scheme, true)
	} else {
		r.unencoded.Delete(in.scope.Scheme)
	}
	return got, host, nil
}

// askOnce sends the retrieval's call to a host; basic says that the client authenticated by HTTP basic.
func (r *Retriever) askOnce(ctx context.Context, in inputs) (got *upstream.Answer, host string, basic bool, err error) {
	var sent *request
	if in.scope.Scheme.Kind == destination.RetrievedKey {
		sent, err = newKeyRequest(&in)
	} else {
		sent, err = r.newTokenRequest(ctx, &in)
	}
	if err != nil {
		return nil, "", false, err
	}
	got, err = r.send(ctx, in.scope, sent, in.certificate.Certificate)
	return got, sent.url.Hostname(), strings.HasPrefix(sent.header.Get("Authorization"), "Basic "), err
}

// send makes one call of a scope.
func (r *Retriever) send(ctx context.Context, scope Scope, made *request, certificate *tls.Certificate) (*upstream.Answer, error) {
	request, err := made.http(ctx)
	if err != nil {
		return nil, failed(scope, "its URL or method is none that HTTP has. Fix the document.")
	}
	got, err := r.call(ctx, scope.Destination, request, certificate, maxAnswer)
	if err != nil {
		return nil, unanswered(scope, made.at, request.URL.Host, err)
	}
	return got, nil
}

// finish makes the token of an answer. Where it is the one there was, previous is
// returned: it is no other version.
func finish(in inputs, got *upstream.Answer, previous *Token) (*Token, cache.Life, error) {
	scope := in.scope
	answer := &answer{in, got, asDocument(got)}
	if (got.Status < 200 || got.Status > 299) && !answer.redirectsWith(scope.Scheme) {
		return nil, cache.Life{}, refusedBy(in, got)
	}
	contents := map[*destination.SecurityScheme]content{}
	for _, scheme := range append([]*destination.SecurityScheme{scope.Scheme}, scope.Scheme.Sharing...) {
		found, err := answer.content(scheme)
		if err != nil {
			return nil, cache.Life{}, err
		}
		contents[scheme] = found
	}
	life := answer.lifetime(contents[scope.Scheme])
	if previous != nil && maps.EqualFunc(previous.contents(), contents, content.equal) {
		return previous, life, nil
	}
	token := newToken(contents, got.Asked)
	token.Doubt = answer.unexpiring()
	return token, life, nil
}

func newToken(contents map[*destination.SecurityScheme]content, made time.Time) *Token {
	return &Token{contents: func() map[*destination.SecurityScheme]content { return contents }, made: made}
}
