package plan

import (
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// A record is the caller's JSON object, and which of its own members leave it.
type record struct {
	object rawjson.Object
	// text is nil where the body was not read as a record.
	text []byte
	// taken says of each member whether it leaves the record, and left counts those that do.
	taken []bool
	left  int
	// session is the index of the member that holds the session token, which
	// nothing else finds; -1 for none.
	session    int
	takenStore [32]bool
}

// read reads the text as one JSON object. The error is a *gateway.Refusal with the
// reason ErrRecord or ErrRecordTooLarge.
func (r *record) read(text []byte) error {
	r.text = text
	if err := r.object.Read(text); err != nil {
		return errRecord(text, err)
	}
	if count := r.object.Len(); count <= len(r.takenStore) {
		r.taken = r.takenStore[:count]
	} else {
		r.taken = make([]bool, count)
	}
	return nil
}

// find returns the index of a field among the record's own members, -1 when it is not there.
func (r *record) find(field string) int {
	index := r.object.Find(field)
	if index == r.session {
		return -1
	}
	return index
}

// findOptional finds a field that may be absent, where optional says so: a member
// whose own name ends in "?" is meant first.
func (r *record) findOptional(field string, optional bool) int {
	if optional {
		if index := r.find(field + "?"); index >= 0 {
			return index
		}
	}
	return r.find(field)
}

// value returns a member's value as the record writes it.
func (r *record) value(index int) []byte { return r.object.Value(index).Of(r.text) }

// take makes a member leave the record.
func (r *record) take(index int) {
	if !r.taken[index] {
		r.taken[index] = true
		r.left++
	}
}

// isEmpty reports whether all members have left, or there never was one.
func (r *record) isEmpty() bool { return r.left == len(r.taken) }

// rest returns the record without the members that leave it, byte for byte. A
// member goes with the white space and the comma up to the next member; of the
// last ones, the comma before them goes. A record that loses all is "{}".
func (r *record) rest() []byte {
	last := len(r.taken) - 1
	kept := last
	for kept >= 0 && r.taken[kept] {
		kept--
	}
	if kept < 0 {
		return []byte("{}")
	}
	rest := make([]byte, 0, len(r.text))
	from := uint32(0)
	for i, taken := range r.taken[:kept] {
		if taken {
			rest = append(rest, r.text[from:r.object.Member(i).Start]...)
			from = r.object.Member(i + 1).Start
		}
	}
	if kept < last {
		rest = append(rest, r.text[from:r.object.Member(kept).End]...)
		from = r.object.Member(last).End
	}
	return append(rest, r.text[from:]...)
}

// reshape fills a body template: a whole value goes in byte for byte, a value
// inside a string becomes part of its text. nil means that nothing was written:
// the whole template is a field that the record lacks.
func (r *record) reshape(template *destination.BodyTemplate) []byte {
	body := make([]byte, 0, len(template.JSON)+len(r.text))
	for i := range template.Parts {
		part := &template.Parts[i]
		var value []byte
		if part.Field != "" {
			if index := r.findOptional(part.Field, part.Optional); index >= 0 {
				value = r.value(index)
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
	for i, taken := range r.taken {
		uses := func(part destination.BodyPart) bool {
			return part.Field != "" && r.findOptional(part.Field, part.Optional) == i
		}
		if !taken && !slices.ContainsFunc(template.Parts, uses) {
			dropped = append(dropped, r.object.Name(i))
		}
	}
	return dropped
}

// takeChosen takes the fields that choose whose credential is attached, those of every
// alternative: which of them is taken depends on the secrets.
func (b *builder) takeChosen() error {
	for _, field := range b.Operation.SecretFields {
		if err := b.choose(field); err != nil {
			return err
		}
	}
	return nil
}

// choose takes a field that chooses a member of a scheme's secret.
func (b *builder) choose(field destination.SecretField) error {
	if b.Chosen[field.Name] != "" {
		return nil
	}
	index := b.record.find(field.Name)
	switch {
	case index < 0 && field.Required:
		return errMissing([]string{field.Name}, b.record.near(field.Name))
	case index < 0:
		return nil
	}
	text, ok := rawjson.Plain(b.record.value(index))
	if !ok || text == "" {
		return errNotScalar([]string{field.Name})
	}
	if b.Chosen == nil {
		b.Chosen = map[string]string{}
	}
	b.Chosen[field.Name] = text
	b.record.take(index)
	return nil
}

// takeSession takes the session token out of the record, before anything else
// can name its field.
func (r *record) takeSession(session *destination.Session) (token func() string, err error) {
	index := r.find(session.Field)
	if index < 0 || r.value(index)[0] != '"' {
		return nil, errNoSession(session.Field)
	}
	decoded, ok := rawjson.ScalarText(nil, r.value(index))
	if !ok || len(decoded) == 0 {
		return nil, errNoSession(session.Field)
	}
	r.take(index)
	r.session = index
	text := string(decoded)
	return func() string { return text }, nil
}

func errNoSession(field string) error {
	return refuse(ErrSession, "The record holds no session token. Send a valid one as the text of the field "+gateway.Quoted(field)+".", field)
}
