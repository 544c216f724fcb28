package relay

import (
	"bytes"
	"encoding/base64"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// A result is what the answer to a batch says of one answer of the downstream.
type result struct {
	status int
	// location is Location, whatever the status; empty for none.
	location string
	// retryAfter is in whole seconds, 0 for none.
	retryAfter  int
	contentType string
	body        []byte
}

func newResult(answer *gateway.Response) result {
	return result{
		status:      answer.Status,
		location:    answer.Header.Get("Location") + answer.Header.Get(relayLocation),
		retryAfter:  int(gateway.RetryAfter(answer.Header).Seconds()),
		contentType: answer.Header.Get("Content-Type"),
		body:        answer.Body,
	}
}

// brief is the result without what may be long.
func (r *result) brief() result { return result{status: r.status, retryAfter: r.retryAfter} }

// append writes the result as a JSON object; briefly without what may be long.
func (r *result) append(out []byte, briefly bool) []byte {
	out = strconv.AppendInt(append(out, `{"status":`...), int64(r.status), 10)
	if r.retryAfter > 0 {
		out = strconv.AppendInt(append(out, `,"retryAfter":`...), int64(r.retryAfter), 10)
	}
	if !briefly {
		if r.location != "" {
			out = append(append(out, `,"location":`...), rawjson.Encode(r.location)...)
		}
		out = r.appendBody(out)
	}
	return append(out, '}')
}

// appendBody writes the body: as it is where it is JSON, else as a text where its
// characters are known, else as base64 with its media type.
func (r *result) appendBody(out []byte) []byte {
	text, known := decode(r.body, r.contentType)
	switch {
	case known && isJSON(text):
		return append(append(out, `,"body":`...), bytes.TrimSpace(text)...)
	case known:
		return append(appendJSONText(append(out, `,"body":"`...), text), '"')
	}
	out = base64.StdEncoding.AppendEncode(append(out, `,"base64":"`...), r.body)
	out = append(out, `","mediaType":`...)
	return append(out, rawjson.Encode(strings.ToValidUTF8(r.contentType, "?"))...)
}

// appendJSONText writes valid UTF-8 as the inside of a JSON string. It stops where the
// answer is too long to be sent.
func appendJSONText(out, text []byte) []byte {
	const step, spare = 16 << 10, 8 // Escape may need some bytes to spare
	for len(text) > 0 && len(out) <= gateway.MaxAnswerBytes {
		var taken int
		out, taken = rawjson.Escape(slices.Grow(out, min(len(text), step)+spare), text)
		text = text[taken:]
	}
	return out
}

// maxResultDepth is how deep a body may nest to be JSON in the result: readers of
// JSON often take no more than a thousand levels, and all results are one text.
const maxResultDepth = 200

// isJSON reports whether a body can stand in the result as it is.
func isJSON(text []byte) bool {
	cursor := rawjson.Cursor{Depth: maxResultDepth, AnyNames: true}
	cursor.Reset(text)
	cursor.Skip()
	return cursor.End() == nil
}

// decode returns a body as UTF-8 without a byte order mark, and reports whether its
// characters are known. JSON that is valid UTF-8 is read as that, whatever its media type
// says (RFC 8259 section 8.1); any other text by its charset, or as UTF-8.
func decode(body []byte, contentType string) ([]byte, bool) {
	mediaType, parameters, _ := mime.ParseMediaType(contentType)
	charset := foldCharset(parameters["charset"])
	json := mediaType == "" || mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
	if (charset == "" || charset == "utf8" || charset == "usascii" || json) && utf8.Valid(body) {
		return bytes.TrimPrefix(body, []byte("\ufeff")), true
	}
	if charset == "" && (bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff"))) {
		charset = "utf16"
	}
	known := findCharset(charset)
	if known == nil {
		return nil, false
	}
	text, err := known.NewDecoder().Bytes(body)
	// Bytes that are no character become U+FFFD: then the result has the bytes instead.
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, false
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), true
}

// foldCharset makes "ISO-8859-1", "iso_8859-1" and "ISO 8859-1" the same.
func foldCharset(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ :", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// findCharset finds UTF-16 and the character sets of one byte by their folded names in
// the IANA registry; nil for any other. In all of them the mask has seen a credential: those
// of one byte write ASCII as it is, unlike EBCDIC.
func findCharset(folded string) encoding.Encoding {
	switch folded {
	case "utf16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM) // RFC 2781 section 4.3
	case "utf16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "latin1", "l1":
		return charmap.ISO8859_1
	}
	folded = strings.Replace(folded, "cp125", "windows125", 1)
	for _, each := range charmap.All {
		if single, ok := each.(*charmap.Charmap); ok && foldCharset(single.String()) == folded && single.DecodeByte('a') == 'a' {
			return single
		}
	}
	return nil
}

// A problemResult says in the answer to a batch that a record has a problem of its own.
type problemResult struct {
	Problem    problemDocument `json:"problem"`
	RetryAfter int             `json:"retryAfter,omitempty"`
}

func newProblemResult(err error) problemResult {
	problem, _ := problemFor(err)
	refusal := refusalFrom(err)
	return problemResult{newProblemDocument(problem, refusal), refusal.RetryAfter}
}

// appendResults writes the JSON array of what became of each record; briefly without
// bodies. It stops where the answer is too long to be sent.
func appendResults(deliveries []delivery, briefly bool) []byte {
	size := 2
	for i := range deliveries {
		size += 64 + len(deliveries[i].body) // more is needed for what has to be escaped
	}
	if briefly {
		size = 2 + 32*len(deliveries)
	}
	out := append(make([]byte, 0, min(size, gateway.MaxAnswerBytes+1<<10)), '[')
	for i := range deliveries {
		if i > 0 {
			out = append(out, ',')
		}
		out = deliveries[i].append(out, briefly)
		if !briefly && len(out) > gateway.MaxAnswerBytes {
			break
		}
	}
	return append(out, ']')
}

func (d *delivery) append(out []byte, briefly bool) []byte {
	switch {
	case d.status > 0:
		return d.result.append(out, briefly)
	case d.err != nil:
		return append(out, rawjson.Encode(newProblemResult(d.err))...)
	}
	return append(out, `{"sent":false}`...)
}
