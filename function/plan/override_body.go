package plan

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// checkBody refuses a body in which servers read another method, path or user than the
// operation's, or may do so unseen: they let a POST say so by a member of a form, and some by
// one of a JSON object.
func (b *builder) checkBody() error {
	if b.Operation.Path == "" || b.Method != http.MethodPost || len(b.Body) == 0 {
		return nil
	}
	contentType := strings.ToLower(strings.Join(b.Header["Content-Type"], ","))
	if err := b.checkReadable(contentType); err != nil {
		return err
	}
	if name := overrideInBody(contentType, b.Body); name != "" && !b.shapes(name) {
		return refuse(ErrRecord, "The body has the member "+gateway.Quoted(name)+", by which servers read another method, path or user than the request's. Take it out, and send the request that you mean.", name)
	}
	return nil
}

// shapes reports whether the body is made by the document's template, which has a member of
// this name: then that is the operator's.
func (b *builder) shapes(name string) bool {
	if !b.reshapes {
		return false
	}
	_, found := rawjson.PointerTo(name).Find(b.Operation.Body.JSON)
	return found
}

// checkReadable refuses a body whose members servers may see, and the relay cannot. A coding
// that the operation declares a parameter for is the operator's.
func (b *builder) checkReadable(contentType string) error {
	const unseen = ", in which the relay cannot see whether a member, such as _method, makes servers read another method. "
	coding := gateway.ContentCoding(b.Header)
	isASCII := isASCIICompatible(contentType) && !isWide(contentType, b.Body)
	switch {
	case coding == "" && isASCII, !mayHaveMembers(contentType):
		return nil
	case coding == "":
		return refuse(ErrRecordNotJSON, "The body is not written in UTF-8, or its type "+gateway.Quoted(shorten(contentType))+" says so"+unseen+"Send it in UTF-8.")
	case declares(b.Operation, "header", "Content-Encoding", gateway.SameHeaderName):
		return nil
	}
	return refuse(ErrRecordNotJSON, "The body is coded as "+gateway.Quoted(shorten(coding))+unseen+
		"Send it without Content-Encoding, or with gzip or deflate alone; or have the operator declare a header parameter Content-Encoding.")
}

// mayHaveMembers reports whether servers could read a body of a media type as a form or as
// JSON. They read a broken type in their own ways, and some take a body without one for a form.
func mayHaveMembers(contentType string) bool {
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return true
	}
	return slices.ContainsFunc([]string{"urlencoded", "multipart/", "json", "text/plain"}, func(part string) bool { return strings.Contains(contentType, part) })
}

// isASCIICompatible reports whether every charset that a media type names writes ASCII
// as ASCII does, so that a member's name is found.
func isASCIICompatible(contentType string) bool {
	for _, rest, found := strings.Cut(contentType, "charset"); found; _, rest, found = strings.Cut(rest, "charset") {
		value := looseValue(strings.TrimLeft(rest, " \t=*"))
		if value == "utf-8" {
			continue
		}
		value = value[strings.LastIndexByte(value, '\'')+1:] // behind the charset that it is written in itself (RFC 8187)
		charset := strings.NewReplacer("-", "", "_", "").Replace(value)
		if charset != "" && !slices.ContainsFunc(asciiCharsets(), func(name string) bool { return strings.HasPrefix(charset, name) }) {
			return false
		}
	}
	return true
}

// asciiCharsets returns what the names of charsets begin with that write ASCII as ASCII does.
func asciiCharsets() []string {
	return []string{"utf8", "ascii", "usascii", "ansi", "iso8859", "latin", "windows", "cp125", "cp437", "cp85", "cp866", "mac", "xmac", "koi8", "tis620",
		"euc", "shiftjis", "sjis", "xsjis", "ms932", "cp932", "cp949", "ksc56", "gb", "big5"}
}

// isWide reports whether a body is JSON in UTF-16 or UTF-32: it begins with two ASCII
// characters, of which one has a zero beside it (RFC 4627 section 3), or with a mark.
func isWide(contentType string, body []byte) bool {
	if len(body) < 2 || !strings.Contains(contentType, "json") {
		return false
	}
	return body[0] == 0 || body[1] == 0 || body[0] >= 0xfe && body[1] >= 0xfe
}

// overrideInBody returns the member by which servers read another request from a body; empty
// if there is none.
func overrideInBody(contentType string, body []byte) (name string) {
	isUntyped := trim(contentType) == ""
	if isUntyped || strings.Contains(contentType, "urlencoded") {
		name = overrideIn(string(body), isFormOverride)
	}
	if name == "" && strings.Contains(contentType, "multipart/") {
		name = overrideInParts(body)
	}
	if name == "" {
		name = overrideInObject(body, isUntyped || strings.Contains(contentType, "json"))
	}
	return name
}

// overrideInParts looks at what names a part (RFC 7578 section 4.2), not at what the part
// holds. Servers differ in the boundary that they read and in how its line ends, so any
// two hyphens begin a part's fields, and the last of the blank lines that a server may
// see behind them ends them.
func overrideInParts(body []byte) string {
	unfold := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ")
	blank := []byte("\r\n\r\n")
	if !bytes.Contains(body, blank) {
		blank = []byte("\n\n")
	}
	for _, rest, found := bytes.Cut(body, []byte("--")); found; _, rest, found = bytes.Cut(rest, []byte("--")) {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		fields, _, _ := bytes.Cut(after, blank)
		end := min(len(line)+1+len(fields), len(rest))
		if name := overrideInFields(unfold.Replace(string(rest[:end]))); name != "" {
			return name
		}
		rest = rest[end:]
	}
	return ""
}

