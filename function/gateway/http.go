package gateway

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// HTTP returns the handler for a plain HTTP port. A body longer than MaxRecordBytes, or
// for which the bodies of other requests leave no memory, is not read to its end: after
// the answer the connection is closed.
func HTTP(handler Handler) http.Handler { return &httpHandler{handler: handler} }

// LoopbackHTTP is HTTP for a port that only this machine reaches. A request for another
// Host is refused: it comes from a browser that followed a name whose owner points it at
// this machine (DNS rebinding).
func LoopbackHTTP(handler Handler) http.Handler {
	return &httpHandler{handler: handler, loopback: true}
}

// maxFields is how many header fields a request may have: they take several times their
// bytes in memory.
const maxFields = 500

type httpHandler struct {
	handler  Handler
	loopback bool
	bodies   atomic.Int64
}

// ServeHTTP answers one request.
func (h *httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	request := &Request{Method: r.Method, Path: r.URL.EscapedPath(), Header: r.Header, Address: address}
	if h.loopback && !isLoopback(r.Host) {
		Hasten(w)
		write(w, h.handler.Refuse(r.Context(), request, refuseHost(r.Host)))
		return
	}
	if countFields(r.Header) > maxFields {
		Hasten(w)
		write(w, refuseMessage(h.handler, r.RemoteAddr, http.StatusRequestHeaderFieldsTooLarge, ""))
		return
	}
	used := &Share{All: &h.bodies, Most: maxShared}
	defer used.GiveBack()
	defer collect(used)
	isRead := false
	request.readBody = func() (body []byte, err error) {
		body, err = readBody(w, r, used)
		isRead = err == nil
		return body, err
	}
	response := h.handler.Handle(r.Context(), request)
	if !isRead {
		Hasten(w)
	}
	write(w, response)
}

// countFields counts each line: many of one name take as much memory as others.
func countFields(header http.Header) (count int) {
	for _, values := range header {
		count += len(values)
	}
	return count
}

// Hasten gives a caller who is answered without a key, or without a look at the body, a moment
// to send the body, which net/http reads before it answers to use the connection again, and
// another to take the answer. Otherwise anybody could hold every connection by neither.
func Hasten(w http.ResponseWriter) {
	control, end := http.NewResponseController(w), time.Now().Add(patience)
	_ = control.SetReadDeadline(end)
	_ = control.SetWriteDeadline(end.Add(patience))
}

// collect frees what a large body took, before its share is given back, so that the next
// large body reuses that memory.
func collect(used *Share) {
	const large = 4 << 20
	if used.taken > large {
		runtime.GC()
	}
}

// readBody returns the whole body; nil for none.
func readBody(w http.ResponseWriter, r *http.Request, used *Share) ([]byte, error) {
	body, err := ReadWithin(r.Body, r.ContentLength, MaxRecordBytes, stepGrowth, used.Take)
	if err != nil {
		w.Header()["Connection"] = []string{"close"}
		return nil, refuseBody(err)
	}
	return inflate(r.Header, body, used)
}

// isLoopback reports whether a Host field names this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func refuseHost(host string) error {
	return &Refusal{
		Reason: ErrHeader,
		Detail: "The request is for the host " + strconv.Quote(host) + ", but keyrelay serves this machine only: call it at 127.0.0.1 or localhost, or set PORT to serve other machines.",
	}
}

// write sends the response. net/http leaves out the body and its length where there may
// be none (RFC 9110 section 6.4.1), and adds only a Date that is missing.
func write(w http.ResponseWriter, response *Response) {
	header := w.Header()
	maps.Copy(header, response.Header)
	if _, found := header["Content-Type"]; !found {
		header["Content-Type"] = nil
	}
	header["Content-Length"] = []string{strconv.Itoa(len(response.Body))}
	w.WriteHeader(response.Status)
	_, _ = w.Write(response.Body) // #nosec G705 -- it passes on what the API answered, of whatever type
}

// refuseMessage answers a request from an address that net/http did not take, whose own
// answer says why.
func refuseMessage(handler Handler, from string, status int, why string) *Response {
	address, _, _ := net.SplitHostPort(from)
	detail := "The request is not HTTP (RFC 9110)"
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		detail = "The header is longer than 32 KB, or has more than 500 fields. Send less in it; data belongs into the record."
	case http.StatusExpectationFailed:
		detail = "Expect can ask for 100-continue only. Send the request without Expect."
	case http.StatusNotImplemented:
		detail = "Transfer-Encoding can be chunked only (RFC 9112 section 7). Send the body with its length or in chunks; Content-Encoding: gzip says that it is compressed."
	default:
		if why != "" {
			detail += ": " + why
		}
		detail += ". Look for https:// where this port speaks http://, for control characters in the header's names and values, for a missing Host, and for lengths that contradict each other."
	}
	return handler.Refuse(context.Background(), &Request{Address: address}, &Refusal{Reason: ErrHeader, Status: status, Detail: detail})
}
