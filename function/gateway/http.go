package gateway

import (
	"net/http"
	"strconv"
)

// HTTP returns the handler for a plain HTTP port. A body longer than
// MaxRecordBytes is not read to its end: after the answer the connection is closed.
func HTTP(handle Handler) http.Handler { return httpDoor(handle) }

type httpDoor Handler

// ServeHTTP answers one request.
func (h httpDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := &Request{Method: r.Method, Path: r.URL.EscapedPath(), Header: r.Header}
	var err error
	request.Body, err = readBody(r)
	if err != nil {
		w.Header()["Connection"] = []string{"close"}
	}
	write(w, answer(r.Context(), Handler(h), request, err))
}

// write sends the response. net/http takes off the body and its length where there
// may be none (RFC 9110 section 6.4.1), and adds nothing but a Date where there is none.
func write(w http.ResponseWriter, response *Response) {
	header := w.Header()
	for name, values := range response.Header {
		header[name] = values
	}
	if _, found := header["Content-Type"]; !found {
		header["Content-Type"] = nil
	}
	header["Content-Length"] = []string{strconv.Itoa(len(response.Body))}
	w.WriteHeader(response.Status)
	_, _ = w.Write(response.Body) // #nosec G705 -- it passes on what the API answered, of whatever type
}
