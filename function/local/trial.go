package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
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

// The header fields by which a caller asks for a request.
const (
	urlHeader          = "X-Osmos-Outbound-Url"
	queryFieldsHeader  = "X-Osmos-Query-Param-Fields"
	headerFieldsHeader = "X-Relay-Header-Fields"
)

// headers are the header fields with which a caller asks for the trial.
func (t trial) headers() []headerLine {
	lines := []headerLine{{urlHeader, strings.TrimSpace(t.URL)}}
	var query, header []string
	for _, move := range t.Moves {
		name := quotedName(move.Field, move.To)
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
		lines = append(lines, headerLine{queryFieldsHeader, strings.Join(query, ", ")})
	}
	if len(header) > 0 {
		lines = append(lines, headerLine{headerFieldsHeader, strings.Join(header, ", ")})
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
// could be mistaken for something else in its list.
func quotedName(name, to string) string {
	if !strings.ContainsAny(name, `,"`) && strings.TrimSpace(name) == name && (to == "query" || !strings.Contains(name, "=")) {
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
	if request.Header["User-Agent"] == nil {
		request.Header.Set("User-Agent", "") // or net/http names itself, and the page would show what no caller sends
	}
	return request, nil
}

// trialFrom makes a trial of what a caller sent.
func trialFrom(e *exchange) trial {
	made := trial{Method: e.Method, Record: string(e.Record)}
	var kept strings.Builder
	for _, line := range linesOf(e.Header) {
		switch name := line.Name; {
		case name == urlHeader:
			made.URL = line.Value
		case name == queryFieldsHeader:
			made.Moves = append(made.Moves, movesFrom(line.Value, "query")...)
		case name == headerFieldsHeader:
			made.Moves = append(made.Moves, movesFrom(line.Value, "header")...)
		case line.Value == "***", slices.Contains([]string{"Accept-Encoding", "Connection", "Content-Length", "X-Relay-Dry-Run"}, name),
			name == "Content-Type" && line.Value == "application/json":
		default:
			fmt.Fprintf(&kept, "%s: %s\n", name, line.Value)
		}
	}
	made.Headers = kept.String()
	return made
}

// movesFrom reads a list of fields as the relay does: field, field? or field=Header,
// where a name may be a quoted string.
func movesFrom(list, to string) []fieldMove {
	var moves []fieldMove
	for len(list) > 0 {
		list = strings.TrimLeft(list, " \t,")
		move := fieldMove{To: to}
		if strings.HasPrefix(list, `"`) {
			move.Field, list = unquoted(list[1:])
		}
		item, rest, _ := strings.Cut(list, ",")
		name, header, _ := strings.Cut(item, "=")
		name = strings.TrimSpace(name)
		if move.Field == "" {
			name, move.Optional = strings.CutSuffix(name, "?")
			move.Field = name
		} else {
			move.Optional = name == "?"
		}
		move.Header = strings.TrimSpace(header)
		if move.Field != "" {
			moves = append(moves, move)
		}
		list = rest
	}
	return moves
}

// unquoted reads the inside of a quoted string, and returns what follows it.
func unquoted(text string) (inside, rest string) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			out.WriteByte(text[i])
		case text[i] == '"':
			return out.String(), text[i+1:]
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String(), ""
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
	if strings.Contains(p.Detail, "without X-Relay-Dry-Run") {
		return "outbound" // the record can be sent, but not shown
	}
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
	answer, err := http.DefaultClient.Do(request) // #nosec G704 -- the relay program on this machine
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
