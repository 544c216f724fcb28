package plan

import (
	"net/url"
)

// An outbound is a plan with what it points to, so that both are one allocation.
type outbound struct {
	Plan
	url    url.URL
	values [16]string
}

// fill builds the URL and the header fields.
func (o *outbound) fill(d *draft, r *record, moves []move) error {
	path := d.location.Path
	if d.operation == nil {
		var err error
		if path, err = fillPath(r, path); err != nil {
			return err
		}
		if o.Operation, err = d.location.Operation(d.request.Method, path); err != nil {
			return err
		}
	}
	var store [1024]byte
	var spans [16]headerText
	b := textBuilder{text: store[:0]}
	if err := b.allQuery(d, r, moves); err != nil {
		return err
	}
	query := len(b.text)
	headers, err := b.allHeaders(r, moves, spans[:0])
	if err != nil {
		return err
	}
	text := string(b.text)
	if query == 0 {
		d.location.Fill(&o.url, path, d.location.RawQuery)
	} else {
		d.location.Fill(&o.url, path, text[:query])
	}
	return o.setHeader(d, headers, text)
}

// A headerText is where in a builder's text the value of a header field is.
type headerText struct {
	name       string
	start, end int
}

// allQuery writes the whole query where something is added to the caller's own.
func (b *textBuilder) allQuery(d *draft, r *record, moves []move) error {
	own := len(d.location.RawQuery)
	b.text = append(b.text, d.location.RawQuery...)
	for _, m := range moves {
		if m.to != toQuery || m.member < 0 {
			continue
		}
		b.query(m.field, r.members[m.member].value.of(r.text))
		if b.broken {
			return brokenText(m.field)
		}
	}
	if len(b.text) == own {
		b.text = b.text[:0]
	}
	return nil
}

// allHeaders writes the values of the fields that become headers.
func (b *textBuilder) allHeaders(r *record, moves []move, headers []headerText) ([]headerText, error) {
	for _, m := range moves {
		if m.to != toHeader || m.member < 0 {
			continue
		}
		start := len(b.text)
		if !b.header(r.members[m.member].value.of(r.text)) {
			continue
		}
		if b.broken {
			return nil, brokenText(m.field)
		}
		if !isFieldValue(b.text[start:]) {
			return nil, badHeaderValue(m.field, m.name)
		}
		headers = append(headers, headerText{m.name, start, len(b.text)})
	}
	return headers, nil
}
