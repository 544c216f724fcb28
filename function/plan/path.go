package plan

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/gateway"
)

// pathMoves adds the fields that the path's {field} expressions name (RFC 6570 level 1).
func pathMoves(moves []move, path string) ([]move, error) {
	for {
		literal, rest, found := strings.Cut(path, "{")
		if strings.IndexByte(literal, '}') >= 0 {
			return nil, badExpression()
		}
		if !found {
			return moves, nil
		}
		expression, after, closed := strings.Cut(rest, "}")
		field, ok := variableName(expression)
		if !closed || !ok {
			return nil, badExpression()
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

func badExpression() error {
	return &gateway.Refusal{
		Reason: ErrPathExpressionFill,
		Detail: "A path expression of " + urlHeader + " is malformed. Write {field}, with letters, digits, \"_\", \"-\" and \".\" (RFC 6570 level 1).",
	}
}

// fillPath replaces the path's expressions by values of the record. Values are
// never read as a path: "/" becomes %2F, and dot segments are refused.
func fillPath(r *record, moves []move, path string) (string, error) {
	filled := make([]byte, 0, len(path)+64)
	for {
		literal, rest, found := strings.Cut(path, "{")
		filled = append(filled, literal...)
		if !found {
			return string(filled), nil
		}
		expression, after, _ := strings.Cut(rest, "}")
		field, _ := variableName(expression)
		start, whole := len(filled), false
		if filled, whole = appendPath(filled, r.valueOf(pathMove(moves, field))); !whole {
			return "", brokenText(field)
		}
		if len(filled) > mostURL {
			return "", tooMuchMoved(field)
		}
		if len(filled) == start || hasDotSegment(filled[start:]) {
			return "", unfillable(field)
		}
		path = after
	}
}

// hasDotSegment reports whether an encoded value is, or holds between slashes, a
// step in the path. Servers that undo %2F too early would take it.
func hasDotSegment(value []byte) bool {
	for segment := range bytes.SplitSeq(bytes.ReplaceAll(value, []byte("%5C"), []byte("%2F")), []byte("%2F")) {
		if string(segment) == "." || string(segment) == ".." {
			return true
		}
	}
	return false
}

// pathMove finds a field among the moves, which begin with those of the path.
func pathMove(moves []move, field string) move {
	index := slices.IndexFunc(moves, func(m move) bool { return m.to == toPath && m.field == field })
	return moves[index]
}

func unfillable(field string) error {
	return &gateway.Refusal{
		Reason: ErrPathExpressionFill,
		Detail: "The value of a field cannot stand in the outbound URL's path: it is empty, or it is or holds a segment \".\" or \"..\". Send another value: " + quoted(field) + ".",
		Fields: []string{field},
	}
}
