package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"

	"keyrelay/function/rawjson"
)

// A tried is what became of a trial.
type tried struct {
	outbounds []markedOutbound
	fields    []field
	fault     *recordFault
}

// A markedOutbound is an outbound request with its values marked.
type markedOutbound struct {
	outbound
	// Reshaped says that the document makes the body by a template.
	Reshaped   bool
	URLPieces  []piece
	HeaderList []markedHeader
	BodyPieces []piece
	// BodyBytes is the length of the whole body where only its start is shown.
	BodyBytes int
}

// A markedHeader is one header field of an outbound request.
type markedHeader struct {
	Name   string
	Pieces []piece
}

// maxLine is the longest header field that is shown whole.
const maxLine = 300

// IsLong says that the page shows it in a box of its own.
func (h markedHeader) IsLong() bool {
	length := 0
	for _, each := range h.Pieces {
		length += len(each.Text)
	}
	return length > maxLine
}

// A field is a member of the record and where it goes.
type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Mark is the number of its mark; 0 where the field stays in the body as it is.
	Mark int `json:"mark"`
	// Goes says where to, in words.
	Goes []string `json:"goes"`
	// Places are where its values stand in the record's text, in UTF-16 units as scripts count.
	Places [][2]int `json:"places"`
}

// try asks the relay what it would send, and once more with words in the place of the
// values, which tells where each value goes. reshaped reports whether the document makes
// the body of an outbound request by a template.
func (t trial) try(ctx context.Context, relay string, reshaped func(*outbound) bool) (*tried, error) {
	plain, err := t.dryRun(ctx, relay)
	if err != nil {
		return nil, err
	}
	made := &tried{}
	if len(plain) == 1 && plain[0].Problem != nil { // what the relay takes has no fault, JSON or not
		made.fault = faultOf(t.Record)
	}
	stand := newStandIns([]byte(t.Record))
	var copies []outbound
	if stand != nil {
		copied := t
		copied.Record = string(stand.text)
		if copies, err = copied.dryRun(ctx, relay); err != nil {
			return nil, err
		}
	}
	for i, each := range plain {
		marked := markedOutbound{outbound: each, Reshaped: each.Problem == nil && reshaped(&each)}
		if i < len(copies) && each.Problem == nil && copies[i].Problem == nil {
			marked.mark(stand, &copies[i])
		} else {
			marked.mark(nil, &outbound{})
		}
		made.outbounds = append(made.outbounds, marked)
	}
	made.fields = fieldsOf(t.Record, stand, made.outbounds)
	made.mark()
	return made, nil
}

// maxShownBytes is how much of a body the page shows.
const maxShownBytes = 64 << 10

// mark divides the parts of the outbound request.
func (m *markedOutbound) mark(stand *standIns, copied *outbound) {
	m.URLPieces = withSecrets(stand.pieces(m.URL, copied.URL))
	for name, values := range m.Headers {
		for i, text := range values {
			other := ""
			if i < len(copied.Headers[name]) {
				other = copied.Headers[name][i]
			}
			m.HeaderList = append(m.HeaderList, markedHeader{name, withSecrets(stand.pieces(text, other))})
		}
	}
	slices.SortStableFunc(m.HeaderList, func(a, b markedHeader) int { return strings.Compare(a.Name, b.Name) })
	if len(m.Body) > maxShownBytes {
		m.BodyBytes = len(m.Body)
		m.BodyPieces = []piece{{Text: strings.ToValidUTF8(m.Body[:maxShownBytes], "\ufffd")}}
		return
	}
	m.BodyPieces = withSecrets(stand.pieces(m.Body, copied.Body))
}

// withSecrets sets the *** of credentials apart.
func withSecrets(pieces []piece) []piece {
	var made []piece
	for _, each := range pieces {
		for i, text := range strings.Split(each.Text, "***") {
			if i > 0 && each.Field == "" {
				made = append(made, piece{Text: "***", Secret: true})
			} else if i > 0 {
				text = "***" + text
			}
			if text != "" {
				made = append(made, piece{Text: text, Field: each.Field})
			}
		}
	}
	return made
}

