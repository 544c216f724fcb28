package plan

import (
	"slices"

	"keyrelay/function/destination"
)

// reshape fills a body template: a whole value goes in byte for byte, a value
// inside a string becomes part of its text. nil means that nothing was written:
// the whole template is a field that the record lacks.
func (r *record) reshape(template *destination.BodyTemplate) []byte {
	body := make([]byte, 0, len(template.JSON)+len(r.text))
	for i := range template.Parts {
		part := &template.Parts[i]
		var value []byte
		if part.Field != "" {
			if index := r.find(part.Field); index >= 0 {
				value = r.members[index].value.of(r.text)
			}
		}
		if value == nil && part.Optional && !part.Text {
			continue
		}
		if last := len(body) - 1; part.Separate && body[last] != '{' && body[last] != '[' {
			body = append(body, ',')
		}
		body = append(body, part.Literal...)
		if part.Text {
			value = insideString(value)
		}
		body = append(body, value...)
	}
	if len(body) == 0 {
		return nil
	}
	return body
}

// insideString returns what a scalar adds to a JSON string: a string's own bytes,
// escaped as they are; nothing for null and for an absent field.
func insideString(scalar []byte) []byte {
	switch {
	case scalar == nil || isNull(scalar):
		return nil
	case scalar[0] == '"':
		return scalar[1 : len(scalar)-1]
	}
	return scalar
}

// dropped lists the record's fields that neither leave it nor stand in the template.
func (r *record) dropped(template *destination.BodyTemplate) []string {
	var dropped []string
	for i, m := range r.members {
		used := func(part destination.BodyPart) bool { return part.Field != "" && r.names[i].is(r.text, part.Field) }
		if !m.taken && !slices.ContainsFunc(template.Parts, used) {
			decoded, _ := appendDecoded(nil, r.names[i].of(r.text))
			dropped = append(dropped, string(decoded))
		}
	}
	return dropped
}
