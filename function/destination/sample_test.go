package destination_test

import (
	"testing"

	"keyrelay/function/destination"
)

// The documents that come with a clone start in a real Lambda, and name nothing
// that has to exist on the machine at start.
func TestSampleDocuments(t *testing.T) {
	set, err := destination.Load("../../examples", destination.Config{RealLambda: true})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]destination.Kind{}
	for _, each := range set.Destinations() {
		for _, scheme := range each.Schemes {
			kinds[each.Name] = scheme.Kind
		}
		for _, reference := range each.References {
			if reference.Provider != "secretsmanager" {
				t.Errorf("%s:%d refers to %s, which a clone does not have", reference.File, reference.Line, reference.Reference)
			}
		}
	}
	for name, want := range map[string]destination.Kind{
		"httpbin": destination.StaticKey, "some-api": destination.RetrievedKey, "orders": destination.OAuth2,
	} {
		if got, ok := kinds[name]; !ok || got != want {
			t.Errorf("%s: kind %v, declared %v; want kind %v", name, got, ok, want)
		}
	}
	operation := find(t, set, "POST", "https://httpbin.org/post")
	if got := operation.Security[0].Scheme.Secret.String(); got != "secretsmanager:keyrelay/httpbin#/api_key" {
		t.Errorf("the secret of httpbin is %s", got)
	}
}
