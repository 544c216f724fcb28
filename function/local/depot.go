package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// A depot takes shipments, but none to a city that is not there.
type depot struct {
	mutex     sync.Mutex
	shipments int
	lines     []string
}

// ServeHTTP takes one shipment and notes what arrived.
func (d *depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.lines = append(d.lines, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	w.Header().Set("Content-Type", "application/json")
	if bytes.Contains(body, []byte("Atlantis")) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"error":"no such city"}`)
		return
	}
	d.shipments++
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"shipment":%d}`, d.shipments)
}

// take returns what arrived since it was last asked.
func (d *depot) take() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	taken := d.lines
	d.lines = nil
	return taken
}
