package plan

import (
	"cmp"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// A resolution finds the fields that are named in the record, and collects what
// is wrong with them, so that a refusal names every one.
type resolution struct {
	record          *record
	missing, nested []string
	// hint says what a missing field was to be written as; empty where nothing is known.
	hint string
	// broken is a field that holds half a surrogate pair, which, put into a
	// string, could pair up with its neighbour.
	broken string
	// long is a field whose value is longer than maxMoved.
	long string
	// renamed says that a field turned out to have another name than was written.
	renamed bool
	// unnamed is a field that is to become a header of its own name and cannot.
	unnamed string
}

// resolve finds each move's field and takes it from the record. What two entries of a
// header both turn out to name moves once.
func (s *resolution) resolve(moves []move) {
	for i := range moves {
		if s.find(&moves[i]) {
			s.record.take(moves[i].member)
		}
	}
	s.hint = cmp.Or(s.inQuotes(moves), s.hint)
	if !s.renamed && !slices.ContainsFunc(moves, func(m move) bool { return m.twice }) {
		return
	}
	type place struct {
		to     target
		name   string
		member int
	}
	seen := make(map[place]bool, len(moves))
	for i := range moves {
		m := &moves[i]
		at := place{m.to, m.name, m.member}
		if seen[at] {
			m.member = -1
		}
		seen[at] = true
	}
}

// find finds a move's field, and reports whether it leaves the record.
func (s *resolution) find(m *move) (leaves bool) {
	r := s.record
	m.member = s.index(m)
	switch {
	case m.member < 0 || m.declared && isNull(r.value(m.member)):
		if !m.optional {
			s.missing = append(s.missing, m.field)
			s.advise(m)
		}
		return m.member >= 0
	case len(r.value(m.member)) > maxMoved:
		s.long = m.field
	case !m.style.fits(r.value(m.member)):
		s.nested = append(s.nested, m.field)
	default:
		return true
	}
	return false
}

// index returns where a move's field is in the record, -1 where it is not. A member
// whose own name ends in "?" is meant before one that may be absent, and a name whose
// bytes were misread on the way is known by what they say.
func (s *resolution) index(m *move) int {
	r := s.record
	if m.declared {
		return r.find(m.field)
	}
	if m.optional {
		if index := r.find(m.field + "?"); index >= 0 {
			s.rename(m, m.field+"?")
			return index
		}
	}
	index := r.find(m.field)
	if index >= 0 {
		return index
	}
	if read, ok := fromMisread(m.field); ok {
		if index = r.find(read); index >= 0 {
			s.rename(m, read)
		}
	}
	return index
}

// rename gives a move the name that its field turns out to have, and what it becomes too.
func (s *resolution) rename(m *move, field string) {
	m.field, s.renamed = field, true
	if m.to == toQuery {
		m.name = field
	} else if m.to == toHeader && !m.renamed {
		s.unnamed = field
	}
}

// template finds the fields of a body template.
func (s *resolution) template(template *destination.BodyTemplate) {
	for _, part := range template.Parts {
		if part.Field == "" {
			continue
		}
		index := s.record.findOptional(part.Field, part.Optional)
		switch {
		case index < 0 && !part.Optional:
			s.missing = append(s.missing, part.Field)
			if s.advises() {
				s.hint = s.record.near(part.Field)
			}
		case index >= 0 && part.Text:
			s.inText(part.Field, s.record.value(index))
		}
	}
}

// inText makes sure that a value can stand inside a string.
func (s *resolution) inText(field string, value []byte) {
	if rawjson.IsContainer(value) {
		s.nested = append(s.nested, field)
	} else if _, ok := rawjson.ScalarText(nil, value); !ok {
		s.broken = field
	}
}

// refusal says what is wrong; nil when nothing is.
func (s *resolution) refusal() error {
	switch {
	case s.missing != nil:
		return errMissing(distinct(s.missing), s.hint)
	case s.nested != nil:
		return errNotScalar(distinct(s.nested))
	case s.unnamed != "":
		return errHeaderName(s.unnamed, s.unnamed, noHeaderName)
	case s.broken != "":
		return errHalfPair(s.broken)
	case s.long != "":
		return errTooMuchMoved(s.long)
	}
	return nil
}

// pathMoves adds the fields that the path's {field} expressions name (RFC 6570 level 1).
func pathMoves(moves []move, path string) ([]move, error) {
	for {
		literal, rest, found := strings.Cut(path, "{")
		if strings.IndexByte(literal, '}') >= 0 {
			return nil, errExpression(literal)
		}
		if !found {
			return moves, nil
		}
		expression, after, closed := strings.Cut(rest, "}")
		field, ok := variableName(expression)
		switch {
		case !closed || !ok:
			return nil, errExpression("{" + path[len(literal)+1:len(path)-len(after)])
		case strings.HasSuffix(literal, "$"):
			return nil, refuse(ErrPathExpressionFill, "A path expression of "+urlHeader+" has a dollar sign before it, as templates of other programs have. Write {"+field+"} alone, or %24 for a dollar sign.", field)
		}
		var err error
		if moves, err = addMove(moves, move{to: toPath, field: field, name: field}); err != nil {
			return nil, err
		}
		path = after
	}
}

// variableName reads the name inside an expression: a varname of RFC 6570 section
// 2.3, in which "-" may stand too, as it does in the path templates of OpenAPI documents.
func variableName(expression string) (string, bool) {
	for part := range strings.SplitSeq(expression, ".") {
		for i := range len(part) {
			if c := part[i]; !isUnreserved(c) && c != '%' || c == '~' {
				return "", false
			}
		}
		if part == "" {
			return "", false
		}
	}
	field, err := url.PathUnescape(expression)
	return field, err == nil
}

// queryExpression finds a {field} expression in a query. What else stands in braces
// there, and placeholders, are none.
func queryExpression(query string) (field string, found bool) {
	for {
		_, rest, opened := strings.Cut(query, "{")
		if !opened {
			return "", false
		}
		if strings.HasPrefix(rest, "{{") {
			_, query, _ = strings.Cut(rest, "}}}")
			continue
		}
		expression, _, closed := strings.Cut(rest, "}")
		if field, ok := variableName(expression); ok && closed {
			return field, true
		}
		query = rest
	}
}

func errExpression(found string) error {
	return refuse(ErrPathExpressionFill, "The path expression "+quoted(shorten(found))+" of "+urlHeader+" is malformed. Write {field}, with letters, digits, \"_\", \"-\" and \".\", and percent-encode any other character (RFC 6570 level 1).")
}

// fillPath replaces the path's expressions by values of the record. Values are
// never read as a path: "/" becomes %2F, and what could lead to another path is refused.
func fillPath(r *record, moves []move, path string) (string, error) {
	filled := make([]byte, 0, len(path)+64)
	var fields []string
	for {
		literal, rest, found := strings.Cut(path, "{")
		filled = append(filled, literal...)
		if !found {
			if destination.Climbs(string(filled)) {
				return "", errUnfillable(distinct(fields)...)
			}
			return string(filled), nil
		}
		expression, after, _ := strings.Cut(rest, "}")
		field, _ := variableName(expression)
		start, ok := len(filled), false
		fill := moves[slices.IndexFunc(moves, func(m move) bool { return m.to == toPath && m.field == field })]
		if filled, _, ok = fill.style.append(filled, field, r.value(fill.member)); !ok {
			return "", errHalfPair(field)
		}
		if len(filled) > maxFilledURL {
			return "", errTooMuchMoved(field)
		}
		if len(filled) == start {
			return "", refuse(ErrPathExpressionFill, "The field "+quoted(field)+" is to stand in the outbound URL's path, and is empty or null. Send a value.", field)
		}
		fields = append(fields, field)
		path = after
	}
}

func errUnfillable(fields ...string) error {
	return refuse(ErrPathExpressionFill, "The value of a field cannot stand in the outbound URL's path: it is or holds a segment \".\" or \"..\" or a control character, encoded or not. Send another value: "+quoted(fields...)+".", fields...)
}

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
			"in the query of "+urlHeader+" or as a header field, as the operation declares them. Missing: "+quoted(fields...)+".", fields...)
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

// pathStyle returns how an expression of the path is written: as a path parameter of
// that name says, if the operation has one.
func pathStyle(operation *destination.Operation, name string) style {
	if operation != nil {
		for i := range operation.Parameters {
			if parameter := &operation.Parameters[i]; parameter.In == "path" && parameter.Name == name {
				return declaredStyle(parameter)
			}
		}
	}
	return style{form: simple, joined: true, delimiter: ","}
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
