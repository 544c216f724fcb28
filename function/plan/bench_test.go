package plan_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// BenchmarkNew compares the plan of one record with decoding and encoding the
// same record with encoding/json maps. The two take turns, so that a busy machine
// slows both; the ratio of their times is what counts.
func BenchmarkNew(b *testing.B) {
	set := load(b, "testdata/destinations")
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KB", 1 << 10}, {"100KB", 100 << 10}, {"1MB", 1 << 20}} {
		record := bigRecord(size.bytes)
		request := moving("region,id", record)
		b.Run(size.name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				start := time.Now()
				planOnce(b, set, request)
				middle := time.Now()
				throughMap(b, record)
				ours += middle.Sub(start)
				theirs += time.Since(middle)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(ours)/float64(theirs), "ratio")
		})
	}
}

// BenchmarkReshape compares filling a body template with moving two fields of the same record.
func BenchmarkReshape(b *testing.B) {
	set := load(b, "testdata/destinations")
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KB", 1 << 10}, {"100KB", 100 << 10}} {
		record := bigRecord(size.bytes)
		reshape := to("POST", "https://shapes.example.com/rows", record)
		move := moving("region,id", record)
		b.Run(size.name, func(b *testing.B) {
			var reshaping, moving time.Duration
			for b.Loop() {
				start := time.Now()
				planOnce(b, set, reshape)
				middle := time.Now()
				planOnce(b, set, move)
				reshaping += middle.Sub(start)
				moving += time.Since(middle)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(reshaping)/float64(moving), "ratio")
		})
	}
}

func planOnce(b *testing.B, set *destination.Set, request *gateway.Request) {
	if _, err := plan.New(set, request); err != nil {
		b.Fatal(err)
	}
}

// throughMap does with encoding/json what moving two fields takes.
func throughMap(b *testing.B, record []byte) {
	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		b.Fatal(err)
	}
	delete(members, "region")
	delete(members, "id")
	if _, err := json.Marshal(members); err != nil {
		b.Fatal(err)
	}
}

// bigRecord is a record of lines, as an order or a table's row with nested rows has them.
func bigRecord(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	record := []byte(`{"id":12345678901234567890,"region":"eu west","lines":[`)
	for len(record) < size-150 {
		line, _ := json.Marshal(map[string]any{
			"sku": random.Uint64(), "name": "Schraube \"M8\" ü", "price": random.Float64(), "tags": []string{"a", "b"}, "stock": nil, "sold": true,
		})
		record = append(append(record, line...), ',')
	}
	return append(record[:len(record)-1], []byte(`],"note":"end"}`)...)
}
