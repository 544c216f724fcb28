package credential

import (
	"context"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
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

// newSigned returns the cache of JWTs that are the credential themselves.
func newSigned(s *Store) *cache.Cache[retrieval.Scope, *signed] {
	return &cache.Cache[retrieval.Scope, *signed]{
		Fetch:   s.sign,
		Timeout: func(retrieval.Scope) time.Duration { return secret.Timeout },
		OnCancel: func(scope retrieval.Scope, cause error) error {
			return &gateway.Refusal{Reason: secret.ErrUnavailable, Detail: "The secret " + scope.Scheme.Secret.Public() + " was still being read when the request ended. Send it again.", Cause: cause}
		},
		RenewInterval: renewInterval,
	}
}

// sign makes a JWT. A secret that cannot sign is read again past the cache, so that a
// mended one is seen soon.
func (s *Store) sign(ctx context.Context, scope retrieval.Scope, _ *signed) (*signed, cache.Life, error) {
	got, err := s.secrets.Get(ctx, scope.Secret())
	if err != nil {
		return nil, cache.Life{}, err
	}
	made, life, err := signWith(scope, got.Value)
	if err != nil {
		again, renewErr := s.secrets.Renew(ctx, scope.Secret(), got.Value)
		if renewErr != nil || again.Value == got.Value {
			return nil, cache.Life{}, err
		}
		return signWith(scope, again.Value)
	}
	return made, life, nil
}

func signWith(scope retrieval.Scope, version *secret.Version) (*signed, cache.Life, error) {
	scheme := scope.Scheme
	value, err := version.Select(scope.Secret())
	if err != nil {
		return nil, cache.Life{}, err
	}
	if problem := value.Malformed(); problem != "" {
		return nil, cache.Life{}, secret.Unusable(scope.Secret(), problem)
	}
	token, life, err := retrieval.Sign(scheme, value)
	if err != nil {
		return nil, cache.Life{}, err
	}
	if scheme.Word != "" {
		token = scheme.Word + " " + token
	}
	return &signed{version: version, text: func() string { return token }}, life, nil
}

// signedJWT is for credentials that are signed here.
func (s *Store) signedJWT() kind {
	from := func(scope retrieval.Scope, made *signed) (*part, error) {
		return newPart(scope.Scheme, made.text(), []string{destination.WithoutWord(scope.Scheme.Word+" ", made.text())}), nil
	}
	get := func(ctx context.Context, scope retrieval.Scope) (*part, stats, error) {
		got, err := s.signed.Get(ctx, scope)
		if err != nil {
			return nil, stats{waited: got.Waited}, err
		}
		return keep(s, scope, got, from)
	}
	renew := func(ctx context.Context, used *part) (*part, stats, error) {
		refused, _ := used.version.(*signed)
		if _, err := s.secrets.Renew(ctx, used.scope.Secret(), refused.version); err != nil {
			return nil, stats{}, err
		}
		got, err := s.signed.Renew(ctx, used.scope, refused)
		if err != nil {
			return nil, stats{waited: got.Waited}, err
		}
		return keep(s, used.scope, got, from)
	}
	return kind{get, renew}
}
