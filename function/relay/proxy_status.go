package relay

import (
	"net/http"
	"strconv"

	"keyrelay/function/gateway"
)

// commonProxyStatus prepares the Proxy-Status values of the usual statuses, so
// that a relayed answer costs no allocation for it.
func commonProxyStatus() map[int][]string {
	prepared := make(map[int][]string)
	for _, status := range []int{200, 201, 202, 204, 304, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504} {
		prepared[status] = []string{receivedStatus(status)}
	}
	return prepared
}

func receivedStatus(status int) string {
	return "keyrelay; received-status=" + strconv.Itoa(status)
}

// ownHeader is the header of an answer that the relay itself makes (RFC 9209 section 2.1.1).
func ownHeader(mediaType, proxyError string) http.Header {
	return http.Header{
		"Content-Type": {mediaType},
		"Proxy-Status": {"keyrelay; error=" + proxyError},
	}
}

// markReceived adds Proxy-Status (RFC 9209 section 2.1.5). What proxies further
// downstream said stays before it.
func (r *Relay) markReceived(answer *gateway.Response) {
	earlier := answer.Header["Proxy-Status"]
	own := r.received[answer.Status]
	if own == nil {
		own = []string{receivedStatus(answer.Status)}
	}
	if len(earlier) > 0 {
		own = append(earlier[:len(earlier):len(earlier)], own...)
	}
	answer.Header["Proxy-Status"] = own
}