// fieldsOf lists the fields of all records by name, with where the first value goes.
func fieldsOf(record string, stand *standIns, outbounds []markedOutbound) []field {
	if stand == nil {
		return nil
	}
	var fields []field
	offset, units := 0, 0
	for _, each := range stand.values {
		at := slices.IndexFunc(fields, func(f field) bool { return f.Name == each.field })
		text := string(each.span.Of([]byte(record)))
		if at < 0 {
			at = len(fields)
			fields = append(fields, field{Name: each.field, Value: cut(text, 80), Goes: []string{}})
		}
		start, end := int(each.span.Start), int(each.span.End)
		units += utf16Length(record[offset:start])
		length := utf16Length(text)
		fields[at].Places = append(fields[at].Places, [2]int{units, units + length})
		units, offset = units+length, end
		if each.record < len(outbounds) {
			fields[at].addPlaces(&outbounds[each.record])
		}
	}
	return fields
}

// addPlaces notes where an outbound request shows the field.
func (f *field) addPlaces(shown *markedOutbound) {
	for i, each := range shown.URLPieces {
		if each.Field == f.Name {
			f.add(partOfURL(shown.URLPieces[:i]))
		}
	}
	for _, header := range shown.HeaderList {
		if slices.ContainsFunc(header.Pieces, func(p piece) bool { return p.Field == f.Name }) {
			f.add("header " + header.Name)
		}
	}
	if slices.ContainsFunc(shown.BodyPieces, func(p piece) bool { return p.Field == f.Name }) {
		f.add("body")
	}
	if slices.Contains(shown.Dropped, f.Name) {
		f.add("dropped")
	}
}

func (f *field) add(place string) {
	if !slices.Contains(f.Goes, place) {
		f.Goes = append(f.Goes, place)
	}
}

// partOfURL says which part of a URL follows what stands before it.
func partOfURL(before []piece) string {
	text := ""
	for _, each := range before {
		text += each.Text
	}
	_, query, found := strings.Cut(text, "?")
	if !found {
		return "path"
	}
	name := query[strings.LastIndexByte(query, '&')+1:]
	return "query " + strings.TrimSuffix(name, "=")
}

// mark gives a mark to each field that goes elsewhere than into the body as it is.
func (t *tried) mark() {
	given := map[string]int{}
	reshaped := slices.ContainsFunc(t.outbounds, func(m markedOutbound) bool { return m.Reshaped })
	for i, each := range t.fields {
		if slices.ContainsFunc(each.Goes, func(place string) bool { return place != "body" && place != "dropped" }) || reshaped && slices.Contains(each.Goes, "body") {
			t.fields[i].Mark = len(given) + 1
			given[each.Name] = t.fields[i].Mark
		}
	}
	for i := range t.outbounds {
		shown := &t.outbounds[i]
		all := [][]piece{shown.URLPieces, shown.BodyPieces}
		for _, header := range shown.HeaderList {
			all = append(all, header.Pieces)
		}
		for _, pieces := range all {
			for j := range pieces {
				pieces[j].Mark = given[pieces[j].Field]
			}
		}
	}
}

// A recordFault is what makes a text no record, and where.
type recordFault struct {
	Text   string `json:"text"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// At is the place in UTF-16 units.
	At int `json:"at"`
}

// faultOf finds what makes a text no record; nil where nothing does.
func faultOf(record string) *recordFault {
	if record == "" {
		return nil
	}
	found := rawjson.FaultOf([]byte(record))
	if found == nil {
		return nil
	}
	made := &recordFault{Text: found.Reason.Error(), At: utf16Length(record[:min(found.At, len(record))])}
	made.Line, made.Column = rawjson.Position([]byte(record), found.At)
	switch {
	case found.Name != "":
		made.Text = "the name " + cut(found.Name, 40) + " occurs twice"
	case errors.Is(found, rawjson.ErrSyntax):
		made.Text = cmp.Or(rawjson.Mistake([]byte(record), found.At), "the text is not JSON from here on")
	}
	return made
}

func utf16Length(text string) int { return len(utf16.Encode([]rune(text))) }

// cut shortens a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
