package credential_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
)

// TestChosenUnknown refuses what a record chose and the secret does not have, at little
// cost, whatever comes, and finds a member that was added within 10 s.
func TestChosenUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(map[string]string{"clients": `{"acme": ` + client + `}`}, fake.Tokens(3600))
		scheme := w.oauth()
		scheme.Secret, scheme.SecretField = managed("clients", "/{org}"), "org"
		get := func(member string) error {
			outbound := w.plan(scheme)
			outbound.Chosen = map[string]string{"org": member}
			_, err := w.store.Get(t.Context(), outbound)
			return err
		}
		if err := get("acme"); err != nil {
			t.Fatal(err)
		}
		mustHaveCalls(t, w.secrets, 1)
		for i := range 1000 {
			member := fmt.Sprint("hush-", i)
			var refusal *gateway.Refusal
			if err := get(member); !errors.As(err, &refusal) || refusal.Reason != credential.ErrUnknown || strings.Contains(refusal.Detail, member) || refusal.Fields[0] != "org" {
				t.Fatalf("%s gave %v", member, err)
			}
		}
		mustHaveCalls(t, w.secrets, 1)
		w.mustHaveRetrieved(t, 1)
		w.secrets.Put("clients", `{"acme": `+client+`, "hush-1": `+client+`}`)
		time.Sleep(10 * time.Second)
		if err := get("hush-1"); err != nil {
			t.Error(err)
		}
		w.mustHaveRetrieved(t, 2)
	})
}

// TestChosenThroughOthers refuses what a record does not choose, and what it chooses and
// there is not, also where the chosen credential only buys the one that is sent, or is
// one of several alternatives.
func TestChosenThroughOthers(t *testing.T) {
	w := newWorld(t, map[string]string{"clients": `{"acme": ` + client + `}`, "keyrelay/B": "b"}, fake.Tokens(3600))
	bought := w.oauth()
	bought.Secret, bought.SecretField = managed("clients", "/{org}"), "org"
	chained := w.session("/access_token")
	chained.Parameters = []destination.RetrievalParameter{{Name: "token", In: "body", UseIn: []string{"key"}, Value: &destination.JSONTemplate{
		Parts: []destination.JSONPart{{Template: &destination.ValueTemplate{Parts: []destination.TemplatePart{{Scheme: bought}}}}}}}}
	shared := header(destination.Reference{})
	shared.Kind, shared.Source, shared.Value = destination.RetrievedKey, chained, template(t, "{{{access_token}}}")
	chained.Sharing = []*destination.SecurityScheme{shared}
	alternative := either([]*destination.SecurityScheme{key("A")}, []*destination.SecurityScheme{key("B"), bought})
	for name, scheme := range map[string]*destination.SecurityScheme{"itself": bought, "a chain": chained, "a shared retrieval": shared, "an alternative": nil} {
		outbound := w.plan(scheme)
		if scheme == nil {
			outbound = w.plan()
			outbound.Operation = alternative
		}
		for member, want := range map[string]error{"acme": nil, "globex": credential.ErrUnknown, "": credential.ErrFieldMissing} {
			outbound.Chosen = map[string]string{"org": member, "other": "x"}
			if member == "" {
				delete(outbound.Chosen, "org")
			}
			var refusal *gateway.Refusal
			if _, err := w.store.Get(t.Context(), outbound); want == nil && err != nil || want != nil && (!errors.As(err, &refusal) || refusal.Reason != want || refusal.Fields[0] != "org") {
				t.Errorf("%s with %q gave %v", name, member, err)
			}
		}
	}
}

// TestChosenIsOneToken takes what a record says for one member's name, whatever is in it.
func TestChosenIsOneToken(t *testing.T) {
	w := newWorld(t, map[string]string{"keys": `{"orgs": {"a": {"key": "key-of-a", "b": {"key": "hush"}}, "a/key": "hush"}, "admin": "hush"}`}, nil)
	scheme := header(managed("keys", "/orgs/{org}/key"))
	scheme.SecretField = "org"
	for member, want := range map[string]error{"a": nil, "a/b": credential.ErrUnknown, "a/key": secret.ErrUnavailable, "../admin": credential.ErrUnknown, "": credential.ErrUnknown, "~1a": credential.ErrUnknown, "{org}": credential.ErrUnknown} {
		outbound := w.plan(scheme)
		outbound.Chosen = map[string]string{"org": member}
		used, err := w.store.Get(t.Context(), outbound)
		if err == nil && keyIn(used) != "key-of-a" || !errors.Is(err, want) && !(want == secret.ErrUnavailable && errors.Is(err, credential.ErrUnknown)) {
			t.Errorf("%q gave %v", member, err)
		}
	}
}
