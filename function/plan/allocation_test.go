//go:build !race

package plan_test

import "testing"

// TestAllocations keeps the plan of a small record, which lacks fields that it may lack, within its share of what a warm invocation may allocate.
func TestAllocations(t *testing.T) {
	set := load(t, "testdata/destinations")
	request := moving("region,id,zone?,unit?", smallRecord())
	request.Header.Set("Accept", "*/*")
	request.Header.Set("User-Agent", "connector/1")
	request.Header.Set("X-Forwarded-For", "192.0.2.1")
	request.Header.Set("X-Relay-Header-Fields", "tenant=X-Tenant")
	const most = 5
	if got := testing.AllocsPerRun(100, func() { newPlan(t, set, request) }); got > most {
		t.Errorf("%v allocations, at most %d wanted", got, most)
	}
}
