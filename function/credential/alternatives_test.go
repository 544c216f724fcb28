package credential_test

import (
	"errors"
	"strings"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/secret"
)

// key is a scheme whose key goes into the header of its name.
func key(name string) *destination.SecurityScheme {
	return &destination.SecurityScheme{Name: name, In: "header", Field: "X-" + name, Secret: managed("keyrelay/"+name, "")}
}

// either is an operation that takes one of several lists of schemes.
func either(lists ...[]*destination.SecurityScheme) *destination.Operation {
	operation := &destination.Operation{Alternatives: &destination.Alternatives{}}
	for _, list := range lists {
		var requirements []destination.Requirement
		for _, scheme := range list {
			requirements = append(requirements, destination.Requirement{Scheme: scheme})
		}
		operation.Alternatives.Lists = append(operation.Alternatives.Lists, requirements)
	}
	operation.Security = operation.Alternatives.Lists[0]
	return operation
}

// TestAlternatives takes the first list whose secrets all exist, finds that out once,
// and takes none where it cannot be told.
func TestAlternatives(t *testing.T) {
	a, b, c := key("A"), key("B"), key("C")
	type lists = [][]*destination.SecurityScheme
	for name, test := range map[string]struct {
		lists lists
		want  string
	}{
		"first":     {lists{{b}, {c}}, "B"},
		"second":    {lists{{a}, {c}}, "C"},
		"all of it": {lists{{b, a}, {b, c}}, "BC"},
		"nothing":   {lists{{a}, nil}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			secrets := fake.NewSecrets(map[string]string{"keyrelay/B": "b", "keyrelay/C": "c"})
			store := storeOn(t, secrets)
			outbound := planWith()
			outbound.Operation = either(test.lists...)
			for range 2 {
				got := ""
				header := sent(mustGet(t, store, outbound))
				for _, each := range []string{"A", "B", "C"} {
					if header.Get("X-"+each) != "" {
						got += each
					}
				}
				if got != test.want {
					t.Errorf("it attaches %q, want %q", got, test.want)
				}
				secrets.Put("keyrelay/A", "a") // too late
			}
		})
	}
}

// TestNoAlternative refuses where no list has its secrets, naming the first, and
// where the secrets cannot be read now, without deciding.
func TestNoAlternative(t *testing.T) {
	a, b := key("A"), key("B")
	secrets := fake.NewSecrets(nil)
	store := storeOn(t, secrets)
	outbound := planWith()
	outbound.Operation = either([]*destination.SecurityScheme{a}, []*destination.SecurityScheme{b})
	if _, err := store.Get(t.Context(), outbound); !errors.Is(err, secret.ErrUnavailable) || !strings.Contains(err.Error(), "keyrelay/A") {
		t.Errorf("got %v", err)
	}
	secrets = fake.NewSecrets(map[string]string{"keyrelay/B": "b"})
	secrets.Fail(fake.Fault("AccessDeniedException", 400))
	store = storeOn(t, secrets)
	outbound.Operation = either([]*destination.SecurityScheme{a}, nil)
	if _, err := store.Get(t.Context(), outbound); !errors.Is(err, secret.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
