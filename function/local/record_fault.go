package main

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyrelay/function/rawjson"
)

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
	var c rawjson.Cursor
	c.Reset([]byte(record))
	c.Skip()
	var found *rawjson.Error
	if !errors.As(c.End(), &found) {
		return nil
	}
	before, rest := record[:min(found.At, len(record))], record[min(found.At, len(record)):]
	made := &recordFault{Text: found.Reason.Error(), At: utf16Length(before)}
	made.Line, made.Column = rawjson.Position([]byte(record), found.At)
	switch {
	case found.Name != "":
		made.Text = "the name " + cut(found.Name, 40) + " occurs twice"
	case errors.Is(found, rawjson.ErrSyntax):
		made.Text = mistake(before, rest)
	}
	return made
}

// mistake says by what stands around a place which of the mistakes that people make it is.
func mistake(before, rest string) string {
	last := " "
	if trimmed := strings.TrimRight(before, " \t\r\n"); trimmed != "" {
		last = trimmed[len(trimmed)-1:]
	}
	_, size := utf8.DecodeRuneInString(rest)
	rest = rest[:size]
	switch {
	case rest == "":
		return "the text ends too early"
	case last == "," && strings.Contains("}]", rest):
		return "the comma before this is one too many"
	case last == ":" && strings.Contains(",}]", rest):
		return "a value is missing here"
	case rest == `"` && !strings.Contains("{[:,", last):
		return "a comma is missing before this"
	case strings.Contains("/#", rest):
		return "JSON has no comments"
	case rest < " ":
		return `in a text a line break is written \n, a tab \t`
	case rest == `\`:
		return `in a text a backslash is written \\`
	case strings.ContainsFunc(rest, unicode.IsLetter) || strings.Contains("'_$“”", rest):
		return "names and texts stand in double quotes"
	}
	return "the text is not JSON from here on"
}
