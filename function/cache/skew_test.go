package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/fake"
)

// skewed is a table as an instance sees it whose clock is ahead.
func skewed(table http.Handler, ahead time.Duration) http.Handler {
	shift := func(text []byte, by time.Duration) []byte {
		return regexp.MustCompile(`"N":"[0-9]{12,13}"`).ReplaceAllFunc(text, func(found []byte) []byte {
			number, _ := strconv.ParseInt(string(found[5:len(found)-1]), 10, 64)
			return fmt.Appendf(nil, `"N":"%d"`, number+by.Milliseconds())
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(shift(body, ahead)))
		answer := httptest.NewRecorder()
		table.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		for _, field := range []string{"Content-Length", "X-Amz-Crc32"} {
			w.Header().Del(field)
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(shift(answer.Body.Bytes(), -ahead))
	})
}

// TestTurnsOfSkewedClocks makes a value once though the instances' clocks are minutes apart,
// and goes on when the holder is gone.
func TestTurnsOfSkewedClocks(t *testing.T) {
	for _, ahead := range []time.Duration{-4 * time.Minute, -16 * time.Second, 16 * time.Second, 4 * time.Minute} {
		t.Run(ahead.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table, m := fake.NewTable(), maker{takes: 40 * time.Second}
				var group sync.WaitGroup
				for i := range 8 {
					group.Go(func() {
						time.Sleep(time.Duration(i) * time.Second)
						if value, unshared, err := m.share(t.Context(), instance(skewed(table, time.Duration(i%2)*ahead), firstKey), "id"); value != "value 1" || unshared != "" || err != nil {
							t.Errorf("%q, %q, %v", value, unshared, err)
						}
					})
				}
				group.Wait()
				start := cache.Now()
				table.Put("gone", fake.Item{"id": {"S": "gone"}, "holder": {"S": "gone"}, "lease": {"N": strconv.FormatInt(start.Add(15*time.Second).UnixMilli(), 10)}})
				if value, _, err := m.share(t.Context(), instance(skewed(table, ahead), firstKey), "gone"); value != "value 2" || err != nil {
					t.Errorf("%q, %v", value, err)
				}
				if waited := cache.Now().Sub(start) - m.takes; waited < 15*time.Second || waited > cache.TurnTime {
					t.Errorf("waited %s", waited)
				}
			})
		})
	}
}

// TestBrokenItem makes the value alone where an item has attributes of other kinds, or of none
// that there can be, and does not ask for it again and again.
func TestBrokenItem(t *testing.T) {
	for name, item := range map[string]fake.Item{
		"a text for a lease":  {"lease": {"S": "soon"}, "holder": {"S": "other"}},
		"a lease of no time":  {"lease": {"N": "0"}},
		"a version in digits": {"version": {"N": "7"}},
		"bytes for a lease":   {"lease": {"B": "AAAA"}, "version": {"S": "a"}},
		"no text in sealed":   {"sealed": {"S": "a"}, "version": {"N": "7"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			table, m := fake.NewTable(), maker{}
			item["id"] = map[string]string{"S": "id"}
			table.Put("id", item)
			if value, unshared, err := m.share(ctx, instance(table, firstKey), "id"); value != "value 1" || unshared != "item-is-broken" || err != nil {
				t.Errorf("%s: %q, %q, %v", name, value, unshared, err)
			}
			if calls := table.TakeCalls(); calls > 2 {
				t.Errorf("%s: %d calls", name, calls)
			}
		})
	}
}
