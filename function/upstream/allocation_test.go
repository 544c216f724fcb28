//go:build !race

package upstream_test

import "testing"

// TestSendAllocatesLittleBesidesRoundTrip counts what Send allocates beside the least that net/http can do.
func TestSendAllocatesLittleBesidesRoundTrip(t *testing.T) {
	ours, bare := pair(t)
	if got := leastAllocations(ours) - leastAllocations(bare); got > 4 {
		t.Errorf("%v allocations besides RoundTrip, want at most 4", got)
	}
}

// leastAllocations is what one call allocates, without what the collector's emptying of
// pools adds on a busy machine: the least of some rounds.
func leastAllocations(call func()) float64 {
	least := testing.AllocsPerRun(100, call)
	for range 9 {
		least = min(least, testing.AllocsPerRun(100, call))
	}
	return least
}
