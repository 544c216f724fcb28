package plan_test

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

const (
	splitURL = "https://batches.example.com/split/1?limit=1"
	plainURL = "https://batches.example.com/plain"
)

// keysOf returns the Idempotency-Key of each record of a batch.
func keysOf(t *testing.T, set *destination.Set, own, body string) []string {
	t.Helper()
	request := to("POST", splitURL, []byte(body))
	if own != "" {
		request.Header.Set("Idempotency-Key", own)
	}
	batch := newPlan(t, set, request).Batch
	var keys []string
	for i := range batch.Len() {
		outbound, err := batch.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, outbound.Header.Get("Idempotency-Key"))
	}
	return keys
}

func TestIdempotencyKey(t *testing.T) {
	set := load(t, "testdata/destinations")
	all := keysOf(t, set, "own", `[{"a":1}, {"a":2},{"a":1} ,{"a" :1}]`)
	if distinct := slices.Compact(slices.Sorted(slices.Values(all))); len(distinct) != 4 {
		t.Errorf("keys of different records are equal: %q", all)
	}
	if again := keysOf(t, set, "own", `[{"a":1},{"a":2},{"a":1},{"a" :1}]`); !slices.Equal(again, all) {
		t.Errorf("a second attempt has other keys: %q, %q", all, again)
	}
	if rest := keysOf(t, set, "own", `[{"a" :1},{"a":2}]`); rest[0] != all[3] || rest[1] != all[1] {
		t.Errorf("records alone have other keys: %q, %q", all, rest)
	}
	for _, own := range []string{"", "ow", "other"} {
		if other := keysOf(t, set, own, `[{"a":1}]`); other[0] == all[0] {
			t.Errorf("the caller's key %q makes no difference", own)
		}
	}
}

// TestIdempotencyKeysOfOthers sees that an equal record of another caller, or for another
// operation, is another request to the API, and one that is sent again is not.
func TestIdempotencyKeysOfOthers(t *testing.T) {
	set := load(t, "testdata/destinations")
	seen := map[string]string{}
	for range 2 {
		for _, sent := range [][3]string{{"crm", "POST", splitURL}, {"billing", "POST", splitURL}, {"", "POST", splitURL}, {"", "POST", splitURL + "1"}, {"", "POST", strings.Replace(splitURL, "/1?", "/2?", 1)}, {"", "POST", plainURL}, {"", "PUT", plainURL}} {
			request := to(sent[1], sent[2], []byte(`[{"a":1}]`))
			request.Caller = sent[0]
			outbound, err := newPlan(t, set, request).Batch.Record(0)
			if err != nil {
				t.Fatal(err)
			}
			key, who := outbound.Header.Get("Idempotency-Key"), strings.Join(sent[:], " ")
			if other, known := seen[key]; known && other != who {
				t.Errorf("%s has the key of %s", who, other)
			}
			seen[key] = who
		}
	}
	if len(seen) != 7 {
		t.Errorf("seven requests have %d keys", len(seen))
	}
}

// TestBatchSizes sends as many records as are taken, and more.
func TestBatchSizes(t *testing.T) {
	set := load(t, "testdata/destinations")
	const many = "https://batches.example.com/many"
	for _, test := range []struct {
		url   string
		count int
		taken bool
	}{
		{splitURL, 1_000, true}, {splitURL, 1_001, false}, {many, 10_000, true}, {many, 10_001, false}, {many, 100_000, false}, {many, 4_000_000, false},
	} {
		count, taken := test.count, test.taken
		body := "[" + strings.Repeat("0,", count-1) + "0]"
		request := to("POST", test.url, []byte(body))
		before := allocated()
		outbound, err := plan.New(set, request)
		if grown := allocated() - before; grown > 8<<20 {
			t.Errorf("%d records: %d bytes were allocated", count, grown)
		}
		if !taken {
			mustRefuse(t, err, plan.ErrRecordTooLarge)
		} else if err != nil || outbound.Batch.Len() != count {
			t.Errorf("%d records: %v", count, err)
		}
	}
}

