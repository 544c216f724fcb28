package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
	"keyrelay/function/relay"
)

// splitDocument declares a downstream that takes one record at a time.
func splitDocument(downstream string, concurrency int) string {
	return fmt.Sprintf(loopback+"servers: [{url: %q}]\nx-keyrelay-batch: split\nx-keyrelay-batch-max: 10000\nx-keyrelay-batch-concurrency: %d\n", downstream, concurrency)
}

// newSplitStage is a stage whose API takes one record at a time, as the handler does.
func newSplitStage(t *testing.T, concurrency int, answer http.HandlerFunc) *stage {
	t.Helper()
	s := newStage(t, splitDocument("http://$API", concurrency))
	s.api.answerWith(answer)
	return s
}

// postBatch hands the relay an array of records for a URL.
func postBatch(ctx context.Context, r *relay.Relay, url, body string) *gateway.Response {
	return r.Handle(ctx, &gateway.Request{
		Method: http.MethodPost,
		Path:   "/",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Osmos-Outbound-Url": {url}},
		Body:   []byte(body),
	})
}

// numbered is a batch of the records {"n":0}, {"n":1} and so on, each of at least size bytes.
func numbered(count, size int) string {
	var batch strings.Builder
	for i := range count {
		separator := ","
		if i == 0 {
			separator = "["
		}
		fmt.Fprintf(&batch, `%s{"n":%d,"text":"%s"}`, separator, i, strings.Repeat("x", size))
	}
	return batch.String() + "]"
}

