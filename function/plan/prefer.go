package plan

import (
	"net/http"
	"strings"

	"keyrelay/function/gateway"
)

const (
	preferHeader = "Prefer"
	respondAsync = "respond-async"
)

// preferences reads Prefer (RFC 7240 section 2): whether the caller prefers respond-async
// (section 4.1), and the field without it. A respond-async with a value is none that the
// RFC knows: it asks for nothing, and is not for the API either.
func preferences(lines []string) (async bool, others []string) {
	for _, line := range lines {
		var kept []string
		all := splitOutsideQuotes(line, ',')
		for _, preference := range all {
			name, value, _ := strings.Cut(splitOutsideQuotes(preference, ';')[0], "=")
			if !strings.EqualFold(trim(name), respondAsync) {
				kept = append(kept, trim(preference))
				continue
			}
			async = async || strings.Trim(trim(value), `"`) == ""
		}
		if len(kept) == len(all) {
			others = append(others, line)
		} else if rest := strings.Join(kept, ", "); rest != "" {
			others = append(others, rest)
		}
	}
	return async, others
}

// splitOutsideQuotes splits a field at a separator that is not within a quoted string
// (RFC 9110 section 5.6.4).
func splitOutsideQuotes(line string, separator byte) (parts []string) {
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == separator:
			parts = append(parts, line[start:i])
			start = i + 1
		}
	}
	return append(parts, line[start:])
}

// Kept returns the header fields of a request that a later plan needs: those that direct
// the relay and those that it forwards, Prefer without respond-async. None holds the
// caller's key. Authorization and Cookie hold only placeholders: anything else there is a
// credential, which the error refuses.
func Kept(header http.Header) (http.Header, error) {
	kept := http.Header{}
	for name, values := range header {
		switch {
		case name == dryRunHeader:
			continue
		case isDirective(name):
		case nominated(header, name):
			continue
		case name == preferHeader:
			_, values = preferences(values)
		case holdsCredentials(name):
			if !holdsPlaceholder(values) {
				continue
			}
			if !placeholdersAlone(values) {
				return nil, refuse(ErrHeader, name+" holds something else than placeholders, and what is delivered later is kept without credentials. Send placeholders alone in it, or without Prefer: respond-async.")
			}
		case name != "Via" && !gateway.Forwards(name):
			continue
		}
		if len(values) > 0 {
			kept[name] = values
		}
	}
	return kept, nil
}

// placeholdersAlone reports whether all that Authorization and Cookie hold is
// placeholders, after the name of a scheme or a cookie.
func placeholdersAlone(values []string) bool {
	for _, value := range values {
		for _, part := range strings.FieldsFunc(value, func(c rune) bool { return c == ';' || c == ',' }) {
			part = trim(part)
			before, rest, found := strings.Cut(part, "{{{")
			_, after, closed := strings.Cut(rest, "}}}")
			name := strings.TrimRight(before, " =")
			if !found || !closed || after != "" || name != "" && (name == before || !gateway.ValidHeaderName(name)) {
				return false
			}
		}
	}
	return true
}
