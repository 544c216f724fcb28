package plan

import (
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// checkUnfilled refuses a URL that holds what other programs write for a field: it would be
// sent as it is, and the record reach another resource than is meant. Only what names a
// field of the record counts, since such texts may be meant as they are.
func (b *builder) checkUnfilled(d *directives, body []byte) error {
	path, query := d.location.Path, d.location.RawQuery
	if !strings.ContainsAny(path, ":<[%") && strings.IndexByte(query, '%') < 0 {
		return nil
	}
	var names, segments []string
	for segment := range strings.SplitSeq(path, "/") {
		if name := meantInPath(segment); name != "" {
			names, segments = append(names, name), append(segments, segment)
		}
	}
	for value := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == '=' }) {
		if name := inEncodedBraces(value); name != "" {
			names = append(names, name)
		}
	}
	at := b.firstField(body, names)
	switch {
	case at < 0:
		return nil
	case at >= len(segments):
		return errQueryExpression(names[at], false)
	}
	return refuse(ErrPathExpressionFill, "The outbound URL has "+gateway.Quoted(shorten(segments[at]))+" in its path, which is sent as it is, and the record has a field of that name. Write {"+names[at]+"} to fill it.", names[at])
}

// firstField returns the index of the first name that a field of the record has, -1 for none.
// A body that was not read as a record is walked once, however many names there are.
func (b *builder) firstField(body []byte, names []string) int {
	if len(names) == 0 {
		return -1
	}
	if b.record.text != nil {
		return slices.IndexFunc(names, func(name string) bool { return b.record.find(name) >= 0 })
	}
	isField := make(map[string]bool, len(names))
	for _, name := range names {
		isField[name] = false
	}
	cursor := rawjson.Cursor{AnyNames: true}
	cursor.Reset(body)
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		if _, asked := isField[string(cursor.Name())]; asked {
			isField[string(cursor.Name())] = true
		}
		cursor.Skip()
	}
	if cursor.End() != nil {
		return -1
	}
	return slices.IndexFunc(names, func(name string) bool { return isField[name] })
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
