//go:build !race

package mask_test

import (
	"net/http"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/mask"
)

// TestAllocations looks through an answer without the secret for nothing. The least of
// some rounds counts: the collector may empty a pool in between.
func TestAllocations(t *testing.T) {
	response := &gateway.Response{
		Body:   []byte(`{"almost": "k-1234567890abcde", "cut": "k-123456789\u0030abcde"}`),
		Header: http.Header{"X-Short": {"", "k"}, "Date": {"Thu, 26 Nov 2026 15:00:00 GMT"}},
	}
	masker := mask.New("k-1234567890abcdef")
	look := func() { masker.Mask(response) }
	least := testing.AllocsPerRun(100, look)
	for range 9 {
		least = min(least, testing.AllocsPerRun(100, look))
	}
	if least != 0 {
		t.Errorf("%v allocations", least)
	}
}