func overrideInFields(fields string) string {
	for line := range strings.FieldsFuncSeq(fields, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if field, value, _ := strings.Cut(line, ":"); strings.EqualFold(trim(field), "Content-Disposition") {
			if name := overrideInDisposition(value); name != "" {
				return name
			}
		}
	}
	return ""
}

// overrideInDisposition reads the name as RFC 2183 writes it, and also where servers that
// know no quotes, or no escapes in them, would find it, continued (RFC 2231) or not.
func overrideInDisposition(value string) string {
	if _, parameters, _ := mime.ParseMediaType(value); isPartOverride(parameters["name"]) {
		return parameters["name"]
	}
	joined, count := "", 0
	for key, rest, found := strings.Cut(value, "="); found; key, rest, found = strings.Cut(rest, "=") {
		key = strings.ToLower(strings.TrimRight(key[max(0, len(key)-maxLoose):], " \t*0123456789"))
		if !strings.HasSuffix(key, "name") || strings.HasSuffix(key, "filename") {
			continue
		}
		name := looseValue(rest)
		joined = (joined + name)[:min(len(joined+name), maxLoose)]
		plain := destination.ParameterName(name[strings.LastIndexByte(name, '\'')+1:])
		if count++; count > maxLoose || isPartOverride(name) || isFormOverride(plain) || isFormOverride(joined) {
			return name
		}
	}
	return ""
}

// maxLoose is more than a name by which servers read another request takes, escaped over and
// over, and more names than anybody gives a part: no more are looked at, so that millions cost
// little.
const maxLoose = 100

// looseValue is what stands at the beginning of a text, without quotes.
func looseValue(text string) string {
	text = strings.TrimLeft(text, "\"'\\ \t")
	text = text[:min(len(text), maxLoose)]
	if end := strings.IndexAny(text, "\";, \t"); end >= 0 {
		text = text[:end]
	}
	return strings.TrimRight(text, "'")
}

// isPartOverride is isFormOverride of a part's name, which some servers look for in
// encoded words too (RFC 2047).
func isPartOverride(name string) bool {
	if !strings.Contains(name, "=?") {
		return isFormOverride(name)
	}
	decoded, err := new(mime.WordDecoder).DecodeHeader(name)
	return err != nil || isFormOverride(decoded)
}

// overrideInObject looks for the member that is read from JSON: _method, in any case. Text
// that is JSON by its type alone, and not by RFC 8259, is another object to each of its
// readers: there the name counts wherever it stands.
func overrideInObject(body []byte, isJSON bool) string {
	const name = "_method"
	if !holdsName(body, name) {
		return ""
	}
	cursor := rawjson.Cursor{AnyNames: true}
	cursor.Reset(bytes.TrimPrefix(body, byteOrderMark))
	if cursor.Peek() == '[' {
		return ""
	}
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		if found := string(cursor.Name()); strings.EqualFold(found, name) {
			return found
		}
		cursor.Skip()
	}
	// What follows a whole object is another text.
	if isJSON && cursor.Peek() == 0 && cursor.End() != nil {
		return name
	}
	return ""
}

// holdsName reports whether a text holds a name of ASCII, in any case, its characters
// escaped or not, that is not part of another word.
func holdsName(text []byte, name string) bool {
	for _, first := range [...]string{name[:1], `\u`, `\x`} {
		for at := 0; ; at++ {
			next := bytes.Index(text[at:], []byte(first))
			if next < 0 {
				break
			}
			if at += next; at > 0 && isWordByte(text[at-1]) {
				continue
			}
			if rest, found := cutName(text[at:], name); found && (len(rest) == 0 || !isWordByte(rest[0])) {
				return true
			}
		}
	}
	return false
}

// cutName returns what follows a name at the beginning of a text.
func cutName(text []byte, name string) (rest []byte, found bool) {
	for i := range len(name) {
		c, length := unescaped(text)
		if c != name[i] && (c|0x20 != name[i] || name[i] == '_') {
			return nil, false
		}
		text = text[length:]
	}
	return text, true
}

// unescaped returns the character of ASCII that a text begins with, and how long it is there:
// itself, or as JSON or only JavaScript escapes it; 0 if there is none.
func unescaped(text []byte) (c byte, length int) {
	if len(text) == 0 {
		return 0, 0
	}
	if text[0] != '\\' {
		return text[0], 1
	}
	for _, escape := range [...]string{`\u00`, `\x`} {
		digits, found := bytes.CutPrefix(text, []byte(escape))
		if !found {
			continue
		}
		if code, err := strconv.ParseUint(string(digits[:min(len(digits), 2)]), 16, 8); err == nil {
			return byte(code), len(escape) + 2
		}
	}
	return 0, 0
}

func isWordByte(c byte) bool { return isUnreserved(c) && c != '.' && c != '~' }
