package relay

import (
	"context"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/retrieval"
)

// The bounds of what is done before the first request.
const (
	prepareTime     = time.Second
	preparedSecrets = 8
	preparedServers = 4
	preparedTokens  = 8
)

// Prepare does what the first request would otherwise wait for: it loads the system's
// certificate roots, reads the callers' keys and the secrets of the security schemes that
// operations attach, and connects to the declared servers, all at the same time, for at
// most a second. It retrieves no credential and sends nothing to a server. The request that
// needs what failed reports it.
func (r *Relay) Prepare(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, prepareTime)
	defer cancel()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { _, _ = x509.SystemCertPool() })
	for _, reference := range r.neededSecrets() {
		group.Go(func() {
			if r.config.Secrets.Fill(ctx, reference) {
				r.fillCredentials(ctx, reference)
			}
		})
	}
	for _, scope := range r.sharedTokens() {
		group.Go(func() { r.credentials.Retriever().Fill(ctx, scope) })
	}
	left := preparedServers
	for _, d := range r.config.Destinations.Destinations() {
		if presentsCertificate(d) {
			continue // its connections are made with a credential
		}
		origins := d.Origins()
		origins = origins[:min(len(origins), left)]
		left -= len(origins)
		group.Go(func() {
			if d.CA != (destination.Reference{}) && !r.config.Secrets.Fill(ctx, d.CA) {
				return
			}
			for _, origin := range origins {
				group.Go(func() { r.upstream.Connect(ctx, d, origin) })
			}
		})
	}
}

// sharedTokens are the scopes whose tokens the table may have, without those of
// credentials that a record chooses.
func (r *Relay) sharedTokens() []retrieval.Scope {
	if r.config.Tokens == nil {
		return nil
	}
	var scopes []retrieval.Scope
	for _, d := range r.config.Destinations.Destinations() {
		for _, security := range d.Retrieved {
			for _, requirement := range security {
				scope := retrieval.NewScope(d, requirement).Presenting(security)
				if scope.Scheme.Retrieved() && scope.Scheme.SecretField == "" && !slices.Contains(scopes, scope) && len(scopes) < preparedTokens {
					scopes = append(scopes, scope)
				}
			}
		}
	}
	return scopes
}

// neededSecrets are those in Secrets Manager; all others are on this machine.
func (r *Relay) neededSecrets() []destination.Reference {
	references := []destination.Reference{r.config.CallerKeys}
	for _, d := range r.config.Destinations.Destinations() {
		for _, name := range d.Attached {
			references = append(references, d.Schemes[name].Secret)
		}
	}
	var needed []destination.Reference
	for _, each := range references {
		each.Pointer = ""
		if each.Provider == "secretsmanager" && !slices.Contains(needed, each) && len(needed) < preparedSecrets {
			needed = append(needed, each)
		}
	}
	return needed
}

// fillCredentials makes the credentials of the schemes whose secret was read.
func (r *Relay) fillCredentials(ctx context.Context, read destination.Reference) {
	for _, d := range r.config.Destinations.Destinations() {
		for _, name := range d.Attached {
			reference := d.Schemes[name].Secret
			if reference.Pointer = ""; reference == read {
				r.credentials.Fill(ctx, d, d.Schemes[name])
			}
		}
	}
}

func presentsCertificate(d *destination.Destination) bool {
	return slices.ContainsFunc(d.Attached, func(name string) bool { return d.Schemes[name].Kind == destination.MutualTLS })
}
