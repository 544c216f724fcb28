package credential

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/retrieval"
)

// attach sets what puts a credential where its scheme puts it.
func (p *part) attach(scheme *destination.SecurityScheme, text string) {
	name := scheme.Field
	switch scheme.In {
	case "header":
		field, values := http.CanonicalHeaderKey(name), []string{text}
		p.apply = func(request *http.Request) { setField(request.Header, field, values) }
	case "query":
		p.apply = attachQuery(name, retrieval.EscapeQuery(text))
	case "cookie":
		pair := name + "=" + text
		p.apply = func(request *http.Request) { setCookie(request.Header, name, pair) }
	case "body":
		p.apply = func(request *http.Request) { setInBody(request, name, text) }
	case "path":
		p.applyPath = func(request *http.Request, template string) { setInPath(request.URL, template, name, text) }
	}
}

// attachQuery returns what adds a query parameter and removes any of the same name.
// The value is percent-encoded already.
func attachQuery(name, value string) func(*http.Request) {
	pair := retrieval.EscapeQuery(name) + "=" + value
	return func(request *http.Request) {
		kept := without(request.URL.RawQuery, "&", func(sent string) bool { return queryName(sent) == name })
		request.URL.RawQuery = appended(kept, "&", pair)
	}
}

// setField sets a header field and removes every other spelling of its name:
// other letter cases, and "_" for "-", which CGI and WSGI take for the same.
func setField(header http.Header, field string, values []string) {
	removeSpellings(header, field)
	header[field] = values
}

// removeField removes a header field in every spelling.
func removeField(header http.Header, field string) {
	removeSpellings(header, field)
	delete(header, field)
}

func removeSpellings(header http.Header, field string) {
	for name := range header {
		if name != field && gateway.SameHeaderName(name, field) {
			delete(header, name)
		}
	}
}

// setCookie adds a cookie to the Cookie field and removes any of the same name (RFC 6265 section 4.2.1).
func setCookie(header http.Header, name, pair string) {
	var sent []string
	for field, values := range header {
		if gateway.SameHeaderName(field, "Cookie") {
			sent = append(sent, values...)
			delete(header, field)
		}
	}
	kept := without(strings.Join(sent, "; "), ";", func(cookie string) bool {
		sentName, _, _ := strings.Cut(cookie, "=")
		return strings.TrimSpace(sentName) == name
	})
	header["Cookie"] = []string{appended(strings.TrimSpace(kept), "; ", pair)}
}

// without removes items from a list; the others stay as they are, byte for byte.
func without(list, separator string, removed func(string) bool) string {
	found := false
	for item := range strings.SplitSeq(list, separator) {
		found = found || removed(item)
	}
	if !found {
		return list
	}
	items := strings.Split(list, separator)
	return strings.Join(slices.DeleteFunc(items, removed), separator)
}

func appended(list, separator, item string) string {
	if list == "" {
		return item
	}
	return list + separator + item
}

// queryName is the decoded name of a query parameter; one that cannot be decoded stays as it is.
func queryName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if !strings.ContainsAny(name, "%+") {
		return name
	}
	if decoded, err := url.QueryUnescape(name); err == nil {
		return decoded
	}
	return name
}
