package plan

import (
	"cmp"
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// A resolution finds the fields that are named in the record, and collects what
// is wrong with them, so that a refusal names every one.
type resolution struct {
	record          *record
	missing, nested []string
	// hint says what a missing field was to be written as; empty where nothing is known.
	hint string
	// broken is a field that holds half a surrogate pair, which, put into a
	// string, could pair up with its neighbour.
	broken string
	// long is a field whose value is longer than maxMoved.
	long string
	// renamed says that a field turned out to have another name than was written.
	renamed bool
	// unnamed is a field that is to become a header of its own name and cannot.
	unnamed string
}

// resolve finds each move's field and takes it from the record. What two entries of a
// header both turn out to name moves once.
func (s *resolution) resolve(moves []move) {
	for i := range moves {
		if s.find(&moves[i]) {
			s.record.take(moves[i].member)
		}
	}
	s.hint = cmp.Or(s.inQuotes(moves), s.hint)
	if !s.renamed && !slices.ContainsFunc(moves, func(m move) bool { return m.twice }) {
		return
	}
	type place struct {
		to     target
		name   string
		member int
	}
	seen := make(map[place]bool, len(moves))
	for i := range moves {
		m := &moves[i]
		at := place{m.to, m.name, m.member}
		if seen[at] {
			m.member = -1
		}
		seen[at] = true
	}
}

// find finds a move's field, and reports whether it leaves the record.
func (s *resolution) find(m *move) (leaves bool) {
	r := s.record
	m.member = s.index(m)
	switch {
	case m.member < 0 || m.declared && isNull(r.value(m.member)):
		if !m.optional {
			s.missing = append(s.missing, m.field)
			s.advise(m)
		}
		return m.member >= 0
	case len(r.value(m.member)) > maxMoved:
		s.long = m.field
	case !m.style.fits(r.value(m.member)):
		s.nested = append(s.nested, m.field)
	default:
		return true
	}
	return false
}

// index returns where a move's field is in the record, -1 where it is not. A member
// whose own name ends in "?" is meant before one that may be absent, and a name whose
// bytes were misread on the way is known by what they say.
func (s *resolution) index(m *move) int {
	r := s.record
	if m.declared {
		return r.find(m.field)
	}
	if m.optional {
		if index := r.find(m.field + "?"); index >= 0 {
			s.rename(m, m.field+"?")
			return index
		}
	}
	index := r.find(m.field)
	if index >= 0 {
		return index
	}
	if read, ok := fromMisread(m.field); ok {
		if index = r.find(read); index >= 0 {
			s.rename(m, read)
		}
	}
	return index
}

// rename gives a move the name that its field turns out to have, and what it becomes too.
func (s *resolution) rename(m *move, field string) {
	m.field, s.renamed = field, true
	if m.to == toQuery {
		m.name = field
	} else if m.to == toHeader && !m.renamed {
		s.unnamed = field
	}
}

// template finds the fields of a body template.
func (s *resolution) template(template *destination.BodyTemplate) {
	for _, part := range template.Parts {
		if part.Field == "" {
			continue
		}
		index := s.record.findOptional(part.Field, part.Optional)
		switch {
		case index < 0 && !part.Optional:
			s.missing = append(s.missing, part.Field)
			if s.advises() {
				s.hint = s.record.near(part.Field)
			}
		case index >= 0 && part.Text:
			s.inText(part.Field, s.record.value(index))
		}
	}
}

// inText makes sure that a value can stand inside a string.
func (s *resolution) inText(field string, value []byte) {
	if rawjson.IsContainer(value) {
		s.nested = append(s.nested, field)
	} else if _, ok := rawjson.ScalarText(nil, value); !ok {
		s.broken = field
	}
}

// refusal says what is wrong; nil when nothing is.
func (s *resolution) refusal() error {
	switch {
	case s.missing != nil:
		return errMissing(distinct(s.missing), s.hint)
	case s.nested != nil:
		return errNotScalar(distinct(s.nested))
	case s.unnamed != "":
		return errHeaderName(s.unnamed, s.unnamed, noHeaderName)
	case s.broken != "":
		return errHalfPair(s.broken)
	case s.long != "":
		return errTooMuchMoved(s.long)
	}
	return nil
}
