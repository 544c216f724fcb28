package plan

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"keyrelay/function/gateway"
)

// nominated reports whether Connection names a field (RFC 9110 section 7.6.1).
func nominated(header http.Header, name string) bool {
	for _, line := range header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if gateway.SameHeaderName(trim(option), name) {
				return true
			}
		}
	}
	return false
}

// holdsPlaceholder says whether a forwarded value waits for a credential.
func holdsPlaceholder(values []string) bool {
	return slices.ContainsFunc(values, func(value string) bool { return strings.Contains(value, "{{{") })
}

// holdsCredentials knows the fields for credentials. They are forwarded with a placeholder only.
func holdsCredentials(name string) bool { return name == "Authorization" || name == "Cookie" }

// received is what the relay adds to Via (RFC 9110 section 7.6.3): a gateway's
// event does not tell the caller's protocol version, so it is the least that can be.
const received = "1.1 keyrelay"

// setHeader collects the forwarded fields, those from the record, which win, and
// the relay's own.
func (b *builder) setHeader(d *directives, names []string, moved []headerText, text string) error {
	if d.braces {
		if err := b.checkBraces(d.request.Header, names); err != nil {
			return err
		}
	}
	const own = 3 // Accept-Encoding, Via, and Content-Type where a record has none
	b.Header = make(http.Header, len(names)+len(moved)+own)
	values := b.values[:0]
	// The digests of the caller's body are wrong for another; one that comes from the record is intended.
	changed := b.record.left > 0 || b.reshapes || d.inBatch || len(d.body) != len(d.request.Body) || b.sendsForm()
	nominates := d.request.Header["Connection"] != nil
	var waiting, meant, under []string
	for _, name := range names {
		sent := d.request.Header[name]
		if name == preferHeader {
			_, sent = preferences(sent)
		}
		switch {
		case len(sent) == 0 || holdsCredentials(name) && !holdsPlaceholder(sent):
		case overrides(b.Operation, name) || nominates && nominated(d.request.Header, name):
		case isMoved(moved, name) && name != "Cookie":
		case d.braces && holdsPlaceholder(sent):
			waiting = append(waiting, name)
		case changed && gateway.IsDigest(name):
		default:
			if field := d.meantInHeader(sent); field != "" {
				meant, under = append(meant, field), append(under, name)
			}
			values = b.set(values, name, sent...)
		}
	}
	if at := b.firstField(d.body, meant); at >= 0 {
		return errFieldInHeader(under[at], b.Header[under[at]][0], meant[at])
	}
	if err := b.fillHeader(d.request.Header, waiting); err != nil {
		return err
	}
	if d.inBatch {
		delete(b.Header, idempotencyKey) // that of all records is in each one's own, see Batch.Record
	}
	for _, m := range moved {
		if !b.joinCookie(m.name, text[m.start:m.end]) {
			values = b.set(values, m.name, append(b.Header[m.name], text[m.start:m.end])...)
		}
	}
	values = b.set(values, "Accept-Encoding", "identity")
	b.set(values, "Via", append(slices.Clip(d.request.Header["Via"]), received)...)
	return nil
}

// meantInHeader is the name that a header field's value just is in braces, as in the path of
// the outbound URL or as other programs write a field; empty for any other.
func (d *directives) meantInHeader(values []string) string {
	if !d.braces || len(values) != 1 {
		return ""
	}
	return inBraces(values[0])
}

func errFieldInHeader(header, value, field string) error {
	return refuse(ErrHeader, "The header "+gateway.Quoted(header)+" is "+gateway.Quoted(value)+", and the record has a field of that name, but a header's value is sent as it is. Write "+
		field+"="+header+" in "+headerFieldsHeader+" instead.", field)
}

// set puts a field into the header with values carved from one backing array.
func (b *builder) set(values []string, name string, added ...string) []string {
	start := len(values)
	values = append(values, added...)
	b.Header[name] = values[start:len(values):len(values)]
	return values
}

func isMoved(moved []headerText, name string) bool {
	return slices.ContainsFunc(moved, func(m headerText) bool { return m.name == name })
}

// A headerText is where in a text the value of a header field is.
type headerText struct {
	name       string
	start, end int
}

// writeHeaders appends the values of the fields that become headers.
func writeHeaders(text []byte, headers []headerText, r *record, moves []move) ([]byte, []headerText, error) {
	var present, ok bool
	before := len(text)
	for _, m := range moves {
		if m.to != toHeader || m.member < 0 {
			continue
		}
		start := len(text)
		if text, present, ok = m.style.append(text, m.name, r.value(m.member)); !ok {
			return nil, nil, errHalfPair(m.field)
		}
		if !gateway.ValidHeaderValue(text[start:]) {
			return nil, nil, errHeaderValue(m.field, m.name)
		}
		if len(text)-before > maxMoved {
			return nil, nil, errTooMuchMoved(m.field)
		}
		if present {
			headers = append(headers, headerText{m.name, start, len(text)})
		}
	}
	return text, headers, nil
}

// writeCookies appends the cookies that the operation's parameters place, as one
// value of Cookie (RFC 6265 section 4.2.1).
func writeCookies(text []byte, headers []headerText, r *record, moves []move) ([]byte, []headerText, error) {
	start := len(text)
	for _, m := range moves {
		if m.to != toCookie || m.member < 0 {
			continue
		}
		begin := len(text)
		if begin > start {
			text = append(text, "; "...)
		}
		pair := len(text)
		var present, ok bool
		if text, present, ok = m.style.append(text, m.name, r.value(m.member)); !ok {
			return nil, nil, errHalfPair(m.field)
		}
		if !isCookieValue(text[pair:]) {
			return nil, nil, errCookieValue(m.field)
		}
		if len(text)-start > maxMoved {
			return nil, nil, errTooMuchMoved(m.field)
		}
		if !present {
			text = text[:begin]
		}
	}
	if len(text) > start {
		headers = append(headers, headerText{"Cookie", start, len(text)})
	}
	return text, headers, nil
}

// isCookieValue reports whether a value is made of cookie-octets (RFC 6265 section
// 4.1.1) and the commas that join the elements of an array.
func isCookieValue(value []byte) bool {
	return !bytes.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`";\`, c) })
}

func errCookieValue(field string) error {
	return refuse(ErrHeader, "The value of the field "+gateway.Quoted(field)+" cannot stand in a cookie: only printable ASCII without white space, quotes, semicolons and backslashes can (RFC 6265 section 4.1.1).", field)
}

// joinCookie adds cookies to the caller's own Cookie where that waits for a
// credential, since a request has one Cookie only (RFC 6265 section 5.4).
func (b *builder) joinCookie(name, cookies string) bool {
	for i, fill := range b.Fills {
		if name == "Cookie" && fill.Field == name {
			b.Fills[i].Parts = append(fill.Parts, FillPart{Literal: "; " + cookies})
			return true
		}
	}
	return false
}
