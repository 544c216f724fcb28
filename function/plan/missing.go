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
	if strings.Contains(field, ";") {
		return true
	}
	names := strings.FieldsFunc(strings.ReplaceAll(field, `\n`, " "), func(c rune) bool { return strings.ContainsRune("|&+/: \t，、", c) })
	known := 0
	for _, name := range names {
		if s.record.find(name) >= 0 {
			known++
		}
	}
	return known > 1 || known > 0 && strings.ContainsAny(field, "|& \t，、")
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
				return " The record has " + gateway.Quoted(name) + ": put a name with a comma in quotes."
			}
		}
	}
	return ""
}

// near says which member of the record may be meant by a name that it lacks; empty for none.
func (r *record) near(field string) string {
	if field == "*" {
		return " No sign stands for all fields: name each one."
	}
	return cmp.Or(r.pathOf(field), r.resembling(field), r.inside(field))
}

// pathOf says of the path of a member, as other programs write it, which member of the
// record it is: one without the names before it, or one that has the last name inside.
func (r *record) pathOf(field string) string {
	start := strings.LastIndexFunc(strings.TrimRight(field, "]}'\") "), isSeparator) + 1
	last := strings.TrimRight(field[start:], "]}'\") ")
	if start == 0 || last == "" {
		return ""
	}
	for i, name := range r.compared() {
		first, isPath := strings.CutPrefix(field, name)
		switch {
		case name == last:
			return forField(field, name)
		case isPath && first != "" && strings.IndexByte(".[/", first[0]) >= 0 && rawjson.IsContainer(r.value(i)):
			return insideOnly(field, name)
		}
	}
	return ""
}

// isSeparator reports whether a character stands between the names of a path.
func isSeparator(c rune) bool { return strings.ContainsRune(".[/:'\"", c) }

func forField(field, name string) string {
	return " For " + gateway.Quoted(field) + " the record has " + gateway.Quoted(name) + "."
}

func insideOnly(field, name string) string {
	return " The record has " + gateway.Quoted(field) + " inside " + gateway.Quoted(name) + " only: send it as a member of the record itself."
}

// inside says which member holds a field that is no member of the record itself.
func (r *record) inside(field string) string {
	for i, name := range r.compared() {
		if value := r.value(i); rawjson.IsContainer(value) && holds(value, field) {
			return insideOnly(field, name)
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
	return forField(field, best)
}
