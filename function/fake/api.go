package fake

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// A Handler answers one call. Calls are counted from 1.
type Handler func(call int, w http.ResponseWriter, r *http.Request)

// An API records what it receives and answers. It is safe for concurrent use.
type API struct {
	mutex  sync.Mutex
	noted  []Request
	calls  int
	answer Handler
}

// A Request is a request that an API received.
type Request struct {
	Method, URI, Host string
	Header            http.Header
	Body              []byte
}

// NewAPI returns an API that answers with the Handler; nil answers {} as JSON.
func NewAPI(answer Handler) *API {
	if answer == nil {
		answer = Says(http.StatusOK, "application/json", "{}")
	}
	return &API{answer: answer}
}

// Serve serves a handler on loopback until the test ends, and returns the URL.
func Serve(t interface{ Cleanup(end func()) }, handler http.Handler) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// Answer makes the API answer with the Handler from now on.
func (a *API) Answer(answer Handler) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.answer = answer
}

// Calls returns the number of all requests.
func (a *API) Calls() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.calls
}

// Take returns what was received since the last Take.
func (a *API) Take() []Request {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	taken := a.noted
	a.noted = nil
	return taken
}

// ServeHTTP records the whole request and answers it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.mutex.Lock()
	a.noted = append(a.noted, Request{r.Method, r.URL.RequestURI(), r.Host, r.Header.Clone(), body})
	a.calls++
	call, answer := a.calls, a.answer
	a.mutex.Unlock()
	answer(call, w, r)
}

// String returns the request as text: its line, its sorted fields without Content-Length,
// an empty line, its body.
func (r Request) String() string {
	var fields []string
	for name, values := range r.Header {
		if name != "Content-Length" {
			fields = append(fields, name+": "+strings.Join(values, "|")+"\n")
		}
	}
	slices.Sort(fields)
	return r.Method + " " + r.URI + "\n" + strings.Join(fields, "") + "\n" + string(r.Body)
}

// Says answers with a body and its media type; "" for none.
func Says(status int, mediaType, body string) Handler {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if mediaType != "" {
			w.Header().Set("Content-Type", mediaType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Tokens answers as a token endpoint does (RFC 6749 section 5.1), with a token that
// contains the call's number and lives that many seconds.
func Tokens(seconds int) Handler {
	return func(call int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token": "token-number-%d", "token_type": "bearer", "expires_in": %d}`, call, seconds) // #nosec G705 -- two numbers
	}
}

// CutOff ends the connection in the middle of the body that it announced.
func CutOff(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, part)
	}
}
