package plan

import (
	"strings"

	"keyrelay/function/gateway"
)

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
		text = append(append(text, m.name...), '=')
		value := len(text)
		var present, whole bool
		if text, present, whole = appendHeader(text, r.valueOf(m)); !whole {
			return nil, nil, brokenText(m.field)
		}
		if !isCookieValue(text[value:]) {
			return nil, nil, badCookieValue(m.field)
		}
		if len(text)-start > maxMoved {
			return nil, nil, tooMuchMoved(m.field)
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
	for _, c := range value {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`";\`, c) >= 0 {
			return false
		}
	}
	return true
}

func badCookieValue(field string) error {
	return &gateway.Refusal{
		Reason: ErrHeader,
		Detail: "The value of the field " + quoted(field) + " cannot stand in a cookie: only printable ASCII without white space, quotes, semicolons and backslashes can (RFC 6265 section 4.1.1).",
		Fields: []string{field},
	}
}

// joinCookie adds cookies to the caller's own Cookie where that waits for a
// credential, since a request has one Cookie only (RFC 6265 section 5.4).
func (o *outbound) joinCookie(name, cookies string) bool {
	for i, fill := range o.Fills {
		if name == "Cookie" && fill.Field == name {
			o.Fills[i].Parts = append(fill.Parts, FillPart{Literal: "; " + cookies})
			return true
		}
	}
	return false
}
