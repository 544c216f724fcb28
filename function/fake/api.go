package fake

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A Handler answers the call of that number, counted from 1.
type Handler func(call int, w http.ResponseWriter, r *http.Request)

// An API notes what it receives and answers. It is safe for concurrent use.
type API struct {
	mutex  sync.Mutex
	noted  []Request
	calls  int
	answer Handler
}

// A Request is one that an API received.
type Request struct {
	Method, URI, Host string
	Header            http.Header
	Body              []byte
}

// NewAPI returns an API that answers so; {} as JSON for nil.
func NewAPI(answer Handler) *API {
	if answer == nil {
		answer = Says(http.StatusOK, "application/json", "{}")
	}
	return &API{answer: answer}
}

// Answer lets the API answer so from now on.
func (a *API) Answer(answer Handler) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.answer = answer
}

// Calls is how many requests there were in all.
func (a *API) Calls() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.calls
}

// Take returns what was received since it was last asked.
func (a *API) Take() []Request {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	taken := a.noted
	a.noted = nil
	return taken
}

// ServeHTTP notes a request whole and answers it.
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

// String is the request as a text: its line, its sorted fields without
// Content-Length, an empty line, its body.
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
