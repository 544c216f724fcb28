package plan

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// A record is a scanned JSON object: where its own members are, and which of
// them leave it.
type record struct {
	scanner
	members []member
	taken   int
	// session is the index of the member that holds the session token, which
	// nothing else finds; -1 for none.
	session int
}

// A member is a member's value and whether the member leaves the record.
type member struct {
	value span
	taken bool
}

// scan reads the text as one JSON object. The error is a *gateway.Refusal with the reason ErrRecord.
func (r *record) scan(text []byte) error {
	r.text = text
	if !utf8.Valid(text) {
		r.fail(badUTF8, 0)
		return r.refusal()
	}
	at := r.space(0)
	isObject := r.peek(at) == '{'
	if isObject {
		at = r.object(at)
	} else {
		at = r.value(at)
	}
	if at >= 0 && r.space(at) != len(text) {
		at = r.fail(badSyntax, r.space(at))
	}
	if at < 0 {
		return r.refusal()
	}
	if !isObject {
		return errNotObject()
	}
	return nil
}

// object scans the record itself and remembers its members.
func (r *record) object(at int) int {
	next, empty := r.open(at)
	if empty {
		r.frames = r.frames[:0]
		return next + 1
	}
	for next >= 0 {
		start := r.space(next)
		end := r.value(start)
		if end < 0 {
			return end
		}
		r.members = append(r.members, member{value: span{uint32(start), uint32(end)}})
		next = r.space(end)
		if r.peek(next) == '}' {
			return r.closeRecord(next)
		}
		if r.peek(next) != ',' {
			return r.fail(badSyntax, next)
		}
		next = r.name(r.space(next + 1))
	}
	return next
}

func (r *record) closeRecord(at int) int {
	if at = r.unique(0, at); at < 0 {
		return at
	}
	r.frames = r.frames[:0]
	return at + 1
}

// find returns the index of a field among the record's own members, -1 when it is not there.
func (r *record) find(field string) int {
	if len(r.members) == 0 {
		return -1
	}
	index := r.table.find(r.text, r.names, field)
	if index == r.session {
		return -1
	}
	return index
}

// take makes a member leave the record.
func (r *record) take(index int) {
	if !r.members[index].taken {
		r.members[index].taken = true
		r.taken++
	}
}

// fieldValue returns the value of a move's field, which is in the record.
func (r *record) fieldValue(m move) []byte { return r.members[m.member].value.of(r.text) }

// rest returns the record without the members that leave it, byte for byte. A
// member goes with the white space and the comma up to the next member; of the
// last ones, the comma before them goes. A record that loses all is "{}".
func (r *record) rest() []byte {
	last := len(r.members) - 1
	kept := last
	for kept >= 0 && r.members[kept].taken {
		kept--
	}
	if kept < 0 {
		return []byte("{}")
	}
	rest := make([]byte, 0, len(r.text))
	from := uint32(0)
	for i, m := range r.members[:kept] {
		if m.taken {
			rest = append(rest, r.text[from:r.names[i].start-1]...)
			from = r.names[i+1].start - 1
		}
	}
	if kept < last {
		rest = append(rest, r.text[from:r.members[kept].value.end]...)
		from = r.members[last].value.end
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

// takeSession takes the session token out of the record, before anything else
// can name its field.
func (b *builder) takeSession() error {
	session := b.Destination.Session
	if session == nil {
		return nil
	}
	r := &b.record
	index := r.find(session.Field)
	if index < 0 {
		return errNoSession(session.Field)
	}
	value := r.members[index].value.of(r.text)
	if value[0] != '"' {
		return errNoSession(session.Field)
	}
	token, ok := scalarText(nil, value)
	if !ok || len(token) == 0 {
		return errNoSession(session.Field)
	}
	r.take(index)
	r.session = index
	text := string(token)
	b.SessionToken = func() string { return text }
	return nil
}

func errNoSession(field string) error {
	return &gateway.Refusal{
		Reason: ErrSession,
		Detail: "The record holds no session token. Send a valid one as the text of the field " + quoted(field) + ".",
		Fields: []string{field},
	}
}

func errNotObject() error {
	return &gateway.Refusal{Reason: ErrRecord, Detail: "The record is no JSON object. Send one: fields can be taken from nothing else."}
}

// refusal says what makes the text no record.
func (r *record) refusal() error {
	refusal := &gateway.Refusal{Reason: ErrRecord}
	place := " (byte " + strconv.Itoa(r.at) + ")."
	switch r.flaw {
	case badUTF8:
		refusal.Detail = "The record is not UTF-8. Send it as UTF-8 (RFC 8259 section 8.1)."
	case tooDeep:
		refusal.Detail = "The record nests deeper than " + strconv.Itoa(maxDepth) + " levels. Send a flatter one" + place
	case tooManyNames:
		refusal.Reason = ErrRecordTooLarge
		refusal.Detail = "An object of the record has more than " + strconv.Itoa(maxNames) + " members, counting those of the objects around it. Send it in parts" + place
	case duplicateName:
		refusal.Detail = "A member name of the record occurs twice in one object. Send each name once" + place
		if len(r.frames) == 1 {
			refusal.Fields = []string{r.nameAt(r.at)}
		}
	default:
		refusal.Detail = "The record is not valid JSON (RFC 8259). Correct it" + place
		if bytes.HasPrefix(r.text, []byte("\xef\xbb\xbf")) {
			refusal.Detail = "The record begins with a byte order mark. Send it without one (RFC 8259 section 8.1)."
		}
	}
	return refusal
}

// nameAt returns the member name whose opening quote is at a position.
func (r *record) nameAt(at int) string {
	decoded, _ := appendDecoded(nil, r.text[at+1:r.string(at)-1])
	return string(decoded)
}
