package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// The secrets that the sample downstream accepts. They protect nothing.
const (
	sampleKey    = "sample-key-of-the-local-downstream"
	shopPassword = "sample-password-of-the-local-shop"
	shopKey      = "sample-session-key-number-"
)

// A downstream is three small APIs. It answers with what it received, as httpbin.org
// does, and refuses a request without its key. Below /shop/ it is an API with
// short-lived keys: one endpoint hands them out, the others accept the last one only.
// Below /depot/ it takes shipments, but none to a city that is not there.
type downstream struct {
	mutex sync.Mutex
	// lines say what came since they were last taken.
	lines []string
	// accepted is the shop's last key, empty when it was taken back.
	accepted                  string
	issued, orders, shipments int
	// down says that the depot does not take the next shipment, and missed what that one was answered.
	down   bool
	missed string
}

// ServeHTTP notes the request and answers it.
func (d *downstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	switch {
	case r.URL.Path == "/shop/keys":
		d.issue(w, body)
	case strings.HasPrefix(r.URL.Path, "/shop/"):
		d.order(w, r, len(body))
	case strings.HasPrefix(r.URL.Path, "/depot/"):
		d.ship(w, r, body)
	default:
		d.echo(w, r, body)
	}
}

// echo answers with the request.
func (d *downstream) echo(w http.ResponseWriter, r *http.Request, body []byte) {
	line := r.Method + " " + r.URL.RequestURI()
	if key := r.Header.Get("X-Api-Key"); key != "" {
		line += "  X-Api-Key: " + strings.ReplaceAll(key, sampleKey, "***")
	}
	d.note(line, string(body))
	status := http.StatusOK
	if r.Header.Get("X-Api-Key") != sampleKey {
		status = http.StatusUnauthorized
	}
	answer(w, status, map[string]any{"method": r.Method, "args": r.URL.Query(), "headers": r.Header, "data": string(body)}, "  ")
}

// issue gives out another key to who knows the password.
func (d *downstream) issue(w http.ResponseWriter, body []byte) {
	var request struct{ Password string }
	if json.Unmarshal(body, &request) != nil || request.Password != shopPassword {
		d.sell(w, "POST /shop/keys", http.StatusForbidden, map[string]any{"error": "wrong password"})
		return
	}
	d.issued++
	d.accepted = shopKey + strconv.Itoa(d.issued)
	line := fmt.Sprintf("POST /shop/keys, and gets key %d", d.issued)
	d.sell(w, line, http.StatusOK, map[string]any{"session": map[string]any{"key": d.accepted}, "expires_in": 900})
}

// order carries out a request that brings the accepted key.
func (d *downstream) order(w http.ResponseWriter, r *http.Request, size int) {
	sent := r.Header.Get("X-Session-Key")
	number, known := strings.CutPrefix(sent, shopKey)
	if !known {
		number = "unknown"
	}
	line := fmt.Sprintf("%s %s, %d bytes, with key %s", r.Method, r.URL.RequestURI(), size, number)
	if sent == "" || sent != d.accepted {
		d.sell(w, line, http.StatusUnauthorized, map[string]any{"error": "the key has expired"})
		return
	}
	d.orders++
	d.sell(w, line, http.StatusCreated, map[string]any{"order": d.orders})
}

// sell notes what came to the shop with its status, and answers it.
func (d *downstream) sell(w http.ResponseWriter, line string, status int, value any) {
	d.note(fmt.Sprintf("%s: %d %s", line, status, http.StatusText(status)))
	answer(w, status, value, "")
}

// ship takes one shipment.
func (d *downstream) ship(w http.ResponseWriter, r *http.Request, body []byte) {
	line := r.Method + " " + r.URL.RequestURI() + " " + string(body)
	if d.down {
		d.down, d.missed = false, ": 503 Service Unavailable, and then 201 Created"
		answer(w, http.StatusServiceUnavailable, map[string]any{"error": "closed for a moment"}, "")
		return
	}
	d.note(line + d.missed)
	d.missed = ""
	if bytes.Contains(body, []byte("Atlantis")) {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"error": "no such city"}, "")
		return
	}
	d.shipments++
	answer(w, http.StatusCreated, map[string]any{"shipment": d.shipments}, "")
}

// revoke takes the shop's last key back.
func (d *downstream) revoke() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.accepted = ""
}

// breakDown has the depot refuse the next shipment.
func (d *downstream) breakDown() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.down = true
}

// take returns what was received since it was last asked; the start of it, where no one asks.
func (d *downstream) take() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

// note adds a line for who asks, and no more than anyone would read.
func (d *downstream) note(lines ...string) {
	if len(d.lines) < maxLines {
		d.lines = append(d.lines, lines...)
	}
}

// maxLines bounds what is remembered of requests that no one asks about.
const maxLines = 100

func answer(w http.ResponseWriter, status int, value any, indent string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, encodeJSON(value, indent)+"\n")
}
