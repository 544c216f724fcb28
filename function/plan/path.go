package plan

import (
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

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
	return refuse(ErrPathExpressionFill, "The path expression "+gateway.Quoted(shorten(found))+" of "+urlHeader+" is malformed. Write {field}, with letters, digits, \"_\", \"-\" and \".\", and percent-encode any other character (RFC 6570 level 1).")
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
			return "", refuse(ErrPathExpressionFill, "The field "+gateway.Quoted(field)+" is to stand in the outbound URL's path, and is empty or null. Send a value.", field)
		}
		fields = append(fields, field)
		path = after
	}
}

func errUnfillable(fields ...string) error {
	return refuse(ErrPathExpressionFill, "The value of a field cannot stand in the outbound URL's path: it is or holds a segment \".\" or \"..\" or a control character, encoded or not. Send another value: "+gateway.Quoted(fields...)+".", fields...)
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
