//go:build !race

package mask_test

import (
	"net/http"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/mask"
)

// TestMaskAllocates nothing for an answer without the secret. The race detector lets
// go of what a sync.Pool holds.
func TestMaskAllocates(t *testing.T) {
	masker := mask.New("k-1234567890abcdef")
	response := &gateway.Response{Body: []byte(`{"almost": "k-1234567890abcde\n"}`), Header: http.Header{"Date": {"Thu, 26 Nov 2026 15:00:00 GMT"}}}
	if allocated := testing.AllocsPerRun(100, func() { masker.Mask(response) }); allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}
