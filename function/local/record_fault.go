package main

import (
	"cmp"
	"errors"

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
