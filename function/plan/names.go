package plan

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// An entry is a field as a header names it: field, field?, and, in X-Relay-Header-Fields,
// field=Header-Name and field?=Header-Name.
type entry struct {
	field    string
	optional bool
	// name is what follows "=", where renamed says that there is one.
	name    string
	renamed bool
}

// cutEntry reads the first entry of a list. A field whose name holds a comma, or
// quotes at its start, is written as a quoted string (RFC 8941 section 3.3.3).
func cutEntry(list, directive string) (e entry, rest string, err error) {
	list = strings.TrimLeft(list, " \t")
	renames := directive == headerFieldsHeader
	if !strings.HasPrefix(list, `"`) {
		e.field, rest, _ = strings.Cut(list, ",")
		// The last "=" divides, since a header name holds none.
		if equals := strings.LastIndexByte(e.field, '='); renames && equals >= 0 {
			e.field, e.name, e.renamed = e.field[:equals], trim(e.field[equals+1:]), true
		}
		e.field, e.optional = strings.CutSuffix(trim(e.field), "?")
		e.field = trim(e.field)
		return e, rest, nil
	}
	e.field, rest, err = cutQuoted(list[1:], directive)
	suffix, rest, _ := strings.Cut(rest, ",")
	suffix, e.optional = strings.CutPrefix(trim(suffix), "?")
	if suffix = trim(suffix); renames && strings.HasPrefix(suffix, "=") {
		e.name, e.renamed, suffix = trim(suffix[1:]), true, ""
	}
	if err == nil && suffix != "" {
		err = errQuotedName(directive)
	}
	return e, rest, err
}

// cutQuoted reads a quoted string without its first quote.
func cutQuoted(text, directive string) (name, rest string, err error) {
	var decoded []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return string(decoded), text[i+1:], nil
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			decoded = append(decoded, text[i])
		case c == '\\' || c < ' ' || c == 0x7f:
			return "", "", errQuotedName(directive)
		default:
			decoded = append(decoded, c)
		}
	}
	return "", "", errQuotedName(directive)
}

func errQuotedName(directive string) error {
	return refuse(ErrHeader, directive+` holds a quoted name that is not closed, or that something follows. Write names as a, b without brackets, names with commas or quotes as "a,b" and "a\"b", and ? or =Header-Name behind the closing quote.`)
}

// fromLatin1 reads a header's value as UTF-8 where it is, else as ISO-8859-1, which
// some clients send.
func fromLatin1(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	decoded, _ := charmap.ISO8859_1.NewDecoder().String(value) // each byte is a character
	return decoded
}

// fromMisread undoes what a gateway does that takes the bytes of UTF-8 for ISO-8859-1.
func fromMisread(name string) (read string, ok bool) {
	if utf8.RuneCountInString(name) == len(name) {
		return "", false // ASCII, as most are
	}
	read, err := charmap.ISO8859_1.NewEncoder().String(name)
	return read, err == nil && utf8.ValidString(read)
}
