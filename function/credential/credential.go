// Package credential makes the credentials that security schemes ask for, from secrets
// and retrievals, and attaches them.
//
//	credentials := credential.New(secrets, client.Call, nil)
//	used, err := credentials.Get(ctx, outbound)
//	used.Apply(request)
//	masked := used.Mask(response)
//	if used.Refused(response.Status, response.Header, response.Body) {
//		other, failure := credentials.Renew(ctx, used) // nil if there is no other
//	}
//
// Apply is the only way a secret enters a request.
package credential

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

var (
	// ErrUnknown says that a record chose a credential that does not exist.
	ErrUnknown = errors.New("the credential is unknown")
	// ErrFieldMissing says that a record lacks the field that chooses a credential.
	ErrFieldMissing = errors.New("a field is missing")
)

// A Store makes credentials and keeps them. It is safe for concurrent use.
type Store struct {
	secrets   *secret.Store
	retriever *retrieval.Retriever
	roles     *cache.Cache[struct{}, *role]
	signed    *cache.Cache[retrieval.Scope, *signed]

	// ready maps a *destination.Operation to the *Credential of requests without
	// placeholders, and parts a retrieval.Scope to its *part.
	ready, parts sync.Map
	// chosen maps a *destination.Alternatives to the []destination.Requirement that was
	// found to have its secrets.
	chosen sync.Map
}

// New returns a Store that has made nothing yet. Instances share what they retrieve in the
// table; nil means that they do not.
func New(secrets *secret.Store, call upstream.CallFunc, table *cache.Table) *Store {
	s := &Store{secrets: secrets}
	s.retriever = retrieval.New(secrets, call, s.other, table)
	s.roles, s.signed = newRoles(s), newSigned(s)
	return s
}

// Retriever returns the Retriever that makes all retrievals, including those for
// credentials that other retrievals use.
func (s *Store) Retriever() *retrieval.Retriever { return s.retriever }

// A Credential is everything that one outbound request is given, from one or more schemes.
// Requests that ask for the same share it, and it never changes.
type Credential struct {
	// Stats is what the log may say about it.
	Stats Stats
	// Schemes names its security schemes, and Version identifies the credential of each by
	// a short hash; both are separated by commas.
	Schemes, Version string

	// parts holds the operation's schemes in their order, and then those that only fills ask for.
	parts    []*part
	attached int
	fills    []plan.Fill
	// operation is what the request is of, a zero one where it is a call besides the outbound one.
	operation *destination.Operation
}

// Stats is what the log may say about a credential.
type Stats struct {
	// Cached says that the request waited for no fetch.
	Cached bool
	// Stale names the schemes whose secret could not be read again and is older than its
	// TTL.
	Stale []string
	// Unshared names the schemes whose credential was retrieved for this instance only,
	// although there is a table, each with a word that says why.
	Unshared []string
	// Doubts say what of the document found nothing in the answer of a retrieval, each
	// behind the name of its scheme.
	Doubts []string
	// Wait is how long the request waited for fetches.
	Wait time.Duration
	// Call is the part of Wait that retrieval calls took; the rest is reading secrets.
	Call time.Duration
}

// Get returns what the plan's operation and its header placeholders ask for. The
// error is a *gateway.Refusal with the reason ErrUnknown, ErrFieldMissing, plan.ErrRecord,
// secret.ErrUnavailable, retrieval.ErrFailed or retrieval.ErrTimeout.
func (s *Store) Get(ctx context.Context, outbound *plan.Plan) (*Credential, error) {
	if ready := s.Ready(outbound); ready != nil {
		return ready, nil
	}
	made, err := s.assemble(ctx, outbound)
	if err != nil {
		return nil, err
	}
	if len(made.fills) == 0 && outbound.Chosen == nil && made.fresh(cache.Now()) {
		shared := *made
		shared.Stats = Stats{Cached: true}
		s.ready.Store(outbound.Operation, &shared)
	}
	return made, nil
}

// Ready returns what Get would return if it need not wait for anything, and nil otherwise.
func (s *Store) Ready(outbound *plan.Plan) *Credential {
	if len(outbound.Fills) > 0 || outbound.Chosen != nil || outbound.Placeless != nil {
		return nil
	}
	found, _ := s.ready.Load(outbound.Operation)
	ready, _ := found.(*Credential)
	if ready == nil || !ready.fresh(cache.Now()) {
		return nil
	}
	return ready
}

// GetFor returns what an auxiliary call asks for. The error is as from Get.
func (s *Store) GetFor(ctx context.Context, d *destination.Destination, security []destination.Requirement) (*Credential, error) {
	return s.get(ctx, d, security, nil)
}

// get gets a part for each requirement. chosen are the values of fields that choose a
// member of a secret.
func (s *Store) get(ctx context.Context, d *destination.Destination, security []destination.Requirement, chosen map[string]string) (*Credential, error) {
	made := &Credential{Stats: Stats{Cached: true}, operation: &destination.Operation{}}
	for _, requirement := range security {
		if err := made.add(ctx, s, retrieval.NewScope(d, requirement).Presenting(security), chosen); err != nil {
			return nil, err
		}
	}
	made.attached = len(made.parts)
	made.describe()
	return made, nil
}

func (c *Credential) fresh(now time.Time) bool {
	return !slices.ContainsFunc(c.parts, func(p *part) bool { return !p.fresh(now) })
}

