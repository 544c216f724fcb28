package plan

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// checkBody refuses a body in which frameworks read another method than the operation's:
// they let a POST say so by a member of a form, and some by one of a JSON object. A body
// that the document's template makes is the operator's.
func (b *builder) checkBody() error {
	if b.Operation.Path == "" || b.Method != http.MethodPost || len(b.Body) == 0 || b.reshapes {
		return nil
	}
	// Servers read a broken type in their own ways, and some take a body without one for a form.
	contentType := strings.ToLower(strings.Join(b.Header["Content-Type"], ","))
	isForm, hasParts := trim(contentType) == "" || strings.Contains(contentType, "urlencoded"), strings.Contains(contentType, "multipart/")
	name := ""
	if isForm {
		name = overrideIn(string(b.Body), isMethodOverride)
	}
	if name == "" && hasParts {
		name = overrideInParts(b.Body)
	}
	if name == "" {
		name = overrideInObject(b.Body)
	}
	if name == "" {
		return nil
	}
	return refuse(ErrRecord, "The body has the member "+quoted(name)+", by which frameworks read another method than the request's. Take it out, and send the method that you mean.", name)
}

// overrideInParts looks at what names a part (RFC 7578 section 4.2), not at what the part
// holds. Servers differ in the boundary that they read and in how its line ends, so any
// two hyphens begin a part's fields, and the last of the blank lines that a server may
// see behind them ends them.
func overrideInParts(body []byte) string {
	unfold := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ")
	blank := []byte("\r\n\r\n")
	if !bytes.Contains(body, blank) {
		blank = []byte("\n\n")
	}
	for _, rest, found := bytes.Cut(body, []byte("--")); found; _, rest, found = bytes.Cut(rest, []byte("--")) {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		fields, _, _ := bytes.Cut(after, blank)
		end := min(len(line)+1+len(fields), len(rest))
		if name := overrideInFields(unfold.Replace(string(rest[:end]))); name != "" {
			return name
		}
		rest = rest[end:]
	}
	return ""
}

func overrideInFields(fields string) string {
	for line := range strings.FieldsFuncSeq(fields, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if field, value, _ := strings.Cut(line, ":"); strings.EqualFold(trim(field), "Content-Disposition") {
			if name := overrideInDisposition(value); name != "" {
				return name
			}
		}
	}
	return ""
}

// overrideInDisposition reads the name as RFC 2183 writes it, and also where servers that
// know no quotes, or no escapes in them, would find it.
func overrideInDisposition(value string) string {
	if _, parameters, _ := mime.ParseMediaType(value); isMethodOverride(parameters["name"]) {
		return parameters["name"]
	}
	for key, rest, found := strings.Cut(value, "="); found; {
		key = strings.ToLower(strings.TrimRight(key, " \t*0123456789"))
		isName := strings.HasSuffix(key, "name") && !strings.HasSuffix(key, "filename")
		key, rest, found = strings.Cut(rest, "=")
		if name := looseValue(key); isName && isMethodOverride(name) {
			return name
		}
	}
	return ""
}

// looseValue is what stands at the beginning of a text, without quotes and, as in
// utf-8”name, without its character set.
func looseValue(text string) string {
	text = strings.TrimLeft(text, "\"'\\ \t")
	if end := strings.IndexAny(text, "\";, \t"); end >= 0 {
		text = text[:end]
	}
	text = strings.TrimRight(text, "'")
	return destination.ParameterName(text[strings.LastIndexByte(text, '\'')+1:])
}

// overrideInObject looks for the name that is read from JSON: _method, as it is.
func overrideInObject(body []byte) string {
	const name = "_method"
	if !bytes.Contains(body, []byte(name+`"`)) && !bytes.Contains(body, []byte(`\u00`)) {
		return ""
	}
	cursor := rawjson.Cursor{AnyNames: true}
	cursor.Reset(body)
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		if string(cursor.Name()) == name {
			return name
		}
		cursor.Skip()
	}
	return ""
}
