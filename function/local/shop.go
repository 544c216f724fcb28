package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// shopPassword is what the shop hands out keys for. It protects nothing.
const shopPassword = "sample-password-of-the-local-shop"

// A shop is an API whose keys are short-lived: one endpoint hands them out, the
// others accept the last one only.
type shop struct {
	mutex    sync.Mutex
	issued   int
	accepted string
	orders   int
	received []string
}

// ServeHTTP answers POST /shop/keys and anything else below /shop/.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if r.URL.Path == "/shop/keys" {
		s.hand(w, body)
	} else {
		s.order(w, r, len(body))
	}
}

// hand gives out another key to who knows the password.
func (s *shop) hand(w http.ResponseWriter, body []byte) {
	var request struct{ Password string }
	if json.Unmarshal(body, &request) != nil || request.Password != shopPassword {
		s.answer(w, "POST /shop/keys", http.StatusForbidden, map[string]any{"error": "wrong password"})
		return
	}
	s.issued++
	s.accepted = "sample-session-key-number-" + strconv.Itoa(s.issued)
	line := fmt.Sprintf("POST /shop/keys, and gets key %d", s.issued)
	s.answer(w, line, http.StatusOK, map[string]any{"session": map[string]any{"key": s.accepted}, "expires_in": 900})
}

// order carries out a request that brings the accepted key.
func (s *shop) order(w http.ResponseWriter, r *http.Request, size int) {
	sent := r.Header.Get("X-Session-Key")
	number, known := strings.CutPrefix(sent, "sample-session-key-number-")
	if !known {
		number = "unknown"
	}
	line := fmt.Sprintf("%s %s, %d bytes, with key %s", r.Method, r.URL.RequestURI(), size, number)
	if sent == "" || sent != s.accepted {
		s.answer(w, line, http.StatusUnauthorized, map[string]any{"error": "the key has expired"})
		return
	}
	s.orders++
	s.answer(w, line, http.StatusCreated, map[string]any{"order": s.orders})
}

// answer notes what came and answers it.
func (s *shop) answer(w http.ResponseWriter, line string, status int, value any) {
	s.received = append(s.received, fmt.Sprintf("%s: %d %s", line, status, http.StatusText(status)))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// revoke takes the last key back.
func (s *shop) revoke() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.accepted = ""
}

// take returns a line for each request received since it was last asked.
func (s *shop) take() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	taken := s.received
	s.received = nil
	return taken
}
