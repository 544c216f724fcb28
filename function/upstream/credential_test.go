package upstream_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// The credential goes into what is sent, never into the plan's URL, and once even
// when the plan is sent again.
func TestSendAppliesTheCredential(t *testing.T) {
	t.Setenv("KEYRELAY_TEST_KEY", "s3cret-key")
	target, last := record(t)
	d := onLoopback()
	reference := destination.Reference{Provider: "env", Name: "KEYRELAY_TEST_KEY"}
	outbound := newPlan(t, d, "POST", target+"/?a=1", "{}")
	for _, in := range []string{"query", "header"} {
		scheme := &destination.SecurityScheme{Name: in, Kind: destination.StaticKey, In: in, Field: "Idempotency-Key", Secret: reference}
		outbound.Operation.Security = append(outbound.Operation.Security, destination.Requirement{Scheme: scheme})
	}
	secrets := secret.New(secret.Config{})
	client := newClient(t, secrets)
	store := credential.New(secrets, client.Call, nil)
	for range 2 {
		used, err := store.Get(context.Background(), outbound)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Send(context.Background(), outbound, used.Apply, used.Certificate(), nil); err != nil {
			t.Fatal(err)
		}
		got := last()
		want := http.Header{"Idempotency-Key": {"s3cret-key"}, "Content-Type": {"application/json"}, "Content-Length": {"2"}, "User-Agent": {"keyrelay"}}
		if difference := cmp.Diff(want, got.Header); difference != "" || got.URI != "/?a=1&Idempotency-Key=s3cret-key" {
			t.Errorf("sent %s, header -want +got:\n%s", got.URI, difference)
		}
		if outbound.URL.RawQuery != "a=1" {
			t.Errorf("the plan's query became %s", outbound.URL.RawQuery)
		}
		outbound.Header = outbound.Header.Clone()
	}
}
