package plan_test

import (
	"errors"
	"strings"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// TestNearDirectives sends headers that are almost called like one of the relay's own: each
// is refused with the name that is meant, and what any caller may send passes.
func TestNearDirectives(t *testing.T) {
	set := load(t, "testdata/destinations")
	send := func(name string) error {
		request := to("GET", "https://vault.example.com/items/1", nil)
		request.Header.Set(name, "true")
		_, err := plan.New(set, request)
		return err
	}
	for name, meant := range map[string]string{
		"X-RelayDry-Run": "X-Relay-Dry-Run", "XRelay-Dry-Run": "X-Relay-Dry-Run", "Relay-Dry-Run": "X-Relay-Dry-Run", "X-Rleay-Dry-Run": "X-Relay-Dry-Run", "X_Relay_Dry_Run": "X-Relay-Dry-Run",
		"X-Osmo-Outbound-Url": "X-Osmos-Outbound-Url", "X_Osmo_Outbound_Url": "X-Osmos-Outbound-Url", "XX-Osmos-Query-Param-Fields": "X-Osmos-Query-Param-Fields", "X-Replay-Header-Fields": "X-Relay-Header-Fields",
	} {
		var refusal *gateway.Refusal
		if err := send(name); !errors.As(err, &refusal) || !errors.Is(err, plan.ErrHeader) || !strings.Contains(refusal.Detail, "nearest one that it knows is "+meant+".") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, known := range []string{"X-Osmos-Outbound-Url", "X-Osmos-Query-Param-Fields", "X-Relay-Header-Fields", "X-Relay-Dry-Run"} {
		for i := range known[1:] {
			for j := i + 1; j < len(known); j++ {
				if err := send(known[:i] + known[i+1:j] + known[j+1:]); !errors.Is(err, plan.ErrHeader) {
					t.Errorf("%s without its letters %d and %d: %v", known, i, j, err)
				}
			}
		}
	}
	for _, name := range []string{"X-Dry-Run", "X-Replay-Dry", "X-Outbound-Url", "X-Header-Fields", "Outbound-Url", "X-Request-Id", "X-Relation-Run"} {
		if err := send(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
