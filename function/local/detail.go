package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// A row is an exchange as the list shows it.
type row struct {
	ID                   int
	Datetime, Clock      string
	Method, Target       string
	Status, Class        int
	Problem, Destination string
	Took                 string
	Kept                 bool
}

func newRow(e *exchange) row {
	entry := readEntry(e.Log)
	return row{
		ID: e.ID, Datetime: e.At.UTC().Format(time.RFC3339Nano), Clock: e.At.Format("15:04:05.000"),
		Method: e.Method, Target: target(e), Status: e.Status, Class: e.Status / 100,
		Problem: entry.Problem, Destination: entry.Destination, Took: milliseconds(float64(e.Took.Microseconds()) / 1000), Kept: e.Kept,
	}
}

// target is where an exchange was to go, without scheme and query.
func target(e *exchange) string {
	parsed, err := url.Parse(e.Header.Get(urlHeader))
	if err != nil || parsed.Host == "" {
		return cmp.Or(cut(e.Header.Get(urlHeader), 80), e.Path)
	}
	return cut(parsed.Host+parsed.Path, 160)
}

// An entry is what the page uses of the relay's log entry.
type entry struct {
	Destination      string
	Problem          string
	Blame, Detail    string
	Status           int
	DurationMs       float64
	DownstreamMs     *float64
	CredentialMs     float64
	RetrievalMs      float64
	CredentialCached bool
	Scheme           string
	RetrievalStatus  int
	Doubts           []string
	DryRun, Replayed bool
	Stale, Masked    []string
}

func readEntry(log []byte) entry {
	var read entry
	_ = json.Unmarshal(log, &read)
	return read
}

// A segment is a part of the time that a request took.
type segment struct {
	Name, Text string
	X, Width   float64
}

// times are the segments of a bar 400 wide.
type times struct {
	Segments []segment
	Label    string
}

// newTimes divides the time of a request by what the log entry says.
func newTimes(read entry) times {
	if read.DownstreamMs == nil || read.DurationMs <= 0 {
		return times{}
	}
	own := max(0, read.DurationMs-*read.DownstreamMs-read.CredentialMs)
	made := times{}
	at := 0.0
	var words []string
	for _, part := range []struct {
		name string
		took float64
	}{{"relay", own}, {"secret", read.CredentialMs - read.RetrievalMs}, {"token", read.RetrievalMs}, {"API", *read.DownstreamMs}} {
		if part.took <= 0 {
			continue
		}
		width := 400 * part.took / read.DurationMs
		made.Segments = append(made.Segments, segment{part.name, milliseconds(part.took), at, width})
		words = append(words, part.name+" "+milliseconds(part.took))
		at += width
	}
	made.Label = "Of " + milliseconds(read.DurationMs) + ": " + strings.Join(words, ", ")
	return made
}

// milliseconds writes a time as people read it.
func milliseconds(took float64) string {
	switch {
	case took >= 10_000:
		return fmt.Sprintf("%.1f s", took/1000)
	case took >= 100:
		return fmt.Sprintf("%.0f ms", took)
	case took < 1:
		return fmt.Sprintf("%.2f ms", took)
	}
	return fmt.Sprintf("%.1f ms", took)
}

// facts say in sentences what became of a request. told is what its caller was told of
// the relay's own problem: the log entry may know more. mediaType is the answer's.
func (read entry) facts(attachments []attachment, told, mediaType string) []string {
	var said []string
	add := func(holds bool, sentence string) {
		if holds {
			said = append(said, sentence)
		}
	}
	sent := read.DownstreamMs != nil
	add(read.DryRun, "A dry run: nothing was sent.")
	for _, each := range attachments {
		add(strings.HasPrefix(read.Problem, "retrieval-") && each.Scheme == read.Scheme && each.Call != "", read.failedCall(each))
	}
	more, longer := strings.CutPrefix(read.Detail, told)
	add(told != "" && longer && more != "", strings.TrimSpace(more))
	add(read.Problem != "" && !sent && !read.DryRun, "Nothing was sent to the API.")
	add(sent && read.CredentialCached && len(attachments) > 0, "The credential was in memory.")
	add(sent && !read.CredentialCached && !read.Replayed && len(attachments) > 0, "The credential was fetched: "+milliseconds(read.CredentialMs)+".")
	add(read.Replayed, "The API refused the credential. It was renewed, and the request was sent once more.")
	add(sent && read.Problem == "" && read.Detail != "", read.Detail)
	for _, each := range attachments {
		add(sent && read.Problem == "" && read.Blame == "credential" && each.From() != "", "Check "+each.Scheme+": "+each.What+", from "+each.From()+".")
	}
	add(sent && read.Status/100 == 2 && strings.HasPrefix(mediaType, "text/html"),
		"The answer is a page for people (text/html). If data was asked for, the URL is that of a website, or of its login.")
	add(len(read.Stale) > 0, "An old value was used, since the secret could not be read again: "+strings.Join(read.Stale, ", ")+".")
	for _, each := range read.Doubts {
		add(true, each)
	}
	add(len(read.Masked) > 0, "The answer held the credential, which was masked: "+strings.Join(read.Masked, ", ")+".")
	return said
}

