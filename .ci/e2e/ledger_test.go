package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The states of a ledger.
const (
	// up books every order.
	up = "up"
	// flaky fails a fifth of the requests: half of those with 503, half by breaking
	// off the connection after the order has been booked.
	flaky = "flaky"
	// down breaks off every connection and books nothing.
	down = "down"
	// silent never answers.
	silent = "silent"
	// slow takes a second for each order.
	slow = "slow"
	// fixed books even the orders that the ledger refuses otherwise.
	fixed = "fixed"
)

// Ledgers are the APIs of the test host that book orders, by their names: each at
// /ledgers/NAME. GET of that path reports what it booked, PUT sets its state.
type ledgers struct {
	mutex sync.Mutex
	named map[string]*ledger
}

// A ledger books an order once for each Idempotency-Key that it comes with.
type ledger struct {
	mutex  sync.Mutex
	state  string
	keys   map[string]bool
	report ledgerReport
}

// A ledgerReport is what became of the requests to a ledger.
type ledgerReport struct {
	Requests int
	// UnderWay are the requests without an answer yet.
	UnderWay int
	// Booked has how often each order was booked.
	Booked map[string]int
}

// ServeHTTP answers one request, of the test or of the relay.
func (l *ledgers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, isOrder := strings.Cut(strings.TrimPrefix(r.URL.Path, "/ledgers/"), "/")
	l.mutex.Lock()
	found := l.named[name]
	if found == nil {
		found = &ledger{state: up, keys: make(map[string]bool), report: ledgerReport{Booked: make(map[string]int)}}
		l.named[name] = found
	}
	l.mutex.Unlock()
	switch {
	case isOrder:
		found.serveOrder(w, r)
	case r.Method == http.MethodPut:
		found.setState(r.URL.RawQuery)
	default:
		found.mutex.Lock()
		defer found.mutex.Unlock()
		_ = json.NewEncoder(w).Encode(found.report)
	}
}

func (l *ledger) setState(state string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.state = state
}

func (l *ledger) serveOrder(w http.ResponseWriter, r *http.Request) {
	// A server notices that its client has gone only once it has read the body.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	number, state := l.begin()
	defer l.end()
	switch {
	case r.Header.Get("X-Api-Key") != firstKey:
		http.Error(w, "the key is wrong", http.StatusUnauthorized)
		return
	case state == down:
		panic(http.ErrAbortHandler)
	case state == silent:
		<-r.Context().Done()
		return
	case state == flaky && number%10 == 0:
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	case state == slow:
		time.Sleep(time.Second)
	}
	if !l.book(r.Header.Get("Idempotency-Key"), body, state) {
		http.Error(w, "this is no order", http.StatusUnprocessableEntity)
	} else if state == flaky && number%10 == 5 {
		panic(http.ErrAbortHandler)
	}
}

func (l *ledger) begin() (number int, state string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.report.Requests++
	l.report.UnderWay++
	return l.report.Requests, l.state
}

func (l *ledger) end() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.report.UnderWay--
}

// book books an order that was not booked before. It says no to one that comes
// without a key or, until the ledger is fixed, without an amount.
func (l *ledger) book(key string, body []byte, state string) bool {
	var order struct {
		Number string
		Amount int
	}
	if json.Unmarshal(body, &order) != nil || key == "" || order.Amount == 0 && state != fixed {
		return false
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.keys[key] {
		l.keys[key] = true
		l.report.Booked[order.Number]++
	}
	return true
}

// setLedger has a ledger of the test host behave otherwise from now on.
func setLedger(t *testing.T, name, state string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, downstreamBase+"/ledgers/"+name+"?"+state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := send(t, request); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
}

// readLedger is what a ledger of the test host has booked.
func readLedger(t *testing.T, name string) ledgerReport {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, downstreamBase+"/ledgers/"+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	var report ledgerReport
	_, _, body := send(t, request)
	if err := json.Unmarshal(body, &report); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return report
}
