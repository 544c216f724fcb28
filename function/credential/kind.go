package credential

import (
	"cmp"
	"context"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A kind says how the credentials of one kind of scheme are had.
type kind struct {
	// get returns the part of a scope.
	get func(context.Context, retrieval.Scope) (*part, stats, error)
	// renew returns another part than the one used, which was refused; nil if get has none.
	renew func(ctx context.Context, used *part) (*part, stats, error)
	// atStart says that get needs no more than the scheme's secret.
	atStart bool
}

// kind is the one table of kinds.
func (s *Store) kind(scheme *destination.SecurityScheme) kind {
	of := scheme.Kind
	if scheme.Source != nil {
		of = scheme.Source.Kind
	}
	switch of {
	case destination.StaticKey:
		return s.static(fromKey)
	case destination.Bearer:
		return s.static(fromBearerToken)
	case destination.Basic:
		return s.static(fromPassword)
	case destination.MutualTLS:
		return s.static(fromCertificate)
	case destination.RetrievedKey:
		return s.retrieved()
	case destination.OAuth2, destination.OpenIDConnect:
		return s.token()
	case destination.SignedJWT:
		return s.signedJWT()
	case destination.SignedOAuth1:
		return s.static(fromConsumer)
	case destination.AWSSignatureV4:
		return s.signature()
	}
	return kind{get: unsupported}
}

// unsupported refuses a scheme of a kind that no document can have an operation ask for.
func unsupported(_ context.Context, scope retrieval.Scope) (*part, stats, error) {
	return nil, stats{}, &gateway.Refusal{
		Reason: retrieval.ErrFailed,
		Detail: "keyrelay makes no credentials of the kind that the security scheme " + scope.Scheme.Name + " of " + scope.Destination.Name +
			" asks for. Write a kind that docs/credentials.md lists into the document.",
	}
}

// readFor passes the secret of a scope to a use. One that is of no use is read again past
// the cache, so that a fixed one is seen soon.
func (s *Store) readFor(ctx context.Context, scope retrieval.Scope, use func(cache.Result[*secret.Version]) error) error {
	got, err := s.secrets.Get(ctx, scope.Secret())
	if err != nil {
		return err
	}
	if err = use(got); err == nil {
		return nil
	}
	again, renewErr := s.secrets.Renew(ctx, scope.Secret(), got.Value)
	if renewErr != nil || again.Value == got.Value {
		return err
	}
	return use(again)
}

// static is for credentials that are a secret.
func (s *Store) static(from func(*destination.SecurityScheme, secret.Value) (*part, error)) kind {
	fromVersion := func(scope retrieval.Scope, version *secret.Version) (*part, error) {
		value, err := version.Select(scope.Secret())
		if err != nil {
			return nil, err
		}
		if problem := cmp.Or(value.MalformedKey(), nameBefore(scope.Scheme, value), inQuotes(value)); problem != "" {
			return nil, secret.Unusable(scope.Secret(), problem)
		}
		made, err := from(scope.Scheme, value)
		if problem := value.Malformed(); err == nil && problem != "" && scope.Scheme.Kind != destination.StaticKey {
			return nil, secret.Unusable(scope.Secret(), problem)
		}
		return made, err
	}
	get := func(ctx context.Context, scope retrieval.Scope) (made *part, taken stats, err error) {
		err = s.readFor(ctx, scope, func(got cache.Result[*secret.Version]) error {
			made, taken, err = keep(s, scope, got, nil, fromVersion)
			return err
		})
		return made, taken, err
	}
	renew := func(ctx context.Context, used *part) (*part, stats, error) {
		version, _ := used.version.(*secret.Version)
		got, err := s.secrets.Renew(ctx, used.scope.Secret(), version)
		return keep(s, used.scope, got, err, fromVersion)
	}
	return kind{get: get, renew: renew, atStart: true}
}

// Fill makes what requests are given of a scheme, before the first of them asks for it,
// where that takes no more than the secret, which has been read: the hash that tells it
// in a log is slow by intent. What fails is met again by the request.
func (s *Store) Fill(ctx context.Context, d *destination.Destination, scheme *destination.SecurityScheme) {
	if kind := s.kind(scheme); kind.atStart && scheme.SecretField == "" { // else the record says which
		_, _, _ = kind.get(ctx, retrieval.NewScope(d, destination.Requirement{Scheme: scheme}))
	}
}

// retrieved is for credentials that an HTTP call answers with.
func (s *Store) retrieved() kind {
	get := func(ctx context.Context, scope retrieval.Scope) (*part, stats, error) {
		got, err := s.retriever.Get(ctx, scope)
		return s.keepToken(scope, got, err)
	}
	renew := func(ctx context.Context, used *part) (*part, stats, error) {
		token, _ := used.version.(*retrieval.Token)
		got, err := s.retriever.Renew(ctx, used.scope, token)
		return s.keepToken(used.scope, got, err)
	}
	return kind{get: get, renew: renew}
}

// token is for schemes whose secret says how: a text is the access token itself, and so
// is a member access_token alone; anything else is the means to retrieve one.
func (s *Store) token() kind {
	given, retrieved := s.static(fromAccessToken), s.retrieved()
	choose := func(ctx context.Context, scope retrieval.Scope) kind {
		if value, err := s.secrets.Value(ctx, scope.Secret()); err == nil && retrieval.GivesAccessToken(value) {
			return given
		}
		return retrieved
	}
	get := func(ctx context.Context, scope retrieval.Scope) (*part, stats, error) {
		return choose(ctx, scope).get(ctx, scope)
	}
	renew := func(ctx context.Context, used *part) (*part, stats, error) {
		if _, ok := used.version.(*secret.Version); !ok {
			return retrieved.renew(ctx, used)
		}
		other, taken, err := given.renew(ctx, used)
		if err != nil {
			return retrieved.get(ctx, used.scope) // it is no text any more
		}
		return other, taken, nil
	}
	return kind{get: get, renew: renew}
}

// other is a retrieval.Others.
func (s *Store) other(ctx context.Context, scope retrieval.Scope, refused retrieval.Other) (retrieval.Other, error) {
	of := s.kind(scope.Scheme)
	had, _, err := of.get(ctx, scope)
	if err == nil && refused != (retrieval.Other{}) && had.other() == refused {
		had, _, err = of.renew(ctx, had)
	}
	if err != nil {
		return retrieval.Other{}, err
	}
	return had.other(), nil
}

func (s *Store) keepToken(scope retrieval.Scope, got cache.Result[*retrieval.Token], failure error) (*part, stats, error) {
	made, taken, err := keep(s, scope, got, failure, func(scope retrieval.Scope, token *retrieval.Token) (*part, error) {
		return newPart(scope.Scheme, token.Text(scope.Scheme), token.Secrets(scope.Scheme)), nil
	})
	if err == nil && got.Waited {
		taken.call, taken.unshared, taken.doubt = got.Value.Took, got.Value.Unshared, got.Value.Doubt
	}
	return made, taken, err
}

// keep returns the part that is made of a version that was had without a failure, made anew if there is none yet.
func keep[V comparable](s *Store, scope retrieval.Scope, got cache.Result[V], failure error, from func(retrieval.Scope, V) (*part, error)) (*part, stats, error) {
	taken := stats{waited: got.Waited, stale: got.Stale, failure: got.Failure}
	if failure != nil {
		return nil, taken, failure
	}
	if found, ok := s.parts.Load(scope); ok {
		if kept, _ := found.(*part); kept.version == any(got.Value) {
			return kept, taken, nil
		}
	}
	made, err := from(scope, got.Value)
	if err != nil {
		return nil, taken, err
	}
	made.scope, made.version, made.fresh = scope, got.Value, got.Fresh
	made.hash = made.shortHash()
	s.parts.Store(scope, made)
	return made, taken, nil
}