// failedCall says which call for a credential failed, and what it was answered.
func (read entry) failedCall(attached attachment) string {
	told := "The credential of " + attached.Scheme + " was asked for by " + attached.Method + " " + attached.Call
	if read.RetrievalStatus == 0 {
		return told + ", without an answer that counts."
	}
	return told + ", which answered " + strings.TrimSpace(fmt.Sprint(read.RetrievalStatus)+" "+http.StatusText(read.RetrievalStatus)) + "."
}

// A detail is all that the page shows of one exchange.
type detail struct {
	row
	StatusText, ProxyStatus string
	Facts                   []string
	Times                   times
	Outbound                outboundView
	RecordLines             []headerLine
	Record                  string
	RecordBytes             int
	AnswerLines             []headerLine
	Answer                  string
	AnswerBytes             int
	Log                     string
	// Refused is the relay's own answer; nil where the API's was passed on.
	Refused *problem
}

// detail shows an exchange. Its outbound request is that of a dry run now, with the
// documents as they are now.
func (w *workbench) detail(ctx context.Context, e *exchange) *detail {
	read := readEntry(e.Log)
	made := &detail{
		row: newRow(e), StatusText: http.StatusText(e.Status), ProxyStatus: strings.Join(e.AnswerHeader["Proxy-Status"], ", "),
		RecordLines: linesOf(e.Header), Record: shownText(w.withoutSession(e.Record)), RecordBytes: len(e.Record),
		AnswerLines: linesOf(e.AnswerHeader), Answer: w.hide(shownText(indented(e.Answer))), AnswerBytes: len(e.Answer),
		Log: shownText(indented(e.Log)),
	}
	if strings.Contains(made.ProxyStatus, "error=") {
		_ = json.Unmarshal(e.Answer, &made.Refused)
	}
	for i, line := range made.AnswerLines {
		made.AnswerLines[i].Value = w.hide(line.Value)
	}
	if tried, err := trialFrom(e).try(ctx, w.program, w.reshaped); err == nil {
		made.Outbound = w.view(tried)
	}
	told := ""
	if made.Refused != nil {
		told = made.Refused.Detail
	}
	made.Facts = read.facts(made.Outbound.Attachments, told, e.AnswerHeader.Get("Content-Type"))
	made.Times = newTimes(read)
	return made
}

// linesOf lists header fields by name.
func linesOf(header http.Header) []headerLine {
	var lines []headerLine
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			lines = append(lines, headerLine{name, value})
		}
	}
	return lines
}

// shownText is a body as the page shows it.
func shownText(body []byte) string {
	if !utf8.Valid(body) {
		return fmt.Sprintf("%d bytes that are no text", len(body))
	}
	if len(body) > maxShownBytes {
		return strings.ToValidUTF8(string(body[:maxShownBytes]), "") + "\n… the first 65,536 bytes"
	}
	return string(body)
}

// indented is a JSON text with each member on a line of its own, any other text as it is.
func indented(body []byte) []byte {
	var out bytes.Buffer
	if len(body) > maxShownBytes || json.Indent(&out, body, "", "  ") != nil {
		return body
	}
	return out.Bytes()
}

// withoutSession is the record with *** in the place of what is a session token by any document.
func (w *workbench) withoutSession(record []byte) []byte {
	var hidden []byte
	rest := 0
	for _, span := range records(record) {
		var object rawjson.Object
		if object.Read(span.Of(record)) != nil {
			break
		}
		for i := range object.Len() {
			if slices.ContainsFunc(w.set.Destinations(), func(d *destination.Destination) bool { return d.Session != nil && d.Session.Field == object.Name(i) }) {
				value := object.Value(i)
				hidden = append(append(hidden, record[rest:span.Start+value.Start]...), `"***"`...)
				rest = int(span.Start + value.End)
			}
		}
	}
	return append(hidden, record[rest:]...)
}
