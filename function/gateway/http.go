package gateway

import (
	"errors"
	"net/http"
	"strconv"
)

// HTTP returns the handler for a plain HTTP port. A body longer than
// MaxRecordBytes is not read to its end: after the answer the connection is closed.
func HTTP(handler Handler) http.Handler { return httpHandler{handler} }

type httpHandler struct{ handler Handler }

// ServeHTTP answers one request.
func (h httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := &Request{Method: r.Method, Path: r.URL.EscapedPath(), Header: r.Header}
	request.readBody = func() ([]byte, error) { return readBody(w, r) }
	write(w, h.handler.Handle(r.Context(), request))
}

// readBody returns the whole body; nil for none.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := ReadAll(r.Body, r.ContentLength, MaxRecordBytes)
	if err == nil {
		return body, nil
	}
	w.Header()["Connection"] = []string{"close"}
	if errors.Is(err, ErrTooLong) {
		return nil, &Refusal{
			Reason: ErrRecordTooLarge,
			Detail: "The record is longer than 10,485,760 bytes (10 MB). Send it in parts.",
		}
	}
	return nil, &Refusal{
		Reason: ErrRecordBroken,
		Detail: "The connection ended or took too long before the record had arrived whole. Send it again.",
		Cause:  err,
	}
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
