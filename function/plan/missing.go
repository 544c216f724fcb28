package plan

import (
	"cmp"
	"slices"
	"strings"

	"keyrelay/function/destination"
)

// What is compared with a name that the record lacks is bounded: its members are the caller's.
const (
	maxCompared      = 128
	maxComparedBytes = 32
)

// advise says of the first missing field what the caller may have meant by its name: a list
// with another separator than the comma, a renaming where there is none, or a member
// that is almost called so.
func (s *resolution) advise(m *move) {
	switch {
	case s.hint != "":
		return
	case !m.declared && s.isList(m.field):
		s.hint = " Separate names by commas."
	case m.to == toQuery && !m.declared && strings.Contains(m.field, "="):
		s.hint = " A field becomes a query parameter of its own name: renaming, field=Header-Name, works in " + headerFieldsHeader + " only."
	default:
		s.hint = cmp.Or(s.asPair(m), s.record.resembling(m.field))
	}
}

// asPair is how a field is written that becomes a header of another name: a pair that was
// written the other way round, or a header's name alone, the operation's parameter included.
func (s *resolution) asPair(m *move) string {
	if m.to != toHeader {
		return ""
	}
	header, written := m.name, m.name
	if m.renamed {
		header = m.field
	} else {
		written, _ = strings.CutPrefix(strings.ToLower(written), "x-")
	}
	if name := s.record.called(written); name != "" && name != m.field {
		return " Write " + name + "=" + header + " in " + headerFieldsHeader + ": first the field, then its header."
	}
	return ""
}

// called is the member of the record with a name, whatever its letter case, hyphens and
// underscores; empty for none.
func (r *record) called(written string) string {
	if r.text == nil || written == "" {
		return ""
	}
	var names []string
	for i := range min(r.object.Len(), maxCompared) {
		if i != r.session {
			names = append(names, r.object.Name(i))
		}
	}
	if name, edits := destination.Nearest(written, names...); edits == 0 {
		return name
	}
	return ""
}

// isList reports whether a name is several names of the record with something else than
// commas between them. Names hardly ever contain a semicolon.
func (s *resolution) isList(field string) bool {
	names := strings.FieldsFunc(field, func(c rune) bool { return strings.ContainsRune(";|& \t", c) })
	return strings.Contains(field, ";") || len(names) > 1 && slices.ContainsFunc(names, func(name string) bool { return s.record.find(name) >= 0 })
}

// resembling names the member of the record that is nearest to a name which it lacks: one
// with other capitals, or with an edit for every three letters, two at most. It is empty for none.
func (r *record) resembling(field string) string {
	if r.text == nil || len(field) > maxComparedBytes {
		return ""
	}
	var names []string
	for i := range min(r.object.Len(), maxCompared) {
		if i == r.session || r.taken[i] || r.object.Value(i).Start-r.object.Member(i).Start > maxComparedBytes {
			continue
		}
		if name := r.object.Name(i); name != field {
			names = append(names, name)
		}
	}
	best, edits := destination.Nearest(field, names...)
	if best == "" || edits > min(maxEdits, len(field)/3) {
		return ""
	}
	return " For " + quoted(field) + " the record has " + quoted(best) + "."
}
