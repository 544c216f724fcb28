package gateway

import "slices"

// A field is one header field of an event; its name and value are in the scratch.
type field struct{ name, value span }

// readFields puts the header fields of the event into the scratch.
func (e *event) readFields(m *members) error {
	s := scanner{data: m.headers}
	many := e.request.format == payloadV1 && hasMembers(m.multiValueHeaders)
	if many {
		s.data = m.multiValueHeaders
	}
	if s.data != nil {
		if err := e.readHeaders(&s, many); err != nil {
			return err
		}
	}
	if e.request.format == payloadV2 && m.cookies != nil {
		return e.readCookies(m.cookies)
	}
	return nil
}

// hasMembers reports whether the JSON text is something else than an empty object.
func hasMembers(json []byte) bool {
	if json == nil {
		return false
	}
	s := scanner{data: json}
	s.enter('{')
	return s.peek() != '}'
}

// readHeaders reads an object of texts, or of lists of texts. A null is an empty
// text or list, as in encoding/json.
func (e *event) readHeaders(s *scanner, many bool) error {
	s.enter('{')
	for first := true; s.next('}', first); first = false {
		name, err := e.readName(s)
		if err == nil && many {
			err = e.readValues(s, name)
		} else if err == nil {
			err = e.readValue(s, name)
		}
		if err != nil {
			return err
		}
	}
	if s.broken {
		return refuseEvent()
	}
	return nil
}

func (e *event) readName(s *scanner) (span, error) {
	start := len(e.scratch)
	e.scratch = append(e.scratch, s.name()...)
	if s.broken {
		return span{}, refuseEvent()
	}
	if !canonicalise(e.scratch[start:]) {
		return span{}, &Refusal{
			Reason: ErrHeader,
			Detail: "The name of a header holds a character that HTTP does not allow there. Use letters, digits and hyphens only.",
		}
	}
	return span{start, len(e.scratch)}, nil
}

func (e *event) readValues(s *scanner, name span) error {
	if s.null() {
		return nil
	}
	s.enter('[')
	for first := true; s.next(']', first); first = false {
		if err := e.readValue(s, name); err != nil {
			return err
		}
	}
	return nil
}

func (e *event) readValue(s *scanner, name span) error {
	return e.addField(name, e.readText(s))
}

// readText puts a text, or an empty one for null, into the scratch.
func (e *event) readText(s *scanner) span {
	if s.null() {
		return e.text(text{})
	}
	return e.text(s.text())
}

// addField adds a field. White space around a value is not part of it, RFC 9110 section 5.5.
func (e *event) addField(name, value span) error {
	for value.start < value.end && isSpace(e.scratch[value.start]) {
		value.start++
	}
	for value.start < value.end && isSpace(e.scratch[value.end-1]) {
		value.end--
	}
	for _, c := range e.scratch[value.start:value.end] {
		if !isValueByte(c) {
			return &Refusal{
				Reason: ErrHeader,
				Detail: "The value of the header " + string(e.scratch[name.start:name.end]) + " holds a line break or another control character. Send it without.",
			}
		}
	}
	e.fields = append(e.fields, field{name, value})
	return nil
}

// readCookies makes one Cookie field of the list of cookies, RFC 6265 section 5.4.
// It replaces the copy that some doors leave among the headers.
func (e *event) readCookies(json []byte) error {
	s := scanner{data: json}
	name := e.text(text{raw: []byte("Cookie"), size: len("Cookie")})
	value := span{start: len(e.scratch)}
	s.enter('[')
	for first := true; s.next(']', first); first = false {
		if !first {
			e.scratch = append(e.scratch, "; "...)
		}
		e.readText(&s)
	}
	value.end = len(e.scratch)
	if s.broken {
		return refuseEvent()
	}
	if value.start == value.end {
		return nil
	}
	e.fields = slices.DeleteFunc(e.fields, e.isCookie)
	return e.addField(name, value)
}

func (e *event) isCookie(f field) bool {
	return string(e.scratch[f.name.start:f.name.end]) == "Cookie"
}

// fillHeader cuts the fields out of blob. Values that came under one name share a
// piece of e.values.
func (e *event) fillHeader(blob string) {
	for _, f := range e.fields {
		e.values = append(e.values, f.value.of(blob))
	}
	names := 0
	for i := 0; i < len(e.fields); names++ {
		end := e.sameName(i)
		e.header[e.fields[i].name.of(blob)] = e.values[i:end:end]
		i = end
	}
	if names > len(e.header) {
		e.gatherFields(blob)
	}
}

// sameName returns the end of the run of values that came under the name at i.
func (e *event) sameName(i int) int {
	end := i + 1
	for end < len(e.fields) && e.fields[end].name == e.fields[i].name {
		end++
	}
	return end
}

// gatherFields fills the header where one name came several times, for example in
// different cases.
func (e *event) gatherFields(blob string) {
	clear(e.header)
	for i, f := range e.fields {
		name := f.name.of(blob)
		e.header[name] = append(e.header[name], e.values[i])
	}
}
