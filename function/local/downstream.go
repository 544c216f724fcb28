package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// sampleKey is the key that the sample downstream accepts. It protects nothing.
const sampleKey = "sample-key-of-the-local-downstream"

// A downstream is a small API that answers with what it received, as httpbin.org
// does, and refuses a request without its key. Below /shop/ it is a shop, below
// /depot/ a depot.
type downstream struct {
	shop  shop
	depot depot

	mutex    sync.Mutex
	received []string
}

func newDownstream() *downstream { return &downstream{} }

// ServeHTTP notes the request and answers with it.
func (d *downstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/shop/") {
		d.shop.ServeHTTP(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/depot/") {
		d.depot.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	d.note(requestText(r, body))
	status := http.StatusOK
	if r.Header.Get("X-Api-Key") != sampleKey {
		status = http.StatusUnauthorized
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]any{"method": r.Method, "args": r.URL.Query(), "headers": r.Header, "data": string(body)})
}

func (d *downstream) note(text string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.received = append(d.received, text)
}

// take returns the requests received since it was last asked.
func (d *downstream) take() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	taken := d.received
	d.received = nil
	return taken
}

// requestText writes a request as it arrived, with the key masked.
func requestText(r *http.Request, body []byte) string {
	var text bytes.Buffer
	text.WriteString(r.Method + " " + r.URL.RequestURI() + "\n")
	text.WriteString("Host: " + r.Host + "\n")
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			text.WriteString(name + ": " + strings.ReplaceAll(value, sampleKey, "***") + "\n")
		}
	}
	text.WriteString("\n")
	text.Write(body)
	return text.String()
}
