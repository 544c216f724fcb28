package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// errRecord says what makes the text no record.
func errRecord(text []byte, err error) error {
	found, _ := errors.AsType[*rawjson.Error](err)
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
	case bytes.IndexByte(text, 0) >= 0:
		return ""
	}
	return " It seems to be ISO-8859-1 or Windows-1252, or was cut inside a character."
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
	mistake := rawjson.Mistake(text, at)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return " The body is nothing but white space."
	case bytes.HasPrefix(text, byteOrderMark):
		return " A second byte order mark stands before it."
	case mistake == "" && len(bytes.TrimSpace(text[:at])) == 0:
		return " A record is an object: it begins with a brace, as XML and forms do not."
	case mistake == "":
		return ""
	case json.Valid(text[:at]):
		mistake += "; several records are sent as an array, if the document declares x-keyrelay-batch"
	}
	return " " + strings.ToUpper(mistake[:1]) + mistake[1:] + "."
}
