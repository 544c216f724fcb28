package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// errRecord says what makes the text no record.
func errRecord(text []byte, err error) error {
	var found *rawjson.Error
	errors.As(err, &found)
	refusal := &gateway.Refusal{Reason: ErrRecord}
	place := " (byte " + strconv.Itoa(found.At) + ")."
	switch {
	case errors.Is(err, rawjson.ErrEncoding):
		refusal.Detail = "The record is not UTF-8. Send it as UTF-8 (RFC 8259 section 8.1)." + otherCoding(text)
	case errors.Is(err, rawjson.ErrDepth):
		refusal.Detail = "The record nests deeper than " + strconv.Itoa(rawjson.MaxDepth) + " levels. Send a flatter one" + place
	case errors.Is(err, rawjson.ErrNames):
		refusal.Reason = ErrRecordTooLarge
		refusal.Detail = "An object of the record has more than " + strconv.Itoa(rawjson.MaxNames) + " members, counting those of the objects around it. Send it in parts" + place
	case errors.Is(err, rawjson.ErrDuplicate):
		refusal.Detail = "A member name of the record occurs twice in one object. Send each name once" + place
		if found.Name != "" {
			refusal.Fields = []string{found.Name}
		}
	case errors.Is(err, rawjson.ErrNotObject):
		refusal.Detail = "The record is no JSON object. Send one: fields can be taken from nothing else." + codedTwice(text)
	default:
		refusal.Detail = "The record is not valid JSON (RFC 8259). Correct it" + place + remedy(text, found.At)
	}
	return refusal
}

// otherCoding says how bytes that are no UTF-8 seem to be coded; empty if that is not known.
func otherCoding(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\x1f\x8b")):
		return " It is compressed with gzip: say so with Content-Encoding: gzip, and compress it once."
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return " It is UTF-16 or UTF-32."
	}
	return ""
}

// codedTwice says of a JSON string that it holds JSON.
func codedTwice(text []byte) string {
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte(`"{`)) || bytes.HasPrefix(text, []byte(`"[`)) {
		return " It is a string that holds JSON: the sender encodes it once too often."
	}
	return ""
}

// remedy says what JSON takes where something else was found; empty if that is not known.
// It holds nothing of the text.
func remedy(text []byte, at int) string {
	const white = " \t\r\n"
	before, rest := bytes.TrimRight(text[:at], white), text[at:]
	switch {
	case len(bytes.Trim(text, white)) == 0:
		return " The body is nothing but white space."
	case bytes.IndexByte(text[:min(len(text), 2)], 0) >= 0:
		return " It seems to be UTF-16 or UTF-32: send UTF-8."
	case bytes.HasPrefix(text, []byte("[object ")):
		return " It is what JavaScript writes for an object: send what JSON.stringify makes of it."
	case len(rest) == 0:
		return " The body ends there: it was cut off, or a bracket or a quotation mark is not closed."
	case len(before) == 0:
		return " A record is an object: it begins with a brace, as XML and forms do not."
	case json.Valid(before):
		return " The JSON ends before that byte: send nothing behind it. Several records are sent as an array, if the document declares x-keyrelay-batch."
	case len(before) < at && isApart(before[len(before)-1], rest[0]):
		return " A comma stands between members, and a colon between a name and its value."
	}
	return inPlace(before, rest)
}

// isApart reports whether a value ends with one byte and another begins with the next one. A
// word behind a quotation mark may be of the same text.
func isApart(last, next byte) bool {
	isLetter, isDigit := next|0x20 >= 'a' && next|0x20 <= 'z', next >= '0' && next <= '9'
	ends := strings.IndexByte(`"}]`, last) >= 0 || last|0x20 >= 'a' && last|0x20 <= 'z' || last >= '0' && last <= '9'
	return ends && (isDigit || isLetter && last != '"' || strings.IndexByte(`"{[-`, next) >= 0)
}

// inPlace says what JSON takes in place of what rest begins with. before is the text before
// it, which ends in no white space.
func inPlace(before, rest []byte) string {
	last, c := before[len(before)-1], rest[0]
	switch {
	case c == '\'' || bytes.HasPrefix(rest, []byte("\u201c")):
		return ` JSON takes double quotes (") alone, around names too.`
	case c == '\\':
		return " In a string, a backslash is written twice, unless it begins an escape of JSON."
	case c < ' ':
		return ` In a string, a line break is written \n, a tab \t, and another control character \u and four digits.`
	case bytes.HasPrefix(rest, []byte("\u00a0")):
		return " A no-break space is no white space in JSON."
	case c == '/' || c == '#':
		return " JSON has no comments."
	case c == '{' && last == '{':
		return " Two braces are those of a template that the sender has not filled."
	case last == ':' && strings.IndexByte(",}]", c) >= 0:
		return " A name has no value: write null for one that is empty."
	case strings.IndexByte(",}]", c) >= 0 && strings.IndexByte(",[{", last) >= 0:
		return " A comma stands between members only: there is one too many."
	}
	return ofWords(last, rest)
}

// ofWords says what JSON takes in place of a word or a number. last is the byte before it.
func ofWords(last byte, rest []byte) string {
	isLetter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	end := slices.IndexFunc(rest, func(c byte) bool { return !isLetter(c) && c != '-' })
	word := rest
	if end >= 0 {
		word = rest[:end]
	}
	switch strings.ToLower(string(word[:min(len(word), len("-infinity"))])) {
	case "nan", "infinity", "-infinity", "none", "nil", "null", "undefined":
		return " JSON has no NaN, Infinity, None and undefined: write null."
	case "true", "false":
		return " Write true and false in small letters."
	}
	switch c := rest[0]; {
	case last == '"' && (isLetter(c) || c >= '0' && c <= '9'):
		return " In a string, a quotation mark is written with a backslash before it; a comma stands between members."
	case isLetter(c) && (last == '{' || last == ','):
		return " Names stand in double quotes."
	case c == '+' || c == '.' || last >= '0' && last <= '9':
		return " A number has no plus, no other digit behind a zero at its start, and a digit before its point."
	}
	return ""
}
