package plan

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
)

// places reports whether an operation places fields of the record by itself.
// Those in the path are filled where the outbound URL holds an expression.
func places(operation *destination.Operation) bool {
	return slices.ContainsFunc(operation.Parameters, func(p destination.Parameter) bool { return p.In != "path" })
}

// declaredMoves adds the fields that the operation's parameters place, after the
// caller's own, which win: a parameter that the caller has given already, by a
// directive, in the URL's query or as a header field, is not looked for in the record.
func (d *draft) declaredMoves(moves []move, operation *destination.Operation) []move {
	own := len(moves)
	for i := range operation.Parameters {
		parameter := &operation.Parameters[i]
		added, ok := d.declaredMove(parameter)
		if !ok || isCredential(operation, parameter) || hasMove(moves[:own], added) {
			continue
		}
		moves = append(moves, added)
	}
	return moves
}

// declaredMove makes the move of one parameter; ok is false where there is none to make.
func (d *draft) declaredMove(parameter *destination.Parameter) (added move, ok bool) {
	added = move{field: parameter.Name, name: parameter.Name, optional: !parameter.Required, declared: true}
	switch parameter.In {
	case "query":
		added.to, added.style = toQuery, styleOf(parameter)
		return added, !inQuery(d.location.RawQuery, parameter.Name)
	case "header":
		added.to, added.name = toHeader, textproto.CanonicalMIMEHeaderKey(parameter.Name)
		_, sent := d.request.Header[added.name]
		return added, !sent && forwarded(added.name) && !nominated(d.request.Header, added.name)
	case "cookie":
		added.to = toCookie
		return added, !inCookie(d.request.Header, parameter.Name)
	}
	return added, false
}

// hasMove reports whether the caller's own directives fill a parameter.
func hasMove(moves []move, declared move) bool {
	return slices.ContainsFunc(moves, func(m move) bool { return m.to == declared.to && m.name == declared.name })
}

// isCredential reports whether a parameter is what one of the operation's security
// schemes fills: some documents describe it twice.
func isCredential(operation *destination.Operation, parameter *destination.Parameter) bool {
	return slices.ContainsFunc(operation.Security, func(r destination.Requirement) bool {
		return r.Scheme.In == parameter.In && (r.Scheme.Field == parameter.Name || parameter.In == "header" && strings.EqualFold(r.Scheme.Field, parameter.Name))
	})
}

// inQuery reports whether the caller's own query holds a parameter.
func inQuery(query, name string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if key == name {
			return true
		}
		if strings.ContainsAny(key, "%+") {
			if decoded, err := url.QueryUnescape(key); err == nil && decoded == name {
				return true
			}
		}
	}
	return false
}

// inCookie reports whether the caller's own Cookie, if it is forwarded, holds a cookie.
func inCookie(header http.Header, name string) bool {
	lines := header["Cookie"]
	if !holdsPlaceholder(lines) {
		return false
	}
	for pair := range strings.SplitSeq(lines[0], ";") {
		if key, _, _ := strings.Cut(pair, "="); trim(key) == name {
			return true
		}
	}
	return false
}
