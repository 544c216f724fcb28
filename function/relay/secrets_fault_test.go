package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyrelay/function/fake"
	"keyrelay/function/secret"
)

// TestSecretsManagerFaults sees what a caller gets while Secrets Manager does not
// do its part: 503 with the reference and a time to try again, and nothing of what
// it said. Nothing is sent to the downstream.
func TestSecretsManagerFaults(t *testing.T) {
	write := func(text string) http.HandlerFunc {
		return written(text)
	}
	fault := func(status int, name string) http.HandlerFunc {
		return fake.Fault(name, status)
	}
	for name, fail := range map[string]http.HandlerFunc{
		"denied":    fault(http.StatusBadRequest, "AccessDeniedException"),
		"throttled": fault(http.StatusBadRequest, "ThrottlingException"),
		"down":      fault(http.StatusInternalServerError, "InternalServiceError"),
		"rubbish":   write("<html>" + theKey),
		"cut off":   write(`{"SecretString": "{\"key\": \"` + theKey),
		"no value":  write(`{"Name": "keyrelay/api"}`),
		"too large": write(`{"SecretString": "` + strings.Repeat(theKey, 1<<15) + `"}`),
		"no key":    write(`{"SecretString": "{\"other\": \"` + theKey + `\"}"}`),
		"resets":    closing(""),
		"slow":      hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, managedDocument)
			s.secrets.Fail(func(w http.ResponseWriter, r *http.Request) {
				// The read goes on for whoever comes next; this test does not wait for it.
				limited, cancel := context.WithCancel(r.Context())
				defer context.AfterFunc(t.Context(), cancel)()
				fail(w, r.WithContext(limited))
			})
			// Only where no answer comes does the invocation's own time count.
			limit := 29 * time.Second
			if name == "slow" {
				limit = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			mustBeUnavailable(t, s, s.send(ctx, s.post("/v2/orders", "")))
			if ctx.Err() != nil {
				t.Error("the answer came after the invocation's deadline")
			}
		})
	}
}

// TestSecretsManagerWithoutEnd has Secrets Manager answer with a header, and with a body,
// that never end: the heap grows by less than 16 MB.
func TestSecretsManagerWithoutEnd(t *testing.T) {
	skipUnderRace(t)
	for name, fail := range map[string]http.HandlerFunc{"header": endlessHeader, "body": endless} {
		s := newStage(t, managedDocument)
		s.secrets.Fail(fail)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var got answer
		growth := heapGrowth(t, 16<<20, func() { got = s.send(ctx, s.get("/v2/orders")) })
		if got.problem != "secret-unavailable" || growth >= 16<<20 {
			t.Errorf("%s: %d %s, and the heap grew by %d KB", name, got.status, got.body, growth>>10)
		}
	}
}

func mustBeUnavailable(t *testing.T, s *stage, got answer) {
	t.Helper()
	if got.status != http.StatusServiceUnavailable || got.problem != "secret-unavailable" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	if said := fmt.Sprint(s.lastEntry()["detail"]); !strings.Contains(said, "secretsmanager:keyrelay/api") || !strings.Contains(got.detail, "secretsmanager:keyrelay/api") {
		t.Errorf("log and caller have to know the secret's name: %s and %s", said, got.body)
	}
	for _, private := range []string{theKey, "canary-of-aws", "127.0.0.1"} {
		if strings.Contains(string(got.body)+s.log.String(), private) {
			t.Errorf("%q is shown: %s %s", private, got.body, s.log)
		}
	}
	if opened := s.api.opened.Load(); opened != 0 {
		t.Errorf("the downstream saw %d connections", opened)
	}
}

// TestSecretsManagerIsSpared sees that many callers at once, and those who come
// right after a failure, cost one read.
func TestSecretsManagerIsSpared(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"works": nil,
		"fails": fake.Fault("AccessDeniedException", http.StatusBadRequest),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, managedDocument)
			if fail != nil {
				s.secrets.Fail(fail)
			}
			var callers sync.WaitGroup
			for range 50 {
				callers.Go(func() { s.send(t.Context(), s.get("/v2/orders")) })
			}
			callers.Wait()
			if reads := s.secrets.TakeCalls(); reads != 1 {
				t.Errorf("Secrets Manager was asked %d times", reads)
			}
		})
	}
}

// TestRotation rotates the key while many callers are served: the downstream takes
// the new one only from some moment on, and no caller notices. No order is taken twice.
func TestRotation(t *testing.T) {
	s := newStage(t, managedDocument)
	var current atomic.Value
	current.Store(theKey)
	var mutex sync.Mutex
	taken := map[string]int{}
	s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Partner-Key") != current.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		taken[r.URL.Query().Get("order")]++
	})
	const callers, orders = 16, 40
	rotate := sync.OnceFunc(func() {
		s.secrets.Put("keyrelay/api", `{"key": "the-rotated-key"}`)
		current.Store("the-rotated-key")
	})
	var working sync.WaitGroup
	for caller := range callers {
		working.Go(func() {
			for order := range orders {
				if order == orders/2 {
					rotate()
				}
				record := fmt.Appendf(nil, `{"order": "%d-%d", "amount": 1}`, caller, order)
				got := s.send(t.Context(), s.post("/v2/orders", string(record), "X-Osmos-Query-Param-Fields", "order"))
				if got.status != http.StatusOK {
					t.Errorf("caller %d got %d %s for order %d", caller, got.status, got.body, order)
				}
			}
		})
	}
	working.Wait()
	if len(taken) != callers*orders {
		t.Errorf("%d of %d orders were taken", len(taken), callers*orders)
	}
	for order, times := range taken {
		if times != 1 {
			t.Errorf("order %s was taken %d times", order, times)
		}
	}
	if reads := s.secrets.TakeCalls(); reads != 2 {
		t.Errorf("the secret was read %d times, not once before and once after", reads)
	}
}

// TestOldSecret serves the old secret while it cannot be read again, and says so
// in the log, unless that is switched off.
func TestOldSecret(t *testing.T) {
	for maxAge, want := range map[time.Duration]int{time.Hour: http.StatusOK, 0: http.StatusServiceUnavailable} {
		s := newStage(t)
		s.kept = secret.Config{TTL: 1, MaxAge: maxAge}
		s.start(managedDocument)
		call := s.get("/v2/orders")
		if got := s.send(t.Context(), call); got.status != http.StatusOK {
			t.Fatalf("got %d %s", got.status, got.body)
		}
		s.secrets.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
		if got := s.send(t.Context(), call); got.status != want {
			t.Errorf("with a hard age of %v: %d %s", maxAge, got.status, got.body)
		}
		said := strings.Contains(s.log.String(), `"level":"WARN"`) && strings.Contains(s.log.String(), `"stale":["`)
		if said != (want == http.StatusOK) {
			t.Errorf("with a hard age of %v the log says %s", maxAge, s.log)
		}
		checkLog(t, s.log.String())
	}
}
