package credential

import (
	"context"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A signed token is a JWT that was made of one version of a secret.
type signed struct {
	version *secret.Version
	text    func() string
}

// renewInterval is the least time between two JWTs because one was refused.
const renewInterval = 10 * time.Second

func newSigned(s *Store) *cache.Cache[retrieval.Scope, *signed] {
	return &cache.Cache[retrieval.Scope, *signed]{
		Fetch:   s.sign,
		Timeout: func(retrieval.Scope) time.Duration { return secret.Timeout },
		OnCancel: func(scope retrieval.Scope, cause error) error {
			return secret.Cancelled(scope.Scheme.Secret, cause)
		},
		RenewInterval: renewInterval,
	}
}

func (s *Store) sign(ctx context.Context, scope retrieval.Scope, _ *signed) (made *signed, life cache.Life, err error) {
	err = s.readFor(ctx, scope, func(got cache.Result[*secret.Version]) error {
		value, err := got.Value.Select(scope.Secret())
		if err != nil {
			return err
		}
		if problem := value.Malformed(); problem != "" {
			return secret.Unusable(scope.Secret(), problem)
		}
		var token string
		token, life, err = retrieval.Sign(scope.Scheme, value)
		if scope.Scheme.Word != "" {
			token = scope.Scheme.Word + " " + token
		}
		made = &signed{version: got.Value, text: func() string { return token }}
		return err
	})
	return made, life, err
}

// signedJWT is for credentials that are signed here.
func (s *Store) signedJWT() kind {
	from := func(scope retrieval.Scope, made *signed) (*part, error) {
		return newPart(scope.Scheme, made.text(), []string{destination.WithoutWord(scope.Scheme.Word+" ", made.text())}), nil
	}
	get := func(ctx context.Context, scope retrieval.Scope) (*part, stats, error) {
		got, err := s.signed.Get(ctx, scope)
		return keep(s, scope, got, err, from)
	}
	renew := func(ctx context.Context, used *part) (*part, stats, error) {
		refused, _ := used.version.(*signed)
		if _, err := s.secrets.Renew(ctx, used.scope.Secret(), refused.version); err != nil {
			return nil, stats{}, err
		}
		got, err := s.signed.Renew(ctx, used.scope, refused)
		return keep(s, used.scope, got, err, from)
	}
	return kind{get: get, renew: renew}
}
