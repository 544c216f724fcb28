package credential

import (
	"context"
	"errors"
	"slices"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// A token is what one retrieval gave, whichever kind of scheme it is for.
type token struct {
	shown func() credentialText
}

// newTokens returns the cache of retrieved credentials.
func newTokens(s *Store) *cache.Cache[want, *token] {
	return &cache.Cache[want, *token]{
		Fetch:              s.retrieve,
		Timeout:            retrievalTimeout,
		OnCancel:           leftRetrieval,
		DropRefused:        true,
		ServeDuringRefresh: true,
	}
}

// retrievalTimeout bounds a retrieval with all that belongs to it: the reading of
// its secret, and two calls, as for discovery or with a secret that was read again.
func retrievalTimeout(wanted want) time.Duration {
	return secretsManagerTimeout + 2*wanted.destination.AuxiliaryTimeout
}

func leftRetrieval(wanted want, cause error) error {
	return &gateway.Refusal{
		Reason: ErrRetrievalTimeout,
		Detail: "The credential of the security scheme " + wanted.scheme.Name + " of " + wanted.destination.Name + " was still being retrieved when the request's time was up. Send it again.",
		Cause:  cause,
	}
}

// retrieved prepares the credential of a scheme that is retrieved.
func (s *Store) retrieved(ctx context.Context, wanted want) (*prepared, facts, error) {
	if perRequest(wanted.scheme) {
		return s.retrievedOnce(ctx, wanted)
	}
	got, err := s.tokens.Get(ctx, wanted)
	if err != nil {
		return nil, facts{}, err
	}
	return preparedOf(s, wanted, got, ofToken)
}

// retrievedAnew retrieves another credential than the one that was refused.
func (s *Store) retrievedAnew(ctx context.Context, part *prepared) (*prepared, facts, error) {
	if perRequest(part.want.scheme) {
		return s.retrievedOnce(ctx, part.want)
	}
	refused, _ := part.version.(*token)
	got, err := s.tokens.Renew(ctx, part.want, refused)
	if err != nil {
		return nil, facts{waited: got.Waited}, err
	}
	return preparedOf(s, part.want, got, ofToken)
}

// perRequest reports whether the document wants one retrieval for every request.
func perRequest(scheme *destination.SecurityScheme) bool {
	return scheme.Lifetime != nil && *scheme.Lifetime == 0
}

// retrievedOnce retrieves a credential for one request.
func (s *Store) retrievedOnce(ctx context.Context, wanted want) (*prepared, facts, error) {
	got, err := s.tokens.GetUncached(ctx, wanted)
	if err != nil {
		return nil, facts{waited: got.Waited}, err
	}
	made, err := ofToken(wanted, got.Value)
	if err != nil {
		return nil, facts{}, err
	}
	made.want, made.version, made.fresh = wanted, got.Value, got.Fresh
	return made, facts{waited: true}, nil
}

func ofToken(wanted want, got *token) (*prepared, error) {
	return newPrepared(wanted.scheme, got.shown()), nil
}

// retrieve makes one retrieval. Where the endpoint does not accept the client, or
// its secret is not of the right shape, the secret may have been rotated or mended:
// it is read again, and the retrieval repeated once.
func (s *Store) retrieve(ctx context.Context, wanted want, previous *token) (*token, cache.Life, error) {
	var sent *draft
	var got *reply
	in, err := s.readInputs(ctx, wanted)
	if err == nil {
		sent, got, err = s.ask(ctx, wanted, in)
	}
	if errors.Is(err, ErrSecretUnavailable) || err == nil && got.rejectsClient() {
		if again, changed := s.reread(ctx, in); changed {
			sent, got, err = s.ask(ctx, wanted, again)
		}
	}
	if err != nil {
		return nil, cache.Life{}, err
	}
	return finish(wanted, sent, got, previous)
}

// reread reads the secret of a retrieval past the cache; changed is false where
// it is what it was.
func (s *Store) reread(ctx context.Context, in inputs) (again inputs, changed bool) {
	if in.secret == nil {
		return in, false
	}
	got, err := s.secrets.Renew(ctx, keyOf(in.want.scheme.Secret), in.secret)
	if err != nil || got.Value == in.secret {
		return in, false
	}
	again, err = s.readInputs(ctx, in.want)
	return again, err == nil
}

// finish makes the token of an answer. Where it is the one there was, previous is
// returned: it is no other version.
func finish(wanted want, sent *draft, got *reply, previous *token) (*token, cache.Life, error) {
	if got.status < 200 || got.status > 299 {
		return nil, cache.Life{}, refusedBy(wanted, got)
	}
	shown, document, err := textOf(wanted, got)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if problem := unfit(wanted.scheme, shown.text); problem != "" {
		return nil, cache.Life{}, failed(wanted, "it "+problem)
	}
	span, err := lifeOf(wanted, document, shown, got.asked)
	if err != nil {
		return nil, cache.Life{}, err
	}
	shown.secrets = append(shown.secrets, sent.secrets...)
	if previous != nil && slices.Equal(previous.shown().secrets, shown.secrets) && previous.shown().text == shown.text {
		return previous, span, nil
	}
	return &token{shown: func() credentialText { return shown }}, span, nil
}
