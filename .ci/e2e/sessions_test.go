package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A sessions is an API that ends the old session of its one account at each login: it
// carries out requests with its last token only, until that expires or is ended.
type sessions struct {
	life time.Duration
	// arrived and proceed hold a login until the test lets it go on; nil for no hold.
	arrived, proceed chan struct{}

	mutex   sync.Mutex
	report  sessionsReport
	expires time.Time
}

// A sessionsReport is what a sessions did.
type sessionsReport struct{ Logins, Carried, Refused int }

// ServeHTTP answers a login at /sessions/token, a report at /sessions/report, ends the
// session at /sessions/end, and carries out everything else.
func (s *sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // then the server notices when the caller is gone
	if r.URL.Path == "/sessions/token" && !s.hold(r) {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	current := fmt.Sprintf("Bearer session-number-%d", s.report.Logins)
	switch r.URL.Path {
	case "/sessions/token":
		s.report.Logins++
		s.expires = time.Now().Add(s.life)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token": "session-number-%d", "token_type": "Bearer", "expires_in": %d}`, s.report.Logins, int(s.life.Seconds()))
	case "/sessions/report":
		_ = json.NewEncoder(w).Encode(s.report)
	case "/sessions/end":
		s.expires = time.Time{}
	default:
		if r.Header.Get("Authorization") == current && time.Now().Before(s.expires) {
			s.report.Carried++
			return
		}
		s.report.Refused++
		http.Error(w, "there is no such session", http.StatusUnauthorized)
	}
}

// hold waits where the test wants it to, and reports whether who logs in is still there.
func (s *sessions) hold(r *http.Request) bool {
	s.mutex.Lock()
	arrived, proceed := s.arrived, s.proceed
	s.mutex.Unlock()
	if arrived == nil {
		return true
	}
	arrived <- struct{}{}
	select {
	case <-proceed:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s *sessions) holding(arrived, proceed chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.arrived, s.proceed = arrived, proceed
}

// end ends the session, so that its token is refused.
func (s *sessions) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.expires = time.Time{}
}

// take returns what was done since it was last asked.
func (s *sessions) take(since *sessionsReport) sessionsReport {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	done := sessionsReport{s.report.Logins - since.Logins, s.report.Carried - since.Carried, s.report.Refused - since.Refused}
	*since = s.report
	return done
}

// sessionsDocument declares a sessions at an address.
func sessionsDocument(address, network string) string {
	return strings.NewReplacer("$ADDRESS", address, "$NETWORK", network).Replace(`openapi: 3.1.0
info: {title: Sessions, version: "1"}
x-keyrelay-network: $NETWORK # the tests' own API
servers: [{url: $ADDRESS/sessions}]
security: [{session: []}]
components:
  securitySchemes:
    session: {type: oauth2, flows: {clientCredentials: {tokenUrl: $ADDRESS/sessions/token, scopes: {}}}}
`)
}
