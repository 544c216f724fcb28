package credential

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/mask"
)

// A want is one scheme as an operation asks for it.
type want struct {
	destination *destination.Destination
	scheme      *destination.SecurityScheme
	// scopes are separated by spaces, as in RFC 6749 section 3.3.
	scopes string
}

// wantOf returns what a requirement asks for. Only tokens have scopes: any other
// credential of a scheme is the same wherever it is asked for.
func wantOf(d *destination.Destination, requirement destination.Requirement) want {
	wanted := want{destination: d, scheme: requirement.Scheme}
	switch requirement.Scheme.Kind {
	case destination.OAuth2:
		if wanted.scopes = strings.Join(requirement.Scopes, " "); wanted.scopes == "" {
			wanted.scopes = strings.Join(requirement.Scheme.Flow.Scopes, " ")
		}
	case destination.OpenIDConnect:
		wanted.scopes = strings.Join(requirement.Scopes, " ")
	}
	return wanted
}

// A prepared credential is one scheme's credential in the shapes that requests and
// answers need, made once per version. What holds a secret is a func, so that
// nothing can show it.
type prepared struct {
	want want
	// version is what it was made of: a secret as it was read once, a token, the
	// credentials of a role. Pointers to it compare.
	version any
	// fresh reports whether the version is still the one to use.
	fresh func(now time.Time) bool
	// text is what the scheme's own header would hold; nil where there is no such text.
	text func() string
	// apply puts the credential where the scheme wants it; nil where that is not in a field.
	apply func(*http.Request)
	// sign signs the request, after everything else is in it; nil for all other kinds.
	sign func(*http.Request)
	// certificate is the client certificate; nil for all other kinds.
	certificate *tls.Certificate
	// mask replaces copies of it in an answer and reports whether there were any.
	mask func(*gateway.Response) bool
}

// same reports whether both are the same credential for a downstream.
func (p *prepared) same(other *prepared) bool {
	if p.text == nil || other.text == nil {
		return p.version == other.version
	}
	return p.text() == other.text()
}

// facts is how a part was got.
type facts struct {
	waited, stale bool
}

// prepare returns one scheme's credential.
func (s *Store) prepare(ctx context.Context, wanted want) (*prepared, facts, error) {
	switch wanted.scheme.Kind {
	case destination.StaticKey, destination.Basic, destination.Bearer, destination.MutualTLS:
		return s.static(ctx, wanted)
	case destination.RetrievedKey, destination.OAuth2, destination.OpenIDConnect:
		return s.retrieved(ctx, wanted)
	case destination.AWSSignatureV4:
		return s.signer(ctx, wanted)
	}
	return nil, facts{}, &gateway.Refusal{
		Reason: ErrRetrieval,
		Detail: "keyrelay makes no credentials of the kind that the security scheme " + wanted.scheme.Name + " of " + wanted.destination.Name +
			" asks for. Write a kind that the README lists into the document.",
	}
}

// renew returns another credential than part, which was refused, or part itself
// where there is none. A role's credentials are the SDK's to renew.
func (s *Store) renew(ctx context.Context, part *prepared) (*prepared, facts) {
	var other *prepared
	var got facts
	var err error
	switch part.want.scheme.Kind {
	case destination.RetrievedKey, destination.OAuth2, destination.OpenIDConnect:
		other, got, err = s.retrievedAnew(ctx, part)
	case destination.AWSSignatureV4:
		return part, got
	default:
		other, got, err = s.staticAnew(ctx, part)
	}
	if err != nil {
		return part, facts{waited: got.waited}
	}
	return other, got
}

// preparedOf returns what is prepared of a version, made anew where there is none yet.
func preparedOf[V comparable](s *Store, wanted want, got cache.Result[V], of func(want, V) (*prepared, error)) (*prepared, facts, error) {
	taken := facts{got.Waited, got.Stale}
	if found, ok := s.prepared.Load(wanted); ok {
		if kept, _ := found.(*prepared); kept.version == any(got.Value) {
			return kept, taken, nil
		}
	}
	made, err := of(wanted, got.Value)
	if err != nil {
		return nil, taken, err
	}
	made.want, made.version, made.fresh = wanted, got.Value, got.Fresh
	s.prepared.Store(wanted, made)
	return made, taken, nil
}

// newPrepared brings a text into shape.
func newPrepared(scheme *destination.SecurityScheme, shown credentialText) *prepared {
	text := shown.text
	return &prepared{
		text:  func() string { return text },
		apply: attach(scheme, text),
		mask:  mask.New(shown.secrets...).Mask,
	}
}

// unfit says why a request cannot carry a credential where its scheme wants it;
// empty where it can.
func unfit(scheme *destination.SecurityScheme, text string) (problem string) {
	switch scheme.In {
	case "header":
		return headerProblem(text)
	case "cookie":
		return cookieProblem(text)
	}
	return ""
}
