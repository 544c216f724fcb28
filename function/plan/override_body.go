package plan

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"keyrelay/function/rawjson"
)

// checkBody refuses a body in which frameworks read another method than the operation's:
// they let a POST say so by a member of a form, and some by one of a JSON object. A body
// that the document's template makes is the operator's.
func (b *builder) checkBody() error {
	if b.Operation.Path == "" || b.Method != http.MethodPost || len(b.Body) == 0 || b.reshapes {
		return nil
	}
	contentType := ""
	if sent := b.Header["Content-Type"]; len(sent) > 0 {
		contentType, _, _ = strings.Cut(sent[0], ";")
	}
	name := ""
	switch contentType = trim(contentType); {
	case strings.EqualFold(contentType, formType):
		name = overrideIn(string(b.Body), isMethodOverride)
	case strings.EqualFold(contentType, "multipart/form-data"):
		name = overrideInParts(b.Body)
	default:
		name = overrideInObject(b.Body)
	}
	if name == "" {
		return nil
	}
	return refuse(ErrRecord, "The body has the member "+quoted(name)+", by which frameworks read another method than the request's. Take it out, and send the method that you mean.", name)
}

// overrideInParts looks at whatever line names a part (RFC 7578 section 4.2), wherever
// servers find the parts to begin.
func overrideInParts(body []byte) string {
	text := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(string(body))
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		field, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(trim(field), "Content-Disposition") {
			continue
		}
		_, parameters, err := mime.ParseMediaType(value)
		if name := parameters["name"]; isMethodOverride(name) {
			return name
		} else if err != nil && strings.Contains(strings.ToLower(value), "method") {
			return "_method"
		}
	}
	return ""
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
