package relay

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
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
		Type:    problemType + problem.Name,
		Title:   problem.Title,
		Status:  problem.Status,
		Detail:  refusal.Detail,
		Fields:  refusal.Fields,
		Allowed: refusal.Allowed,
	}
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
		"Vary":         {"*"},
	}
}

// relayLocation is the name of a redirect's Location: the relay does not follow it, and
// no client may follow it with its key and its record.
const relayLocation = "X-Relay-Location"

// present makes a downstream's answer one that the relay hands back: nothing in it can
// be taken for the relay's own words, or is about the relay's own address, which stands
// for every API.
func (r *Relay) present(answer *gateway.Response) {
	header := answer.Header
	var redirect []string
	if answer.Status >= 300 && answer.Status < 400 {
		redirect = header["Location"]
		delete(header, "Location")
	}
	delete(header, "Refresh") // leads on like Location, whatever the status
	for name := range header {
		if aboutOrigin(name) || isRelays(name) || toFront(name) {
			delete(header, name)
		}
	}
	if redirect != nil {
		header[relayLocation] = redirect
	}
	if slices.ContainsFunc(header["Preference-Applied"], func(applied string) bool { return strings.Contains(strings.ToLower(applied), "respond-async") }) {
		delete(header, "Preference-Applied") // only the relay accepts for later: no API is asked to
	}
	if pretends(answer) {
		header["Content-Type"] = []string{"application/json"}
	}
	header["Vary"] = r.vary
	header["Proxy-Status"] = r.proxyStatus(header["Proxy-Status"], answer.Status)
}

// isRelays reports whether a field is one that only the relay sets, in any spelling: for
// servers and gateways an underscore may be a hyphen.
func isRelays(name string) bool {
	const family, status = "X-Relay-", "Proxy-Status"
	return len(name) > len(family) && gateway.SameHeaderName(name[:len(family)], family) || name != status && gateway.SameHeaderName(name, status)
}

// toFront knows the fields by which a server directs the one in front of it: to answer with a
// file or an address of its own network, to take the server for ill, or to empty its cache.
// Here it would be the relay's front, for every API.
func toFront(name string) bool {
	switch name {
	case "X-Sendfile", "X-Sendfile2", "X-Lighttpd-Send-File", "X-Reproxy-Url", "X-Reproxy-File", "X-Reproxy-Service", "Fly-Replay",
		"Surrogate-Control", "Edge-Control", // has ESI's includes carried out (W3C Edge Architecture Specification, Akamai)
		"X-Envoy-Immediate-Health-Check-Fail", "X-Envoy-Degraded": // Envoy's health checking
		return true
	}
	return strings.HasPrefix(name, "X-Accel-") || strings.HasPrefix(name, "X-Litespeed-")
}

// aboutOrigin reports whether a field tells a client what holds for the server's whole
// address, beyond this request.
func aboutOrigin(name string) bool {
	switch name {
	case "Alt-Svc", // RFC 7838
		"Clear-Site-Data",                                // W3C Clear Site Data
		"Strict-Transport-Security",                      // RFC 6797
		"Public-Key-Pins", "Public-Key-Pins-Report-Only", // RFC 7469
		"Expect-Ct",                               // RFC 9163
		"Nel", "Report-To", "Reporting-Endpoints", // W3C Network Error Logging, Reporting API
		"Accept-Ch", "Critical-Ch", "Origin-Agent-Cluster", // RFC 8942, HTML
		"Timing-Allow-Origin",                           // W3C Resource Timing
		"Use-As-Dictionary", "Cache-Group-Invalidation", // RFC 9842, RFC 9875
		"Set-Login", "Secure-Session-Registration", // W3C FedCM, Device Bound Session Credentials
		"Service-Worker-Allowed": // W3C Service Workers
		return true
	}
	return strings.HasPrefix(name, "Access-Control-") // Fetch: which pages may read what this address answers
}

// problemType begins the type of every problem of the relay.
const problemType = "urn:keyrelay:problem:"

// pretends reports whether an API's problem document has a type of the relay's, or is
// none that everybody reads alike. It is handed back as JSON, so that no client takes it
// for a problem of the relay.
func pretends(answer *gateway.Response) bool {
	const mediaType = "application/problem+json"
	isProblem := func(written string) bool { return strings.Contains(strings.ToLower(written), mediaType) }
	if len(answer.Body) == 0 || !slices.ContainsFunc(answer.Header["Content-Type"], isProblem) {
		return false
	}
	cursor := rawjson.Cursor{AnyNames: true}
	cursor.Reset(bytes.TrimPrefix(answer.Body, []byte("\ufeff")))
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		if string(cursor.Name()) != "type" {
			cursor.Skip()
			continue
		}
		text, _ := rawjson.ScalarText(nil, cursor.Skip())
		if len(text) > len(problemType) && strings.EqualFold(string(text[:len(problemType)]), problemType) {
			return true
		}
	}
	return cursor.End() != nil
}

// proxyStatus is Proxy-Status with the relay's own member behind those of proxies
// further downstream (RFC 9209 section 2), as far as those are simple enough not to
// break the list and do not bear the relay's name.
func (r *Relay) proxyStatus(earlier []string, status int) []string {
	own := r.received[status]
	if own == nil {
		own = []string{receivedStatus(status)}
	}
	if len(earlier) == 0 {
		return own
	}
	var kept []string
	for _, line := range earlier {
		if r.simpleList().MatchString(line) && !strings.Contains(strings.ToLower(line), "keyrelay") {
			kept = append(kept, line)
		}
	}
	return append(kept, own...)
}

// simpleList matches a list of tokens with parameters (RFC 8941 section 3.1).
func simpleList() *regexp.Regexp {
	const token, key, text = `[A-Za-z*][\w!#$%&'*+.^` + "`" + `|~:/-]*`, `[a-z*][a-z0-9_.*-]*`, `"[ !#-\[\]-~]*"`
	const member = `(?:` + token + `|` + text + `)(?: *; *` + key + `(?:=(?:` + token + `|` + text + `|-?\d{1,15}|\?[01]))?)*`
	return regexp.MustCompile(`^[ \t]*` + member + `(?:[ \t]*,[ \t]*` + member + `)*[ \t]*$`)
}
