package relay

import (
	"net/http"
	"strconv"
)

// A statusError is an API's answer as an error.
type statusError int

// Error says what the API answered.
func (s statusError) Error() string { return "The API answered " + strconv.Itoa(int(s)) + "." }

// isRedirect reports whether a status says that the request was not carried out, but has to
// go elsewhere (RFC 9110 section 15.4). 303 says that it was, and 304 redirects nowhere.
func isRedirect(status int) bool {
	return status >= 300 && status < 400 && status != http.StatusSeeOther && status != http.StatusNotModified
}

// blameForStatus says whose fault an API's status is. What a proxy, a connection or the API
// itself could not do is not the caller's; a redirect is, of a request that was to change
// something: its URL is not the one that the API has.
func blameForStatus(method string, status int) blame {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly:
		return blameDownstream
	}
	switch {
	case status >= 500:
		return blameDownstream
	case status >= 400, isRedirect(status) && method != http.MethodGet:
		return blameCaller
	}
	return blameNobody
}

// meaning says for the operator what a status tells that nothing else in the log does, and
// what helps. attached says that the request had a credential.
func meaning(status int, attached bool) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return " It does not take the record: its own answer, which no log holds, says why."
	case http.StatusUnauthorized, http.StatusForbidden:
		if !attached {
			return " No credential was attached: if the API asks for one, the document's security has to name it, since a caller's own Authorization is not forwarded."
		}
		return " The credential may lack the right to do this. If the API refuses a credential so, name the status in the scheme's x-keyrelay-refresh-on."
	case http.StatusNotFound, http.StatusGone:
		return " It has nothing at that URL: compare the URL, its values and the document's servers with what the API's manual says."
	case http.StatusMethodNotAllowed:
		return " It does not take that method there."
	case http.StatusProxyAuthRequired:
		return " A proxy in front of the API asks for a credential of its own."
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return " The record, or what moves from it into the URL or the header, is too long for it."
	case http.StatusUnsupportedMediaType:
		return " It does not take the body's media type: if it takes a form, the document can say so with x-keyrelay-body-type."
	case http.StatusTooManyRequests:
		return " It limits how many requests it takes: send fewer at once, and again after the seconds in Retry-After. x-keyrelay-rate paces what is delivered later."
	}
	if status >= 300 && status < 400 && status != http.StatusNotModified {
		return " It is a redirect, and none is followed: the record's URL has to be the one that it leads to."
	}
	return ""
}
