package plan

import (
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// checkUnfilled refuses a URL that holds what other programs write for a field: it would be
// sent as it is, and the record reach another resource than is meant. Only what names a
// field of the record counts, since such texts may be meant as they are.
func (d *directives) checkUnfilled(body []byte) error {
	path, query := d.location.Path, d.location.RawQuery
	if !strings.ContainsAny(path, ":<[%") && strings.IndexByte(query, '%') < 0 {
		return nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		if name := meantInPath(segment); hasField(body, name) {
			return refuse(ErrPathExpressionFill, "The outbound URL has "+quoted(shorten(segment))+" in its path, which is sent as it is, and the record has a field of that name. Write {"+name+"} to fill it.", name)
		}
	}
	for _, value := range strings.FieldsFunc(query, func(c rune) bool { return c == '&' || c == '=' }) {
		if name := inEncodedBraces(value); hasField(body, name) {
			return errQueryExpression(name, false)
		}
	}
	return nil
}

// hasField reports whether a body is an object with a member of that name.
func hasField(body []byte, name string) bool {
	if name == "" {
		return false
	}
	_, found := rawjson.PointerTo(name).Find(body)
	return found
}

// meantInPath is the name in a segment of a path that is :name, <name> or [name], or a name in
// encoded braces; empty for any other.
func meantInPath(segment string) string {
	if name, found := strings.CutPrefix(segment, ":"); found {
		return name
	}
	for _, pair := range [...]string{"<>", "[]"} {
		if name := between(destination.Unescape(segment), pair[:1], pair[1:]); name != "" {
			return name
		}
	}
	return inEncodedBraces(segment)
}

// inEncodedBraces is inBraces of a part of a URL in which the braces are percent-encoded.
func inEncodedBraces(text string) string {
	if strings.ContainsAny(text, "{}") {
		return "" // an expression
	}
	return inBraces(destination.Unescape(text))
}

// inBraces is the name in braces, one or two on each side, that may have a dollar sign before
// them; empty for any other text.
func inBraces(text string) string {
	text = strings.TrimPrefix(text, "$")
	if name := between(text, "{{", "}}"); name != "" {
		return name
	}
	return between(text, "{", "}")
}

// between is what stands between two texts, without white space around it; empty if the text does not
// begin and end so.
func between(text, before, after string) string {
	text, begins := strings.CutPrefix(text, before)
	text, ends := strings.CutSuffix(text, after)
	if !begins || !ends {
		return ""
	}
	return strings.TrimSpace(text)
}
