package plan

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// What is compared with a name that the record lacks is bounded, and so is for how many
// names: both are the caller's, and a hint is not worth more.
const (
	maxAdvised       = 8
	maxCompared      = 128
	maxComparedBytes = 64
	maxInside        = 4096
)

// advises reports whether a hint is looked for, for the last of the missing fields: there
// is none yet, and only the first ones count.
func (s *resolution) advises() bool { return s.hint == "" && len(s.missing) <= maxAdvised }

// advise says of a missing field what the caller may have meant by its name: a list
// with another separator than the comma, a renaming where there is none, a member
// that is almost called so, or one that is further inside.
func (s *resolution) advise(m *move) {
	switch {
	case !s.advises():
		return
	case s.record.text == nil:
		s.hint = " The request came without a record in its body."
	case !m.declared && s.isList(m.field):
		s.hint = " Separate names by commas."
	case m.to == toQuery && !m.declared && strings.Contains(m.field, "="):
		s.hint = " A field becomes a query parameter of its own name: renaming, field=Header-Name, works in " + headerFieldsHeader + " only."
	default:
		s.hint = cmp.Or(s.asPair(m), s.record.near(m.field))
	}
}

// asPair is how a field is written that becomes a header of another name: a pair that was
// written the other way round, or a header's name alone, the operation's parameter included.
func (s *resolution) asPair(m *move) string {
	if m.to != toHeader {
		return ""
	}
	header, written := m.name, m.name
	switch {
	case m.renamed && !gateway.ValidHeaderName(m.field):
		return ""
	case m.renamed:
		header = m.field
	default:
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
	if written == "" {
		return ""
	}
	for _, name := range r.compared() {
		if _, edits := destination.Nearest(written, name); edits == 0 {
			return name
		}
	}
	return ""
}

// compared are the members that a name which the record lacks is compared with: of the
// record's first ones those with short names, and never the session token's.
func (r *record) compared() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i := range min(r.object.Len(), maxCompared) {
			short := r.object.Value(i).Start-r.object.Member(i).Start <= maxComparedBytes
			if i != r.session && short && !yield(i, r.object.Name(i)) {
				return
			}
		}
	}
}

// isList reports whether a name is several names of the record with something else than
// commas between them. Names hardly ever contain a semicolon.
func (s *resolution) isList(field string) bool {
	names := strings.FieldsFunc(field, func(c rune) bool { return strings.ContainsRune(";|& \t，、", c) })
	return strings.Contains(field, ";") || len(names) > 1 && slices.ContainsFunc(names, func(name string) bool { return s.record.find(name) >= 0 })
}

// inQuotes says of names that are missing that a comma divides the name of one member,
// which has to be quoted.
func (s *resolution) inQuotes(moves []move) string {
	if s.missing == nil {
		return ""
	}
	for _, name := range s.record.compared() {
		parts := strings.Split(name, ",")
		for k := range parts {
			parts[k] = trim(parts[k])
		}
		for k := range len(moves) - len(parts) + 1 {
			named := moves[k : k+len(parts)]
			if len(parts) > 1 && slices.EqualFunc(named, parts, func(m move, part string) bool { return !m.declared && m.field == part }) {
				return " The record has " + quoted(name) + ": put a name with a comma in quotes."
			}
		}
	}
	return ""
}

// near says which member of the record may be meant by a name that it lacks; empty for none.
func (r *record) near(field string) string { return cmp.Or(r.resembling(field), r.inside(field)) }

// inside says where a field is that is no member of the record itself, but of one of its
// members, or that is written as the path of one.
func (r *record) inside(field string) string {
	const remedy = " only: send it as a member of the record itself."
	for i, name := range r.compared() {
		value := r.value(i)
		if !rawjson.IsContainer(value) {
			continue
		}
		rest, isPath := strings.CutPrefix(field, name)
		if isPath && rest != "" && strings.IndexByte(".[/", rest[0]) >= 0 || holds(value, field) {
			return " The record has " + quoted(field) + " inside " + quoted(name) + remedy
		}
	}
	return ""
}

// holds reports whether an object, or the first one of an array, begins with a member of a name.
func holds(value []byte, name string) bool {
	cursor := rawjson.Cursor{AnyNames: true}
	cursor.Reset(value[:min(len(value), maxInside)])
	if cursor.Peek() == '[' && !cursor.Enter('[') || cursor.Peek() != '{' {
		return false
	}
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		if string(cursor.Name()) == name {
			return true
		}
		cursor.Skip()
	}
	return false
}

// resembling names the member of the record that is nearest to a name which it lacks: one
// with other capitals, or with an edit for every three letters, two at most. It is empty for none.
func (r *record) resembling(field string) string {
	if len(field) > maxComparedBytes {
		return ""
	}
	var names []string
	for i, name := range r.compared() {
		if !r.taken[i] && name != field {
			names = append(names, name)
		}
	}
	// A name that stands in braces, quotes or a path, as it does in templates, has to stand alone.
	bare := strings.TrimFunc(field, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' })
	best, edits := bare, 0
	if !slices.Contains(names, bare) {
		best, edits = destination.Nearest(field, names...)
	}
	if best == "" || edits > min(maxEdits, len(field)/3) {
		return ""
	}
	return " For " + quoted(field) + " the record has " + quoted(best) + "."
}
