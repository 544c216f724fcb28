package relay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"keyrelay/function/gateway"
)

// problemDocument is the body of a refusal, RFC 9457 section 3.
type problemDocument struct {
	Type    string   `json:"type"`
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail"`
	Fields  []string `json:"fields,omitempty"`
	Allowed []string `json:"allowed,omitempty"`
}

func newProblemDocument(problem Problem, refusal *gateway.Refusal) problemDocument {
	return problemDocument{
		Type:    "urn:keyrelay:problem:" + problem.Name,
		Title:   problem.Title,
		Status:  problem.Status,
		Detail:  refusal.Detail,
		Fields:  refusal.Fields,
		Allowed: refusal.Allowed,
	}
}

// encodeJSON writes a value of our own types without escaping <, > and &: the
// answer is read by people and programs, not embedded in HTML.
func encodeJSON(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // unreachable: only structs of texts and numbers are encoded
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// addRefusalHeaders adds the header fields that some statuses call for:
// Allow for 405 (RFC 9110 section 15.5.6), WWW-Authenticate for 401
// (section 15.5.2) and Retry-After where the refusal knows when.
func addRefusalHeaders(header http.Header, problem Problem, refusal *gateway.Refusal) {
	switch problem.Status {
	case http.StatusMethodNotAllowed:
		header["Allow"] = []string{strings.Join(refusal.Allowed, ", ")}
	case http.StatusUnauthorized:
		header["Www-Authenticate"] = []string{challenge(problem)}
	}
	if refusal.RetryAfter > 0 {
		header["Retry-After"] = []string{strconv.Itoa(refusal.RetryAfter)}
	}
}

// challenge says what kind of credential is asked for (RFC 9110 section 11.6.1).
func challenge(problem Problem) string {
	if problem.Name == "session-invalid" {
		return `Session realm="keyrelay"`
	}
	return `ApiKey realm="keyrelay"`
}

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