func (s *Store) assemble(ctx context.Context, outbound *plan.Plan) (*Credential, error) {
	security, err := s.security(ctx, outbound.Operation)
	if err != nil {
		return nil, err
	}
	if err := outbound.CheckPlace(security); err != nil {
		return nil, err
	}
	made, err := s.get(ctx, outbound.Destination, security, outbound.Chosen)
	if err != nil {
		return nil, err
	}
	made.fills, made.operation = outbound.Fills, outbound.Operation
	for _, fill := range outbound.Fills {
		for _, each := range fill.Parts {
			if each.Scheme == nil || made.part(each.Scheme) != nil {
				continue
			}
			scope := retrieval.NewScope(outbound.Destination, destination.Requirement{Scheme: each.Scheme}).Presenting(security)
			if err := made.add(ctx, s, scope, outbound.Chosen); err != nil {
				return nil, err
			}
		}
		if err := made.checkFill(fill); err != nil {
			return nil, err
		}
	}
	made.describe()
	return made, nil
}

// security returns what an operation attaches: of alternatives the first whose
// secrets exist, found out once and kept. Where none has all of its secrets, it is
// the first, so that the refusal names what is missing.
func (s *Store) security(ctx context.Context, operation *destination.Operation) ([]destination.Requirement, error) {
	if operation.Alternatives == nil {
		return operation.Security, nil
	}
	if kept, ok := s.chosen.Load(operation.Alternatives); ok {
		return kept.([]destination.Requirement), nil
	}
	for _, security := range operation.Alternatives.Lists {
		exist, err := s.exist(ctx, security)
		if err != nil {
			return nil, err
		}
		if exist {
			s.chosen.Store(operation.Alternatives, security)
			return security, nil
		}
	}
	return operation.Security, nil
}

func (s *Store) exist(ctx context.Context, security []destination.Requirement) (bool, error) {
	for _, requirement := range security {
		reference := requirement.Scheme.Secret
		if requirement.Scheme.SecretField != "" {
			reference.Pointer = "" // which member is for each record to say
		}
		if reference == (destination.Reference{}) {
			continue
		}
		if exists, err := s.secrets.Exists(ctx, reference); !exists {
			return false, err
		}
	}
	return true, nil
}

// add gets one scheme's part and notes what that took. chosen are the values of fields
// that choose a member of a secret.
func (c *Credential) add(ctx context.Context, s *Store, scope retrieval.Scope, chosen map[string]string) error {
	scope = scope.Choosing(chosen)
	if found, ok := s.parts.Load(scope); ok {
		if kept, _ := found.(*part); kept.fresh(cache.Now()) {
			c.parts = append(c.parts, kept)
			return nil
		}
	}
	if err := s.checkChosen(ctx, scope, chosen); err != nil {
		return err
	}
	start := time.Now()
	made, taken, err := s.kind(scope.Scheme).get(ctx, scope)
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		named := *refusal
		named.Scheme = scope.Scheme.Name
		return &named
	}
	if err != nil {
		return err
	}
	c.parts = append(c.parts, made)
	c.note(made, taken, time.Since(start))
	return nil
}

func (c *Credential) note(had *part, taken stats, took time.Duration) {
	if taken.waited {
		c.Stats.Cached = false
		c.Stats.Wait += took
		c.Stats.Call += taken.call
	}
	if taken.unshared != "" {
		c.Stats.Unshared = append(c.Stats.Unshared, had.scope.Scheme.Name+": "+taken.unshared)
	}
	if taken.doubt != "" {
		c.Stats.Doubts = append(c.Stats.Doubts, had.scope.Scheme.Name+": "+taken.doubt)
	}
	if taken.stale {
		c.Stats.Stale = append(c.Stats.Stale, had.scope.Scheme.Name)
	}
}

// describe sets what the log calls the credential.
func (c *Credential) describe() {
	var schemes, hashes []string
	for _, part := range c.parts {
		schemes, hashes = append(schemes, part.scope.Scheme.Name), append(hashes, part.hash)
	}
	c.Schemes, c.Version = strings.Join(schemes, ","), strings.Join(hashes, ",")
}

// part returns a scheme's part, nil if there is none.
func (c *Credential) part(scheme *destination.SecurityScheme) *part {
	at := slices.IndexFunc(c.parts, func(p *part) bool { return p.scope.Scheme == scheme })
	if at < 0 {
		return nil
	}
	return c.parts[at]
}

// Renew drops exactly the credential used, which an answer refused, and gets another. It
// reads a static secret again past the cache, at most once in 10 s. It returns nil if there
// is no other: then the first answer stands. failure then says why the last try to get
// another failed, as from Get; it is nil if the source still has the same one.
func (s *Store) Renew(ctx context.Context, used *Credential) (other *Credential, failure error) {
	start := time.Now()
	renewed := *used
	renewed.Stats = Stats{Cached: true}
	renewed.parts = slices.Clone(used.parts)
	changed := false
	for i, each := range used.parts {
		if !used.carries(each) {
			continue
		}
		other, taken := s.renew(ctx, each)
		renewed.parts[i] = other
		renewed.note(other, taken, 0)
		if failure == nil {
			failure = taken.failure
		}
		changed = changed || !other.same(each)
	}
	if !changed {
		return nil, failure
	}
	renewed.describe()
	for _, fill := range renewed.fills {
		if err := renewed.checkFill(fill); err != nil {
			return nil, err
		}
	}
	if !renewed.Stats.Cached {
		renewed.Stats.Wait = time.Since(start)
	}
	return &renewed, nil
}

// renew returns another part than the one used, or that one if there is no other.
func (s *Store) renew(ctx context.Context, used *part) (*part, stats) {
	other, taken, err := s.kind(used.scope.Scheme).renew(ctx, used)
	if err != nil {
		return used, stats{waited: taken.waited, failure: err}
	}
	return other, taken
}
