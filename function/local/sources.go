package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// describeDocuments says for each document which credentials it attaches, from where,
// and whether their secrets can be read. Their values serve to keep them off the page.
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
	value, err := secrets.Value(ctx, scheme.Secret)
	made.Read, made.secret = err == nil, value.Bytes
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) {
		made.Problem = refusal.Detail
	} else if err != nil {
		made.Problem = "The secret cannot be read."
	}
	return made
}

// shortestHidden is the shortest secret that is kept off the page: a shorter one would
// take half of every text with it.
const shortestHidden = 4

// hide returns a text of an API without the secrets of the documents as they were read
// at the start. The relay masks long ones only, since *** tells a caller that a guess
// was right; who sees this page may read the secrets anyway, and they still stay off it.
func (w *workbench) hide(text string) string {
	for _, each := range w.documents {
		for _, attached := range each.Attachments {
			if attached.secret == nil {
				continue
			}
			for _, part := range secretTexts(attached.secret()) {
				text = strings.ReplaceAll(text, part, "***")
			}
		}
	}
	return text
}

// secretTexts are the texts in a secret: it as a whole, or the members of a JSON object.
func secretTexts(content []byte) []string {
	var object rawjson.Object
	if object.Read(content) != nil {
		_, password, _ := strings.Cut(string(content), ":")
		return longEnough(string(content), password)
	}
	var texts []string
	for i := range object.Len() {
		if value := object.Value(i).Of(content); !rawjson.IsContainer(value) {
			text, _ := rawjson.ScalarText(nil, value)
			texts = append(texts, longEnough(string(text))...)
		}
	}
	return texts
}

func longEnough(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return len(text) < shortestHidden })
}
