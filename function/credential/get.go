package credential

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// A Credential is all that one outbound request is given: one or more schemes. It
// is shared by requests that ask for the same, and never changes.
type Credential struct {
	// Facts is what the log may know of it.
	Facts Facts

	// parts holds the operation's schemes in their order, and then those that only fills ask for.
	parts    []*prepared
	attached int
	fills    []plan.Fill
}

// Facts is what the log may know of a credential.
type Facts struct {
	// Cached says that no fetch was waited for.
	Cached bool
	// Stale names the schemes whose secret could not be read again and is served from the cache past its time.
	Stale []string
	// Wait is how long the fetches took that were waited for.
	Wait time.Duration
}

// Get returns what the plan's operation and its header placeholders ask for. The
// error is a *gateway.Refusal with the reason ErrSecretUnavailable, ErrRetrieval
// or ErrRetrievalTimeout.
func (s *Store) Get(ctx context.Context, outbound *plan.Plan) (*Credential, error) {
	if held := s.Held(outbound); held != nil {
		return held, nil
	}
	made, err := s.assemble(ctx, outbound)
	if err != nil {
		return nil, err
	}
	if len(made.fills) == 0 && made.fresh(cache.Now()) {
		shared := *made
		shared.Facts = Facts{Cached: true}
		s.ready.Store(outbound.Operation, &shared)
	}
	return made, nil
}

// Held returns what Get would, where nothing has to be waited for; nil otherwise.
func (s *Store) Held(outbound *plan.Plan) *Credential {
	if len(outbound.Fills) > 0 {
		return nil
	}
	found, _ := s.ready.Load(outbound.Operation)
	ready, _ := found.(*Credential)
	if ready == nil || !ready.fresh(cache.Now()) {
		return nil
	}
	return ready
}

// fresh reports whether each part is still the one to use.
func (c *Credential) fresh(now time.Time) bool {
	for _, part := range c.parts {
		if !part.fresh(now) {
			return false
		}
	}
	return true
}

// assemble gets every part of the credential.
func (s *Store) assemble(ctx context.Context, outbound *plan.Plan) (*Credential, error) {
	made := &Credential{Facts: Facts{Cached: true}, fills: outbound.Fills}
	for _, requirement := range outbound.Operation.Security {
		if err := made.add(ctx, s, wantOf(outbound.Destination, requirement)); err != nil {
			return nil, err
		}
	}
	made.attached = len(made.parts)
	for _, fill := range outbound.Fills {
		for _, part := range fill.Parts {
			if part.Scheme == nil || made.part(part.Scheme) != nil {
				continue
			}
			if err := made.add(ctx, s, wantOf(outbound.Destination, destination.Requirement{Scheme: part.Scheme})); err != nil {
				return nil, err
			}
		}
		if err := made.fillable(fill); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// add gets one scheme's part and notes what that took.
func (c *Credential) add(ctx context.Context, s *Store, wanted want) error {
	start := time.Now()
	part, got, err := s.prepare(ctx, wanted)
	if err != nil {
		return err
	}
	c.parts = append(c.parts, part)
	c.note(part, got, time.Since(start))
	return nil
}

func (c *Credential) note(part *prepared, got facts, took time.Duration) {
	if got.waited {
		c.Facts.Cached = false
		c.Facts.Wait += took
	}
	if got.stale {
		c.Facts.Stale = append(c.Facts.Stale, part.want.scheme.Name)
	}
}

// part returns a scheme's part, nil where there is none.
func (c *Credential) part(scheme *destination.SecurityScheme) *prepared {
	at := slices.IndexFunc(c.parts, func(p *prepared) bool { return p.want.scheme == scheme })
	if at < 0 {
		return nil
	}
	return c.parts[at]
}

// Renew is for an answer that refuses the credential used: it drops exactly that
// one and gets another. A static secret is read again past the cache, at most once
// in 10 s. It returns nil when there is no other: the first answer stands.
func (s *Store) Renew(ctx context.Context, used *Credential) *Credential {
	start := time.Now()
	renewed := *used
	renewed.Facts = Facts{Cached: true}
	renewed.parts = slices.Clone(used.parts)
	changed := false
	for i, part := range used.parts {
		other, got := s.renew(ctx, part)
		renewed.parts[i] = other
		renewed.note(other, got, 0)
		changed = changed || !other.same(part)
	}
	if !changed {
		return nil
	}
	for _, fill := range renewed.fills {
		if renewed.fillable(fill) != nil {
			return nil
		}
	}
	if !renewed.Facts.Cached {
		renewed.Facts.Wait = time.Since(start)
	}
	return &renewed
}

// Apply puts the credential into the request, last, and replaces any copy of its
// fields. It is the only way a secret enters a request. The value slices that it
// puts into the header are shared: nobody may write into them.
func (c *Credential) Apply(request *http.Request) {
	for _, part := range c.parts[:c.attached] {
		if part.apply != nil {
			part.apply(request)
		}
	}
	for _, fill := range c.fills {
		setField(request.Header, fill.Field, []string{c.filled(fill)})
	}
	for _, part := range c.parts[:c.attached] {
		if part.sign != nil {
			part.sign(request)
		}
	}
}

// filled is the text of a header field with its placeholders replaced.
func (c *Credential) filled(fill plan.Fill) string {
	var text strings.Builder
	for _, part := range fill.Parts {
		if part.Scheme == nil {
			text.WriteString(part.Literal)
		} else {
			text.WriteString(c.part(part.Scheme).text())
		}
	}
	return text.String()
}

// fillable refuses to fill a header with what a header cannot carry, such as a
// query key with a line break in it, or a client certificate.
func (c *Credential) fillable(fill plan.Fill) error {
	for _, literal := range fill.Parts {
		if literal.Scheme == nil {
			continue
		}
		part := c.part(literal.Scheme)
		if part.text == nil {
			return &gateway.Refusal{
				Reason: plan.ErrPlaceholder,
				Detail: "The credential of the security scheme " + literal.Scheme.Name + " is no text that could stand in the header " + fill.Field + ". Take its placeholder out.",
			}
		}
		if problem := headerProblem(part.text()); problem != "" {
			return unusable(literal.Scheme.Secret, problem)
		}
	}
	return nil
}
