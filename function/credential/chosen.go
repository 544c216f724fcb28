package credential

import (
	"context"
	"errors"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// checkChosen refuses a record that does not choose a credential, or chooses one that
// there is not, before anything is kept of it.
func (s *Store) checkChosen(ctx context.Context, scope retrieval.Scope, chosen map[string]string) error {
	for _, scheme := range scope.Scheme.Choosers() {
		if _, given := chosen[scheme.SecretField]; !given {
			return &gateway.Refusal{
				Reason: ErrFieldMissing,
				Detail: "The record lacks the field that chooses whose credential of " + scope.Destination.Name + " is sent. Send it: " + scheme.SecretField + ".",
				Fields: []string{scheme.SecretField},
			}
		}
		of := retrieval.NewScope(scope.Destination, destination.Requirement{Scheme: scheme}).Choosing(chosen)
		if err := s.checkMember(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

// checkMember refuses what a record chose and the secret does not have, once it was read
// again: nothing is kept of it, whatever callers may send.
func (s *Store) checkMember(ctx context.Context, scope retrieval.Scope) error {
	absent := false
	err := s.readFor(ctx, scope, func(got cache.Result[*secret.Version]) error {
		_, err := got.Value.Select(scope.Secret())
		absent = errors.Is(err, secret.ErrAbsent)
		return err
	})
	if !absent {
		return err
	}
	return &gateway.Refusal{
		Reason: ErrUnknown,
		Detail: "The field " + scope.Scheme.SecretField + " of the record names no credential for " + scope.Destination.Name + ". Send one that the operator has stored, or have it added to the secret.",
		Fields: []string{scope.Scheme.SecretField},
	}
}