func allocated() uint64 {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.TotalAlloc
}

// TestBatchMemory sees that a batch keeps where its records are, and no copy of them.
func TestBatchMemory(t *testing.T) {
	set := load(t, "testdata/destinations")
	record := string(smallRecord())
	body := "[" + strings.Repeat(record+",", 4999) + record + "]"
	request := to("POST", "https://batches.example.com/many", []byte(body))
	before := allocated()
	outbound := newPlan(t, set, request)
	if grown := allocated() - before; grown > uint64(len(body)/2) || outbound.Batch.Len() != 5000 {
		t.Errorf("%d bytes were allocated for a batch of %d", grown, len(body))
	}
}

// TestBatchDepth refuses the record that nests too deeply, not its neighbours.
func TestBatchDepth(t *testing.T) {
	set := load(t, "testdata/destinations")
	deep := func(levels int) string {
		return `[{"a":1},{"b":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `},{"c":1}]`
	}
	batch := newPlan(t, set, to("POST", splitURL, []byte(deep(10_000)))).Batch
	for i := range batch.Len() {
		_, err := batch.Record(i)
		if i != 1 && err != nil {
			t.Error(err)
		}
		if i == 1 {
			mustRefuse(t, err, plan.ErrRecord)
			if !strings.Contains(err.Error(), "Record 1 ") || !strings.Contains(err.Error(), "1000 levels") {
				t.Error(err)
			}
		}
	}
	checkReason(t, set, to("POST", splitURL, []byte(deep(1_000_000))), plan.ErrRecord)
}

// TestBatchConcurrently plans all records at the same time.
func TestBatchConcurrently(t *testing.T) {
	set := load(t, "testdata/destinations")
	var body strings.Builder
	for i := range 500 {
		body.WriteString(`,{"limit":` + strconv.Itoa(i) + `,"id":"a","kept":` + strconv.Itoa(i) + `}`)
	}
	request := to("POST", "https://batches.example.com/split/{id}", []byte("["+body.String()[1:]+"]"))
	batch := newPlan(t, set, request).Batch
	var group sync.WaitGroup
	for i := range batch.Len() {
		group.Go(func() {
			outbound, err := batch.Record(i)
			if err != nil {
				t.Error(err)
			} else if outbound.URL.RawQuery != "limit="+strconv.Itoa(i) || string(outbound.Body) != `{"kept":`+strconv.Itoa(i)+`}` {
				t.Errorf("record %d became %s %s", i, outbound.URL, outbound.Body)
			}
		})
	}
	group.Wait()
}

// TestRefusalOfRecordKeepsItsKind makes sure that naming the record takes nothing from the refusal.
func TestRefusalOfRecordKeepsItsKind(t *testing.T) {
	set := load(t, "testdata/destinations")
	batch := newPlan(t, set, to("POST", "https://batches.example.com/split/{id}", []byte(`[{},{"id":1}]`))).Batch
	for i, want := range [][]string{{"id", "limit"}, {"limit"}} {
		_, err := batch.Record(i)
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != plan.ErrFieldMissing || !slices.Equal(refusal.Fields, want) {
			t.Errorf("record %d: %v", i, err)
		}
	}
}

// TestBatchTemplates sees that what another program writes for a field of a record is refused
// for each record that has the field.
func TestBatchTemplates(t *testing.T) {
	const body = `[{"a":1},{"b":1}]`
	set := load(t, "testdata/destinations")
	inPath, inHeader := to("POST", "https://batches.example.com/split/:a?limit=1", []byte(body)), to("POST", splitURL, []byte(body))
	inHeader.Header.Set("X-A", "{a}")
	for _, request := range []*gateway.Request{inPath, inHeader} {
		batch := newPlan(t, set, request).Batch
		if _, err := batch.Record(0); err == nil || !strings.Contains(err.Error(), "the record has a field of that name") {
			t.Errorf("the first record: %v", err)
		}
		if _, err := batch.Record(1); err != nil {
			t.Errorf("the second record: %v", err)
		}
	}
}
