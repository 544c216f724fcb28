package credential_test

import (
	"maps"
	"math"
	"runtime"
	"slices"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
)

// TestFillStatic makes before the first request what one is given of a secret, which is then
// less work by half or more, and retrieves nothing for nobody.
func TestFillStatic(t *testing.T) {
	schemes := map[string]*destination.SecurityScheme{
		"a key":      header(managed("key", "")),
		"a token":    {Name: "bearer", Kind: destination.Bearer, In: "header", Field: "Authorization", Secret: managed("key", "")},
		"a password": {Name: "basic", Kind: destination.Basic, In: "header", Field: "Authorization", Secret: managed("pair", "")},
	}
	for name, scheme := range schemes {
		t.Run(name, func(t *testing.T) {
			if filled, empty := firstGet(t, scheme, true), firstGet(t, scheme, false); 2*filled > empty {
				t.Errorf("%d allocations, and %d where nothing is made before", filled, empty)
			}
		})
	}
	w := newWorld(t, map[string]string{"client": client}, fake.Tokens(3600))
	for _, scheme := range append(slices.Collect(maps.Values(schemes)), w.oauth()) {
		w.store.Fill(t.Context(), w.destination, scheme) // of which there are no secrets, or which is retrieved
	}
	w.mustHaveRetrieved(t, 0)
	w.mustAuthorize(t, w.plan(w.oauth()), "Bearer token-number-1")
}

// firstGet counts the least allocations of a store's first credential.
func firstGet(t *testing.T, scheme *destination.SecurityScheme, filled bool) uint64 {
	least := uint64(math.MaxUint64)
	for range 9 { // the servers of tests before may allocate meanwhile
		w := newBubble(map[string]string{"key": "0123456789abcdef", "pair": "user:0123456789abcdef"}, nil)
		outbound := w.plan(scheme)
		if _, err := w.store.GetFor(t.Context(), w.destination, []destination.Requirement{{Scheme: readAlone(scheme)}}); err != nil {
			t.Fatal(err) // the secret is read, by another scheme
		}
		if filled {
			w.store.Fill(t.Context(), w.destination, scheme)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		mustGet(t, w.store, outbound)
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}

// readAlone is another scheme of the same secret.
func readAlone(scheme *destination.SecurityScheme) *destination.SecurityScheme {
	other := *scheme
	return &other
}