// TestBatchConcurrency sees that as many records as declared are under way at once, and no more.
func TestBatchConcurrency(t *testing.T) {
	const concurrency, records = 3, 12
	var underWay, most atomic.Int64
	var all sync.Once
	gate := make(chan struct{})
	s := newSplitStage(t, concurrency, func(_ http.ResponseWriter, r *http.Request) {
		now := underWay.Add(1)
		defer underWay.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if now == concurrency { // as many as may come are here: let them and all later ones go
			all.Do(func() { close(gate) })
		}
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got := s.send(ctx, s.post("/orders", numbered(records, 0))); got.status != http.StatusOK || most.Load() != concurrency {
		t.Errorf("status %d, at most %d records under way: %s", got.status, most.Load(), got.body)
	}
}

// TestBatchOrder sees each result at its record's place, whatever order the answers come in.
func TestBatchOrder(t *testing.T) {
	s := newSplitStage(t, 8, func(w http.ResponseWriter, r *http.Request) {
		var record struct{ N int }
		_ = json.NewDecoder(r.Body).Decode(&record)
		fmt.Fprintf(w, `{"n":%d}`, record.N)
	})
	got := s.send(t.Context(), s.post("/orders", numbered(200, 0)))
	var results []struct {
		Status int
		Body   struct{ N int }
	}
	if err := json.Unmarshal(got.body, &results); err != nil || len(results) != 200 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, result := range results {
		if result.Status != 200 || result.Body.N != i {
			t.Errorf("result %d is %+v", i, result)
		}
	}
}

// TestBatchShortTime sees that records for which no time is left are not sent, and are told.
func TestBatchShortTime(t *testing.T) {
	s := newSplitStage(t, 1, nil)
	s.api.Answer(func(call int, _ http.ResponseWriter, r *http.Request) {
		if call == 2 {
			<-r.Context().Done() // the second record takes all the time there is
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	got := s.send(ctx, s.post("/orders", numbered(4, 0)))
	var problem struct {
		Type    string
		Results []struct {
			Status  int
			Sent    *bool
			Problem struct{ Type string }
		}
	}
	if err := json.Unmarshal(got.body, &problem); err != nil {
		t.Fatal(err)
	}
	if problem.Type != "urn:keyrelay:problem:batch-incomplete" || len(problem.Results) != 4 || s.api.Calls() != 2 {
		t.Fatalf("%d records were received: %s", s.api.Calls(), got.body)
	}
	first, second, last := problem.Results[0], problem.Results[1], problem.Results[3]
	if first.Status != 200 || second.Problem.Type != "urn:keyrelay:problem:downstream-timeout" || last.Sent == nil || *last.Sent {
		t.Errorf("%s", got.body)
	}
}

// TestBatchLongRecords sees that no record is begun for which there is less time
// than the longest one took.
func TestBatchLongRecords(t *testing.T) {
	s := newSplitStage(t, 1, func(_ http.ResponseWriter, r *http.Request) {
		// More than half of the second that there is: 1.5 s less the margin of 0.5 s.
		slow, cancel := context.WithTimeout(r.Context(), 600*time.Millisecond)
		defer cancel()
		<-slow.Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	got := s.send(ctx, s.post("/orders", numbered(2, 0)))
	if s.api.Calls() != 1 || !strings.HasSuffix(string(got.body), `,{"sent":false}]}`) {
		t.Errorf("%d records were received: %s", s.api.Calls(), got.body)
	}
}

// TestBatchLargeAnswers sees statuses without bodies where the bodies are more
// than any gateway carries.
func TestBatchLargeAnswers(t *testing.T) {
	s := newSplitStage(t, 2, written(strings.Repeat("x", 1<<20)))
	got := s.send(t.Context(), s.post("/orders", numbered(8, 0)))
	want := "[" + strings.Repeat(`{"status":200},`, 7) + `{"status":200}]`
	if difference := cmp.Diff(want, string(got.body)); got.status != http.StatusOK || difference != "" {
		t.Error(got.status, difference)
	}
}

// TestBatchLargeFields sees that header fields of answers take no more memory than bodies may.
func TestBatchLargeFields(t *testing.T) {
	skipUnderRace(t)
	long := strings.Repeat("x", 200<<10)
	s := newSplitStage(t, 2, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", long) })
	const most = 5 * gateway.MaxAnswerBytes
	var got answer
	growth := heapGrowth(t, most, func() { got = s.send(t.Context(), s.post("/orders", numbered(400, 0))) })
	if want := "[" + strings.Repeat(`{"status":200},`, 399) + `{"status":200}]`; string(got.body) != want || growth >= most {
		t.Errorf("the heap grew by %d bytes: %d %.300s", growth, got.status, got.body)
	}
}

// introspected is the x-keyrelay-session of a document whose tokens /introspect knows.
const introspected = "x-keyrelay-session: {field: session, introspectionUrl: 'http://$API/introspect'}\n"

// newSessionStage is a stage of such a document; for it only the token bad is not active.
// checks counts the tokens that were asked about.
func newSessionStage(t *testing.T, concurrency int) (s *stage, checks *atomic.Int64) {
	t.Helper()
	checks = new(atomic.Int64)
	s = newStage(t, splitDocument("http://$API", concurrency)+introspected)
	s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/introspect" {
			checks.Add(1)
			_, _ = fmt.Fprintf(w, `{"active":%t}`, r.FormValue("token") != "bad")
		}
	})
	return s, checks
}

// TestBatchSessions sees that each token of a batch is checked once, and again for
// the next batch.
func TestBatchSessions(t *testing.T) {
	s, checks := newSessionStage(t, 4)
	batch := "[" + strings.Repeat(`{"session":"good"},{"session":"bad"},`, 20) + `{"session":"good"}]`
	for round := range 2 {
		got := s.send(t.Context(), s.post("/orders", batch))
		if received := s.api.Calls() - int(checks.Load()); got.status != http.StatusOK || checks.Load() != int64(2*(round+1)) || received != 21*(round+1) {
			t.Errorf("round %d: %d checks, %d records received: %.200s", round, checks.Load(), received, got.body)
		}
	}
}

// TestBatchIntrospections sends a batch with more session tokens than its endpoint is
// asked about, with 1, 4 and 100 records at once: each further record says so, and the
// others are sent. Tokens that cost no call are not bounded.
func TestBatchIntrospections(t *testing.T) {
	const tokens, most = 130, 100
	var records []string
	for i := range tokens {
		records = append(records, fmt.Sprintf(`{"session":"token-%d"}`, i), fmt.Sprintf(`{"session":"token-%d"}`, i))
	}
	batch := "[" + strings.Join(records, ",") + "]"
	t.Setenv("TOKENS", "[]")
	for _, concurrency := range []int{1, 4, 100} {
		s, checks := newSessionStage(t, concurrency)
		got := s.send(t.Context(), s.post("/orders", batch))
		refused, received := bytes.Count(got.body, []byte("urn:keyrelay:problem:record-too-large")), s.api.Calls()-int(checks.Load())
		if checks.Load() != most || received != 2*most || refused != 2*(tokens-most) || got.status != http.StatusBadGateway {
			t.Errorf("%d at once: %d calls, %d records received, %d refused: %d %.300s", concurrency, checks.Load(), received, refused, got.status, got.body)
		}
		listed := newStage(t, splitDocument("http://$API", concurrency)+"x-keyrelay-session: {field: session, secret: 'env:TOKENS'}\n")
		if got := listed.send(t.Context(), listed.post("/orders", batch)); bytes.Count(got.body, []byte("session-invalid")) != 2*tokens {
			t.Errorf("of a list: %.300s", got.body)
		}
	}
}

// TestBatchMemory sends 5,000 records of 1 KB and sees that the heap grows by less
// than four times the batch.
func TestBatchMemory(t *testing.T) {
	skipUnderRace(t)
	downstream := lonelyDownstream(t)
	handler := newRelay(t, splitDocument(downstream, 8))
	body := numbered(5000, 1000)
	var answer *gateway.Response
	growth := heapGrowth(t, 4*len(body), func() { answer = postBatch(t.Context(), handler, downstream+"/orders", body) })
	if answer.Status != http.StatusOK || growth >= 4*len(body) {
		t.Errorf("the heap grew by %d bytes for a batch of %d: %d %.300s", growth, len(body), answer.Status, answer.Body)
	}
}

// TestBatchRefusalsMemory sees that what the refusals of many records say is bounded for all of
// them together, though each could name as many fields as the request does.
func TestBatchRefusalsMemory(t *testing.T) {
	skipUnderRace(t)
	s := newStage(t, splitDocument("http://$API", 8))
	var names []string
	for i := range 600 {
		names = append(names, fmt.Sprint(strings.Repeat("x", 40), i))
	}
	call := s.post("/orders", numbered(5000, 0), "X-Osmos-Query-Param-Fields", strings.Join(names, ","))
	const most = 5 * gateway.MaxAnswerBytes
	var got answer
	growth := heapGrowth(t, most, func() { got = s.send(t.Context(), call) })
	if refused := bytes.Count(got.body, []byte("field-missing")); got.problem != "batch-incomplete" || refused != 5000 || growth >= most || !bytes.Contains(got.body, []byte(`"detail":"See what`)) {
		t.Errorf("the heap grew by %d bytes: %d with %d refusals, %.300s", growth, got.status, refused, got.body)
	}
}

// heapGrowth is by how many bytes the heap grew while something was done. Where that is
// most or more, it is done again, and the least counts: a collector that came late on a
// busy machine is no fault.
func heapGrowth(t *testing.T, most int, do func()) int {
	t.Helper()
	growth := heapPeak(do)
	for again := 0; growth >= most && again < 2; again++ {
		growth = min(growth, heapPeak(do))
	}
	t.Logf("the heap grew by %d KB", growth>>10)
	return growth
}

// heapPeak is by how many bytes the heap grew at most while something was done.
func heapPeak(do func()) int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, peak := stats.HeapAlloc, uint64(0)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&stats)
				peak = max(peak, stats.HeapAlloc)
			}
		}
	})
	do()
	close(stop)
	watch.Wait()
	return int(peak) - int(before)
}

