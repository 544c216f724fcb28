package credential

import (
	"context"
	"net/http"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// A prepared credential is one scheme's credential in the shapes that requests and
// answers need, made once per version of its secret. What holds a secret is a
// func, so that nothing can show it.
type prepared struct {
	requirement destination.Requirement
	lease       lease
	// version is the version of the secret that it was made of.
	version *version
	// text is what the scheme's own header would hold.
	text func() string
	// apply puts the credential where the scheme wants it.
	apply func(*http.Request)
	// mask replaces copies of it in an answer and reports whether there were any.
	mask func(*gateway.Response) bool
}

// same reports whether both are the same credential for a downstream.
func (p *prepared) same(other *prepared) bool {
	return p == other || p.text() == other.text()
}

// facts is how a part was got.
type facts struct {
	waited, stale bool
}

// A preparedKey names what is prepared: a scheme, and the scopes asked for.
type preparedKey struct {
	scheme *destination.SecurityScheme
	scopes string
}

func keyOfRequirement(requirement destination.Requirement) preparedKey {
	return preparedKey{requirement.Scheme, strings.Join(requirement.Scopes, " ")}
}

// prepare returns one scheme's credential.
func (s *Store) prepare(ctx context.Context, requirement destination.Requirement) (*prepared, facts, error) {
	switch requirement.Scheme.Kind {
	case destination.StaticKey, destination.Basic, destination.Bearer:
		return s.static(ctx, requirement)
	}
	return nil, facts{}, notYet(requirement.Scheme)
}

// renew returns another credential than part, which was refused, or part itself
// where there is none.
func (s *Store) renew(ctx context.Context, part *prepared) (*prepared, facts) {
	got, err := s.secrets.renew(ctx, keyOf(part.requirement.Scheme.Secret), part.version)
	if err != nil {
		return part, facts{waited: got.waited}
	}
	other, err := s.ofVersion(part.requirement, got)
	if err != nil {
		return part, facts{waited: got.waited}
	}
	return other, facts{got.waited, got.stale}
}

func notYet(scheme *destination.SecurityScheme) error {
	return &gateway.Refusal{
		Reason: ErrRetrieval,
		Detail: "keyrelay cannot fill the security scheme " + scheme.Name + " of " + scheme.Destination +
			" yet: credentials of its kind are not there yet. Use a static key, http basic or http bearer.",
	}
}

// static prepares the credential of a scheme that is a secret itself. A secret
// that is not of the right shape is read again past the cache, so that a mended
// one is seen soon.
func (s *Store) static(ctx context.Context, requirement destination.Requirement) (*prepared, facts, error) {
	key := keyOf(requirement.Scheme.Secret)
	got, err := s.secrets.get(ctx, key)
	if err != nil {
		return nil, facts{}, err
	}
	made, err := s.ofVersion(requirement, got)
	if err == nil {
		return made, facts{got.waited, got.stale}, nil
	}
	again, renewErr := s.secrets.renew(ctx, key, got.value)
	if renewErr != nil || again.value == got.value {
		return nil, facts{}, err
	}
	made, err = s.ofVersion(requirement, again)
	return made, facts{true, again.stale}, err
}

// ofVersion returns the credential made of a version of its secret, made anew
// where there is none yet.
func (s *Store) ofVersion(requirement destination.Requirement, got result[*version]) (*prepared, error) {
	key := keyOfRequirement(requirement)
	if made := s.prepared.get(key); made != nil && made.version == got.value {
		return made, nil
	}
	read, err := valueOf(requirement.Scheme.Secret, got.value)
	if err != nil {
		return nil, err
	}
	shown, err := staticText(requirement.Scheme, read)
	if err != nil {
		return nil, err
	}
	made, err := newPrepared(requirement, shown)
	if err != nil {
		return nil, err
	}
	made.version, made.lease = got.value, got.lease
	s.prepared.put(key, made)
	return made, nil
}

// newPrepared brings a credential into shape.
func newPrepared(requirement destination.Requirement, shown credentialText) (*prepared, error) {
	scheme := requirement.Scheme
	problem := ""
	switch scheme.In {
	case "header":
		problem = headerProblem(shown.text)
	case "cookie":
		problem = cookieProblem(shown.text)
	}
	if problem != "" {
		return nil, unusable(scheme.Secret, problem)
	}
	text := shown.text
	masker := newMasker(shown.secrets)
	return &prepared{
		requirement: requirement,
		text:        func() string { return text },
		apply:       attach(scheme, text),
		mask:        masker.mask,
	}, nil
}
