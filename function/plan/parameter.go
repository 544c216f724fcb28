package plan

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// places reports whether an operation places fields of the record by itself.
// Those in the path are filled where the outbound URL holds an expression.
func places(operation *destination.Operation) bool {
	return slices.ContainsFunc(operation.Parameters, func(p destination.Parameter) bool { return p.In != "path" })
}

// declaredMoves adds the fields that the operation's parameters place, after the
// caller's own, which win: a parameter that the caller has given already, by a
// directive, in the URL's query or as a header field, is not looked for in the record.
func (d *directives) declaredMoves(moves []move, operation *destination.Operation) []move {
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

// withoutRecord leaves out the moves of declared parameters, after the caller's own, where
// the body is no record: one that the operation takes as it is has no fields for them. A
// parameter that is required, and any other body, is refused.
func (d *directives) withoutRecord(moves []move, own int, operation *destination.Operation) ([]move, error) {
	offered := d.isOffered(operation)
	if offered {
		moves = append(moves[:own], slices.DeleteFunc(moves[own:], func(m move) bool { return m.optional })...)
	}
	switch {
	case len(moves) == own:
		return moves, nil
	case offered:
		fields := fieldNames(moves[own:])
		return nil, refuse(ErrFieldMissing, "The operation takes this body as it is, so no field is taken from it, and requires parameters: give them yourself, "+
			"in the query of "+urlHeader+" or as a header field, as the operation declares them. Missing: "+gateway.Quoted(fields...)+".", fields...)
	}
	return nil, d.errNotJSON(fieldNames(moves[own:]))
}

// declaredMove makes the move of one parameter; ok is false where there is none to make.
func (d *directives) declaredMove(parameter *destination.Parameter) (added move, ok bool) {
	added = move{field: parameter.Name, name: parameter.Name, optional: !parameter.Required, declared: true, style: declaredStyle(parameter)}
	switch parameter.In {
	case "query":
		added.to = toQuery
		return added, !inQuery(d.location.RawQuery, parameter.Name)
	case "header":
		added.to, added.name = toHeader, textproto.CanonicalMIMEHeaderKey(parameter.Name)
		_, sent := d.request.Header[added.name]
		return added, !sent && gateway.Forwards(added.name) && !nominated(d.request.Header, added.name)
	case "cookie":
		added.to = toCookie
		return added, !inCookie(d.request.Header, parameter.Name)
	}
	return added, false
}

// hasMove reports whether the caller's own directives fill a parameter, or take the
// field that would fill it to a query or a header.
func hasMove(moves []move, declared move) bool {
	return slices.ContainsFunc(moves, func(m move) bool {
		return m.to == declared.to && m.name == declared.name || m.to != toPath && m.field == declared.field
	})
}

// isCredential reports whether a parameter is what one of the operation's security
// schemes fills: some documents describe it twice.
func isCredential(operation *destination.Operation, parameter *destination.Parameter) bool {
	return operation.Requires(func(s *destination.SecurityScheme) bool {
		return s.In == parameter.In && (s.Field == parameter.Name || parameter.In == "header" && strings.EqualFold(s.Field, parameter.Name))
	})
}

// inQuery reports whether the caller's own query holds a parameter.
func inQuery(query, name string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if key, _, _ := strings.Cut(pair, "="); decodeQuery(key) == name {
			return true
		}
	}
	return false
}

// decodeQuery undoes the escapes of a query parameter's name.
func decodeQuery(name string) string {
	return destination.Unescape(strings.ReplaceAll(name, "+", " "))
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
