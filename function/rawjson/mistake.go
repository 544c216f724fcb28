package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// FaultOf finds where a text stops being JSON, and why; nil if it is JSON.
func FaultOf(text []byte) *Error {
	var c Cursor
	c.Reset(text)
	c.Skip()
	found, _ := errors.AsType[*Error](c.End())
	return found
}

// Mistake says what JSON takes where a text stops being JSON, at the byte of an Error, in
// words that follow a semicolon: senders, editors and shells make the same few mistakes. It
// is empty if the mistake is none of those, and holds nothing of the text.
func Mistake(text []byte, at int) string {
	const white = " \t\r\n"
	at = min(at, len(text))
	before, rest := bytes.TrimRight(text[:at], white), text[at:]
	switch {
	case len(bytes.Trim(text, white)) == 0:
		return "there is nothing but white space"
	case bytes.IndexByte(text[:min(len(text), 2)], 0) >= 0:
		return "it seems to be UTF-16 or UTF-32: write UTF-8"
	case bytes.HasPrefix(text, []byte("[object ")):
		return "it is what JavaScript writes for an object: send what JSON.stringify makes of it"
	case len(rest) == 0:
		return "the text ends there: it was cut off, or a bracket or a quotation mark is not closed"
	case len(before) == 0:
		return ofStart(rest)
	case rest[0] != '/' && rest[0] != '#' && json.Valid(before):
		return "the JSON ends before that: write nothing behind it"
	case len(before) < at && isApart(before[len(before)-1], rest[0]):
		return "a comma stands between members, and a colon between a name and its value"
	}
	return inPlace(before, rest)
}

// ofStart says what JSON takes in place of what a text begins with.
func ofStart(rest []byte) string {
	quote, inside := rest[0], bytes.TrimLeft(rest[1:], " ")
	switch {
	case strings.IndexByte("'`", quote) >= 0 && len(inside) > 0 && strings.IndexByte("{[", inside[0]) >= 0:
		return "the quotation mark before the brace was meant for a shell that does not take it, as cmd.exe does not: " +
			"put the JSON into a file, or into double quotes with a backslash before each one inside"
	case quote == '/' || quote == '#':
		return "JSON has no comments"
	}
	return ""
}

// isApart reports whether a value ends with one byte and another begins with the next one. A
// word behind a quotation mark may be of the same text.
func isApart(last, next byte) bool {
	ends := strings.IndexByte(`"}]`, last) >= 0 || isLetter(last) || isDigit(last)
	return ends && (isDigit(next) || isLetter(next) && last != '"' || strings.IndexByte(`"{[-`, next) >= 0)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inPlace says what JSON takes in place of what rest begins with. before is the text before
// it, which ends in no white space.
func inPlace(before, rest []byte) string {
	last, c := before[len(before)-1], rest[0]
	switch {
	case c == '\'' || bytes.HasPrefix(rest, []byte("\u201c")) || bytes.HasPrefix(rest, []byte("\u201d")):
		return `JSON takes double quotes (") alone, around names too`
	case bytes.HasPrefix(rest, []byte(`\"`)) && strings.IndexByte("{[:,", last) >= 0:
		return "the backslash was meant for a shell that does not take it off before a quotation mark: write the quotation mark alone"
	case c == '\\':
		return "in a string, a backslash is written twice, unless it begins an escape of JSON"
	case c < ' ':
		return `in a string, a line break is written \n, a tab \t, and another control character \u and four digits`
	case bytes.HasPrefix(rest, []byte("\u00a0")):
		return "a no-break space is no white space in JSON"
	case c == '{' && last == '{' || strings.IndexByte("$@<%", c) >= 0 || bytes.HasPrefix(rest, []byte("#{")):
		return "braces and signs such as these are those of a template that the sender has not filled"
	case c == '/' || c == '#':
		return "JSON has no comments"
	case c == '=':
		return "a colon stands between a name and its value"
	case last == ':' && strings.IndexByte(",}]", c) >= 0:
		return "a name has no value: write null for one that is empty"
	case strings.IndexByte(",}]", c) >= 0 && strings.IndexByte(",[{", last) >= 0:
		return "a comma stands between members only: there is one too many"
	}
	return ofWords(last, rest)
}

// ofWords says what JSON takes in place of a word or a number. last is the byte before it.
func ofWords(last byte, rest []byte) string {
	end := slices.IndexFunc(rest, func(c byte) bool { return !isLetter(c) && c != '-' })
	word := rest
	if end >= 0 {
		word = rest[:end]
	}
	switch strings.ToLower(string(word[:min(len(word), len("-infinity"))])) {
	case "nan", "infinity", "-infinity", "none", "nil", "null", "undefined":
		return "JSON has no NaN, Infinity, None and undefined: write null"
	case "true", "false":
		return "write true and false in small letters"
	}
	switch c := rest[0]; {
	case last == '"' && (isLetter(c) || isDigit(c)):
		return "in a string, a quotation mark is written with a backslash before it; a comma stands between members"
	case last == ',' && isDigit(c):
		return "a number has a point before its decimals and no comma inside, and names stand in double quotes"
	case isLetter(c) && (last == '{' || last == ','):
		return "names stand in double quotes"
	case c == '+' || c == '.' || last == '.' || isDigit(last):
		return "a number has no plus, no other digit behind a zero at its start, and digits before and after its point"
	case isLetter(c) && last == ':':
		return "texts stand in double quotes"
	}
	return ""
}