// TestBatchAnswersMemory has an API answer every record with as much as it may, a
// hundred at once: the heap grows by less than 32 MB, and every status is told.
func TestBatchAnswersMemory(t *testing.T) {
	skipUnderRace(t)
	downstream := lonelyDownstream(t)
	handler := newRelay(t, splitDocument(downstream, 100))
	for query, records := range map[string]int{
		"size=6000000": 100, "size=6000000&declared": 100, "size=1500000": 120, "size=100000&declared": 500, "size=600000": 8, "size=600000&declared": 10,
	} {
		var answer *gateway.Response
		growth := heapGrowth(t, 32<<20, func() { answer = postBatch(t.Context(), handler, downstream+"/orders?"+query, numbered(records, 0)) })
		if growth >= 32<<20 {
			t.Errorf("%s: the heap grew by %d MB", query, growth>>20)
		}
		if told := bytes.Count(answer.Body, []byte(`{"status":200`)); answer.Status != http.StatusOK || told != records {
			t.Errorf("%s: %d with %d of %d statuses", query, answer.Status, told, records)
		}
		if whole := bytes.Contains(answer.Body, []byte(`"body"`)); whole != (records <= 10) {
			t.Errorf("%s: with bodies: %v", query, whole)
		}
	}
}

// BenchmarkBatch compares a split batch of 1,000 records with a bare http.Client
// that posts the same records with the same concurrency: requests per second.
func BenchmarkBatch(b *testing.B) {
	const concurrency, records = 8, 1000
	downstream := lonelyDownstream(b)
	handler := newRelay(b, splitDocument(downstream, concurrency))
	body := numbered(records, 1000)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}
	var ratios []float64
	for b.Loop() {
		began := time.Now()
		if answer := postBatch(b.Context(), handler, downstream+"/orders", body); answer.Status != http.StatusOK {
			b.Fatalf("%.300s", answer.Body)
		}
		split := time.Since(began)
		began = time.Now()
		bareLoop(b, client, downstream, records, concurrency)
		ratios = append(ratios, float64(time.Since(began))/float64(split))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "requests-per-second-ratio")
	b.ReportMetric(0, "ns/op")
}

