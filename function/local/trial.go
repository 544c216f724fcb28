package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"keyrelay/function/rawjson"
)

// A trial is what a person has put together on the page: a record, and what is to be
// made of it.
type trial struct {
	Method string `json:"method"`
	// URL is the outbound URL, with {field} where a field goes to the path.
	URL    string `json:"url"`
	Record string `json:"record"`
	// Moves are the fields that leave the record by the caller's headers, in their order.
	Moves []fieldMove `json:"moves"`
	// Headers are the other header fields, one "Name: value" a line.
	Headers string `json:"headers"`
}

// A fieldMove is a field that leaves the record.
type fieldMove struct {
	Field string `json:"field"`
	// To is "query" or "header".
	To string `json:"to"`
	// Header is the header's name; empty where it is the field's.
	Header string `json:"header"`
	// Optional says that a record may lack the field.
	Optional bool `json:"optional"`
}

// headers are the header fields with which a caller asks for the trial.
func (t trial) headers() []headerLine {
	lines := []headerLine{{"X-Osmos-Outbound-Url", strings.TrimSpace(t.URL)}}
	var query, header []string
	for _, move := range t.Moves {
		name := quotedName(move.Field)
		if move.Optional {
			name += "?"
		}
		switch {
		case move.To == "query":
			query = append(query, name)
		case move.Header != "" && move.Header != move.Field:
			header = append(header, name+"="+move.Header)
		default:
			header = append(header, name)
		}
	}
	if len(query) > 0 {
		lines = append(lines, headerLine{"X-Osmos-Query-Param-Fields", strings.Join(query, ", ")})
	}
	if len(header) > 0 {
		lines = append(lines, headerLine{"X-Relay-Header-Fields", strings.Join(header, ", ")})
	}
	typed := false
	for line := range strings.Lines(t.Headers) {
		name, value, found := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); found && name != "" {
			lines = append(lines, headerLine{name, strings.TrimSpace(value)})
			typed = typed || strings.EqualFold(name, "Content-Type")
		}
	}
	if t.Record != "" && !typed {
		lines = append(lines, headerLine{"Content-Type", "application/json"})
	}
	return lines
}

// quotedName writes a field's name as a quoted string (RFC 8941 section 3.3.3) where it
// could be mistaken for something else.
func quotedName(name string) string {
	if name != "" && !strings.ContainsAny(name, `,="?\ `) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// request makes the HTTP request of the trial to the relay at an address.
func (t trial) request(ctx context.Context, address string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, t.Method, "http://"+address+"/", strings.NewReader(t.Record))
	if err != nil {
		return nil, errors.New("choose one of the methods GET, POST, PUT, PATCH and DELETE")
	}
	for _, line := range t.headers() {
		request.Header.Add(line.Name, line.Value)
	}
	return request, nil
}

// An outbound is the request that the relay would send, as its dry run tells it, or why it would not.
type outbound struct {
	Method      string      `json:"method"`
	URL         string      `json:"url"`
	Headers     http.Header `json:"headers"`
	Body        string      `json:"body"`
	Destination string      `json:"destination"`
	Security    []string    `json:"security"`
	Dropped     []string    `json:"dropped"`
	Problem     *problem    `json:"problem"`
}

// A problem is a refusal in the relay's own words (RFC 9457).
type problem struct {
	Type    string   `json:"type"`
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail"`
	Fields  []string `json:"fields"`
	Allowed []string `json:"allowed"`
}

// Name is the stable name of the problem.
func (p *problem) Name() string { return strings.TrimPrefix(p.Type, "urn:keyrelay:problem:") }

// Place is the part of the page that the refusal is about.
func (p *problem) Place() string {
	switch p.Name() {
	case "outbound-url-missing", "outbound-url-invalid", "destination-not-declared", "operation-not-declared", "operation-unusable", "method-not-allowed":
		return "url"
	case "record-invalid", "record-too-large", "record-not-json", "batch-not-declared":
		return "record"
	case "field-missing", "field-not-scalar":
		return "fields"
	case "header-invalid", "placeholder-unknown":
		return "headers"
	}
	return "outbound"
}

// dryRun asks the relay what it would send; a batch that is split is several.
func (t trial) dryRun(ctx context.Context, relay string) ([]outbound, error) {
	request, err := t.request(ctx, relay)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Relay-Dry-Run", "true")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, errRelayGone
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, errRelayGone
	}
	if answer.StatusCode != http.StatusOK {
		refused := &problem{Title: "This is no answer of the relay", Status: answer.StatusCode}
		_ = json.Unmarshal(text, refused)
		return []outbound{{Problem: refused}}, nil
	}
	var many []outbound
	if json.Unmarshal(text, &many) == nil {
		return many, nil
	}
	var one outbound
	err = json.Unmarshal(text, &one)
	return []outbound{one}, err
}

var errRelayGone = errors.New("the relay program does not answer; its log says why")

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

// A field is a member of the record and where it goes.
type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Colour is 0 where the field stays in the body as it is.
	Colour int `json:"colour"`
	// Goes says where to, in words.
	Goes []string `json:"goes"`
	// Places are where its values stand in the record's text, in UTF-16 units as scripts count.
	Places [][2]int `json:"places"`
}

// A recordFault is what makes a text no record, and where.
type recordFault struct {
	Text   string `json:"text"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// At is the place in UTF-16 units.
	At int `json:"at"`
}

// colours is how many colours the style sheet has for fields.
const colours = 8

// try asks the relay what it would send, and once more with words in the place of the
// values, which tells where each value goes. reshaped reports whether the document makes
// the body of an outbound request by a template.
func (t trial) try(ctx context.Context, relay string, reshaped func(*outbound) bool) (*tried, error) {
	plain, err := t.dryRun(ctx, relay)
	if err != nil {
		return nil, err
	}
	made := &tried{fault: faultOf(t.Record)}
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
	made.colour()
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

// colour gives a colour to each field that goes elsewhere than into the body as it is.
func (t *tried) colour() {
	given := map[string]int{}
	reshaped := slices.ContainsFunc(t.outbounds, func(m markedOutbound) bool { return m.Reshaped })
	for i, each := range t.fields {
		if slices.ContainsFunc(each.Goes, func(place string) bool { return place != "body" && place != "dropped" }) || reshaped && slices.Contains(each.Goes, "body") {
			t.fields[i].Colour = len(given)%colours + 1
			given[each.Name] = t.fields[i].Colour
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
				pieces[j].Colour = given[pieces[j].Field]
			}
		}
	}
}

// faultOf finds what makes a text no record.
func faultOf(record string) *recordFault {
	text := []byte(record)
	if len(text) == 0 {
		return nil
	}
	var c rawjson.Cursor
	c.Reset(text)
	c.Skip()
	err := c.End()
	var found *rawjson.Error
	if !errors.As(err, &found) {
		return nil
	}
	at := min(found.At, len(text))
	before := record[:at]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	words := found.Reason.Error()
	if found.Name != "" {
		words = "the name " + cut(found.Name, 40) + " occurs twice"
	}
	return &recordFault{
		Text:   words,
		Line:   bytes.Count(text[:at], []byte("\n")) + 1,
		Column: utf8.RuneCountInString(before[lineStart:]) + 1,
		At:     utf16Length(before),
	}
}

func utf16Length(text string) int {
	length := 0
	for _, each := range text {
		length += utf16.RuneLen(each)
	}
	return length
}

// cut shortens a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// readTrial reads a trial as the page sends it.
func readTrial(body io.Reader) (trial, error) {
	var read trial
	err := json.NewDecoder(body).Decode(&read)
	return read, err
}
