package plan

import (
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// A style is how a field is written into a query, a path, a header or a cookie, by
// OpenAPI's styles (https://spec.openapis.org/oas/v3.1.1.html#style-examples), which
// are those of RFC 6570. Nulls are left out. The zero style is form with explode,
// the default of queries: an array repeats the parameter.
type style struct {
	form form
	// joined writes an array or an object as one value, its parts joined by delimiter.
	joined    bool
	delimiter string
	// objects says that an object can be written: its members' names and values.
	objects bool
	// plain writes texts as they are, as headers and cookies hold them; otherwise they
	// are percent-encoded.
	plain bool
	// allowReserved leaves reserved characters as they are where a query allows them, or, if
	// inPath is set, where a segment of a path does.
	allowReserved, inPath bool
}

// A form is what stands around values.
type form int

const (
	// pairs are name=value, joined by "&".
	pairs form = iota
	// simple are values, joined by ",".
	simple
	// label values each follow a ".".
	label
	// matrix pairs, name=value, each follow a ";".
	matrix
	// deepObject are name[member]=value and, below it, name[member][index]=value, joined by "&".
	deepObject
	// content is name=value whose value is JSON, in a query or a cookie.
	content
	// bareContent is a value that is JSON.
	bareContent
)

// declaredStyle returns how an operation's parameter is written. Delimiters that RFC
// 3986 does not allow in a query are percent-encoded.
func declaredStyle(parameter *destination.Parameter) style {
	s := style{joined: !parameter.Explode, delimiter: ",", objects: parameter.IsObject, allowReserved: parameter.AllowReserved, inPath: parameter.In == "path"}
	s.plain = parameter.In == "header" || parameter.In == "cookie"
	switch parameter.Style {
	case "simple":
		s.form = simple
	case "label":
		s.form = label
	case "matrix":
		s.form = matrix
	case "deepObject":
		s.form, s.joined = deepObject, false
	case "spaceDelimited":
		s.delimiter = "%20"
	case "pipeDelimited":
		s.delimiter = "%7C"
	}
	switch {
	case parameter.IsJSON && s.form == simple:
		s.form = bareContent
	case parameter.IsJSON:
		s.form = content
	}
	return s
}

// maxFilledURL is from what length on nothing more is appended to a query or a path: it is
// refused, whatever else would come.
const maxFilledURL = destination.MaxURLBytes + maxMoved

// fits reports whether a value can be written in the style.
func (s style) fits(value []byte) bool {
	switch {
	case s.form == content || s.form == bareContent || !rawjson.IsContainer(value):
		return true
	case s.form == deepObject:
		return nests(value, maxDeepObject)
	}
	return (value[0] == '[' || s.objects) && nests(value, 1)
}

// spreads reports whether each member of a value becomes a parameter of its own.
func (s style) spreads(value []byte) bool { return s.form == pairs && !s.joined && value[0] == '{' }

// append appends a value; present is false where it has nothing to write. Of a text
// that gets longer than maxFilledURL it leaves out the rest. ok is false where a text
// holds half a surrogate pair.
func (s style) append(out []byte, name string, value []byte) (_ []byte, present, ok bool) {
	if s.form == content || s.form == bareContent {
		return s.appendText(s.open(out, name, nil, false), value), true, true
	}
	if s.form == deepObject {
		before := len(out)
		out, ok = s.appendDeep(out, []byte(name), value)
		return out, len(out) > before, ok
	}
	var scratch, keyScratch [256]byte
	for written, element := range rawjson.Members(value) {
		if isNull(element) {
			continue
		}
		var key []byte
		if written != nil {
			if key, ok = rawjson.ScalarText(keyScratch[:0], written); !ok {
				return out, present, false
			}
		}
		text, ok := rawjson.ScalarText(scratch[:0], element)
		if !ok {
			return out, present, false
		}
		out = s.appendItem(out, name, key, text, present)
		if present = true; len(out) > maxFilledURL {
			break
		}
	}
	return out, present, true
}

// appendItem appends one value, which has a key in an object.
func (s style) appendItem(out []byte, name string, key, text []byte, present bool) []byte {
	switch {
	case !s.joined:
		out = s.open(out, name, key, present)
	case present:
		out = append(out, s.delimiter...)
	default:
		out = s.open(out, name, nil, false)
	}
	if s.joined && key != nil {
		out = append(s.appendText(out, key), s.delimiter...)
	}
	if s.form == matrix && len(text) == 0 && key == nil && out[len(out)-1] == '=' {
		return out[:len(out)-1] // RFC 6570 section 3.2.7
	}
	return s.appendText(out, text)
}

// open appends what stands before a value.
func (s style) open(out []byte, name string, key []byte, present bool) []byte {
	switch s.form {
	case simple:
		if present {
			out = append(out, ',')
		}
		return s.appendKey(out, key)
	case bareContent:
		return out
	case label:
		return s.appendKey(append(out, '.'), key)
	case matrix:
		out = append(out, ';')
	default:
		if !s.plain {
			out = appendSeparator(out)
		} else if present {
			out = append(out, '&')
		}
	}
	switch {
	case key != nil:
		return s.appendKey(out, key)
	case s.plain:
		return append(append(out, name...), '=')
	}
	return append(appendPercentEncoded(out, name), '=')
}

// appendKey appends an object's key and "=", where there is one.
func (s style) appendKey(out, key []byte) []byte {
	if key == nil {
		return out
	}
	return append(s.appendText(out, key), '=')
}

// appendSeparator begins another parameter.
func appendSeparator(query []byte) []byte {
	if last := len(query) - 1; last >= 0 && query[last] != '&' {
		return append(query, '&')
	}
	return query
}

// appendText appends a value. Of the reserved characters, allowReserved leaves those
// that a query can hold and that do not end a value or, as + does, mean another; a
// percent escape stays one (RFC 6570 section 3.2.3).
func (s style) appendText(out, text []byte) []byte {
	switch {
	case s.plain:
		return append(out, text...)
	case !s.allowReserved:
		return appendPercentEncoded(out, text)
	}
	for i, c := range text {
		switch c {
		case '/', '?':
			if s.inPath { // https://spec.openapis.org/oas/v3.2.0.html#path-templating
				out = appendPercentEncoded(out, text[i:i+1])
				continue
			}
			out = append(out, c)
		case ':', '@', '!', '$', '\'', '(', ')', '*', ',', ';':
			out = append(out, c)
		case '%':
			if isEscape(text[i:]) {
				out = append(out, c)
				continue
			}
			fallthrough
		default:
			out = appendPercentEncoded(out, text[i:i+1])
		}
	}
	return out
}

// isEscape reports whether a text begins with a percent escape.
func isEscape(text []byte) bool {
	return len(text) > 2 && !slices.ContainsFunc(text[1:3], func(c byte) bool { return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') })
}

func isNull(scalar []byte) bool { return scalar[0] == 'n' }

// appendPercentEncoded appends a text with every byte but the unreserved ones of
// RFC 3986 section 2.3 as %XX; a space becomes %20, which, unlike +, every server reads.
func appendPercentEncoded[text string | []byte](encoded []byte, plain text) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(plain) {
		if c := plain[i]; isUnreserved(c) {
			encoded = append(encoded, c)
		} else {
			encoded = append(encoded, '%', digits[c>>4], digits[c&15])
		}
	}
	return encoded
}

func isUnreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
