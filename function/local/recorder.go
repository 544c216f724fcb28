package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxNotedBytes is how much of a record or an answer is noted: as much as the relay takes.
const maxNotedBytes = 10 << 20

// maxUnmatched bounds the log entries and exchanges that wait for each other.
const maxUnmatched = 1000

// A recorder passes requests on to the relay program and notes each with its answer and
// the relay's log entry. It changes neither.
type recorder struct {
	noted exchanges

	mutex sync.Mutex
	relay *relayEnd
	// answered waits for a log entry, logged for an exchange.
	answered []*exchange
	logged   []logLine
}

// A relayEnd is a relay program as requests are passed on to it, and how many are under way.
type relayEnd struct {
	proxy *httputil.ReverseProxy
	users sync.WaitGroup
}

// passTo says at which address the relay is from now on. It is called before the first
// request. The channel is closed when no request is under way at the one before.
func (r *recorder) passTo(relay string) (idle <-chan struct{}) {
	target := &url.URL{Scheme: "http", Host: relay}
	made := &relayEnd{proxy: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				http.Error(w, "The relay program does not answer.", http.StatusBadGateway)
			}
		},
	}}
	r.mutex.Lock()
	earlier := r.relay
	r.relay = made
	r.mutex.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if earlier != nil {
			earlier.users.Wait()
		}
	}()
	return done
}

// end is the relay that a request is passed on to; it is told when that is over.
func (r *recorder) end() *relayEnd {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.relay.users.Add(1)
	return r.relay
}

// ServeHTTP passes one request on and notes it.
func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.pass(w, request)
}

// pass passes a request on and returns what was noted.
func (r *recorder) pass(w http.ResponseWriter, request *http.Request) *exchange {
	noted := &exchange{At: time.Now(), Method: request.Method, Path: request.URL.EscapedPath(), Header: withoutCredentials(request.Header)}
	sent := &requestNote{ReadCloser: request.Body}
	request.Body = sent
	answer := &answerNote{ResponseWriter: w, status: http.StatusOK}
	relay := r.end()
	defer relay.users.Done()
	relay.proxy.ServeHTTP(answer, request)
	record := sent.taken()
	noted.Record, noted.Answer, noted.Cut = record.text, answer.text, record.cut || answer.cut
	noted.Status, noted.AnswerHeader, noted.Took = answer.status, withoutCredentials(w.Header()), time.Since(noted.At)
	r.noted.add(noted)
	r.match(noted)
	return noted
}

// withoutCredentials copies a header; what may hold a credential shows as ***.
func withoutCredentials(header http.Header) http.Header {
	copied := header.Clone()
	for _, name := range []string{"Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "X-Amz-Security-Token"} {
		for i, value := range copied[name] {
			if !strings.Contains(value, "{{{") {
				copied[name][i] = "***"
			}
		}
	}
	return copied
}

// A note is the start of a body, and whether that is not all.
type note struct {
	text []byte
	cut  bool
}

func (n *note) add(p []byte) {
	kept := min(len(p), maxNotedBytes-len(n.text))
	n.text = append(n.text, p[:kept]...)
	n.cut = n.cut || kept < len(p)
}

// A requestNote is a request's body that is noted as it is read. The transport may still
// read it when the answer is there.
type requestNote struct {
	io.ReadCloser
	mutex sync.Mutex
	note  note
}

// Read reads and notes.
func (n *requestNote) Read(p []byte) (int, error) {
	count, err := n.ReadCloser.Read(p)
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.note.add(p[:count])
	return count, err
}

// taken is what was noted so far.
func (n *requestNote) taken() note {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return note{slices.Clone(n.note.text), n.note.cut}
}

// An answerNote is an answer that is noted as it is written.
type answerNote struct {
	http.ResponseWriter
	note
	status int
}

// WriteHeader notes the status. What goes before it, as 103 does, is none.
func (n *answerNote) WriteHeader(status int) {
	if status >= http.StatusOK {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

// Write writes and notes.
func (n *answerNote) Write(p []byte) (int, error) {
	n.add(p)
	return n.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (n *answerNote) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// A logLine is a log entry of the relay with the members that tell whose it is.
type logLine struct {
	RequestID, Message string
	text               []byte
}

// log takes a line of the relay's log.
func (r *recorder) log(text []byte) {
	line := logLine{text: bytes.Clone(text)}
	if json.Unmarshal(text, &line) != nil || line.Message != "request" {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if noted, ok := takeFirst(&r.answered, func(noted *exchange) bool { return noted.requestID() == line.RequestID }); ok {
		r.noted.setLog(noted, line.text)
		return
	}
	r.logged = keepLast(r.logged, line)
}

// match finds an exchange's log entry, which the relay writes before it answers.
func (r *recorder) match(noted *exchange) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if line, ok := takeFirst(&r.logged, func(line logLine) bool { return noted.requestID() == line.RequestID }); ok {
		r.noted.setLog(noted, line.text)
		return
	}
	r.answered = keepLast(r.answered, noted)
}

// takeFirst takes the first that matches out of a list.
func takeFirst[T any](list *[]T, matches func(T) bool) (found T, ok bool) {
	index := slices.IndexFunc(*list, matches)
	if index < 0 {
		return found, false
	}
	found = (*list)[index]
	*list = slices.Delete(*list, index, index+1)
	return found, true
}

// keepLast appends to a list that is kept short: what was never matched goes.
func keepLast[T any](list []T, added T) []T {
	list = append(list, added)
	return list[max(0, len(list)-maxUnmatched):]
}
