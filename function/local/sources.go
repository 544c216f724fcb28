package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
)

// describeDocuments says for each document which credentials it attaches, from where,
// and whether their secrets can be read. Their values are looked at and let go.
func describeDocuments(ctx context.Context, set *destination.Set, secrets *secret.Store) []document {
	described := make([]document, len(set.Destinations()))
	var all sync.WaitGroup
	for i, declared := range set.Destinations() {
		made := &described[i]
		made.Name, made.Title = declared.Name, declared.Title
		made.Attachments = make([]attachment, len(declared.Attached))
		for j, name := range declared.Attached {
			all.Go(func() { made.Attachments[j] = newAttachment(ctx, declared.Schemes[name], secrets) })
		}
	}
	all.Wait()
	return described
}

// newAttachment reads the secret of one scheme.
func newAttachment(ctx context.Context, scheme *destination.SecurityScheme, secrets *secret.Store) attachment {
	made := attachment{Scheme: scheme.Name}
	made.What, made.From = describe(scheme)
	if scheme.Secret == (destination.Reference{}) || strings.Contains(string(scheme.Secret.Pointer), "{") {
		return made
	}
	_, err := secrets.Value(ctx, scheme.Secret)
	made.Read = err == nil
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) {
		made.Problem = refusal.Detail
	} else if err != nil {
		made.Problem = "The secret cannot be read."
	}
	return made
}
