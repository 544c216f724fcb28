package plan

import (
	"errors"
	"strconv"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// A resolution finds the fields that are named in the record, and collects what
// is wrong with them, so that a refusal names every one.
type resolution struct {
	record          *record
	missing, nested []string
	// unread says that there is a body, but none that is JSON.
	unread bool
	// broken is a field that holds half a surrogate pair, which, put into a
	// string, could pair up with its neighbour.
	broken string
	// long is a field whose value is longer than maxMoved.
	long string
}

// resolve finds each move's field and takes it from the record.
func (s *resolution) resolve(moves []move) {
	r := s.record
	for i, m := range moves {
		index := r.find(m.field)
		moves[i].member = index
		switch {
		case index < 0 || m.declared && isNull(r.valueOf(moves[i])):
			if !m.optional {
				s.missing = addField(s.missing, m.field)
			}
			if index >= 0 {
				r.take(index)
			}
		case len(r.valueOf(moves[i])) > maxMoved:
			s.long = m.field
		case !m.style.fits(r.valueOf(moves[i])):
			s.nested = addField(s.nested, m.field)
		default:
			r.take(index)
		}
	}
}

// template finds the fields of a body template.
func (s *resolution) template(template *destination.BodyTemplate) {
	for _, part := range template.Parts {
		if part.Field == "" {
			continue
		}
		index := s.record.find(part.Field)
		switch {
		case index < 0 && !part.Optional:
			s.missing = addField(s.missing, part.Field)
		case index >= 0 && part.Text:
			s.inText(part.Field, s.record.members[index].value.of(s.record.text))
		}
	}
}

// inText makes sure that a value can stand inside a string.
func (s *resolution) inText(field string, value []byte) {
	if isContainer(value) {
		s.nested = addField(s.nested, field)
	} else if _, whole := scalarText(nil, value); !whole {
		s.broken = field
	}
}

// refusal says what is wrong; nil when nothing is.
func (s *resolution) refusal() error {
	if s.missing != nil && s.unread {
		return notJSON(s.missing)
	}
	if s.missing != nil {
		return missingFields(s.missing)
	}
	if s.nested != nil {
		return notScalar(s.nested)
	}
	if s.broken != "" {
		return brokenText(s.broken)
	}
	if s.long != "" {
		return tooMuchMoved(s.long)
	}
	return nil
}

// ofRecord names a record of a batch in a refusal.
func ofRecord(err error, record int) error {
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	named := *refusal
	var detail strings.Builder
	detail.WriteString("Record ")
	detail.WriteString(strconv.Itoa(record))
	detail.WriteString(" of the batch, counted from 0: ")
	detail.WriteString(refusal.Detail)
	named.Detail = detail.String()
	return &named
}