// bareLoop posts one record after the other from each of some workers.
func bareLoop(b *testing.B, client *http.Client, downstream string, records, concurrency int) {
	body := strings.Trim(numbered(1, 1000), "[]")
	var workers sync.WaitGroup
	for range concurrency {
		workers.Go(func() {
			for range records / concurrency {
				answer, err := client.Post(downstream+"/orders", "application/json", strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		})
	}
	workers.Wait()
}

// TestBatchPanic sees that a fault of the relay itself is the problem of the records that it
// concerns, and that every other one has its own answer.
func TestBatchPanic(t *testing.T) {
	s := newStage(t)
	set := load(t, s.api.host, splitDocument("https://$API", 2)+"x-keyrelay-ca: secretsmanager:keyrelay/ca\n")
	broken := relay.New(relay.Config{Destinations: set, Log: s.log}) // it has no secrets to read the roots from
	got := postBatch(t.Context(), broken, "https://"+s.api.host+"/", `[{"n":0}, 1, {"n":2}]`)
	var answer struct {
		Results []struct{ Problem struct{ Type string } }
	}
	if err := json.Unmarshal(got.Body, &answer); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, result := range answer.Results {
		names = append(names, strings.TrimPrefix(result.Problem.Type, "urn:keyrelay:problem:"))
	}
	if difference := cmp.Diff([]string{"internal", "record-invalid", "internal"}, names); difference != "" {
		t.Error(difference)
	}
	if entry := s.lastEntry(); entry["blame"] != "keyrelay" || entry["stack"] == nil {
		t.Errorf("logged %v", entry)
	}
}
