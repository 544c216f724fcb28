package plan

import (
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// A style is how a query parameter is written, by OpenAPI 3.1's style and explode
// (https://spec.openapis.org/oas/v3.1.1.html#style-values). The zero style is form
// with explode, the default: an array repeats the parameter.
type style struct {
	// delimiter joins the elements of an array into one value; empty repeats the parameter.
	delimiter string
	// deepObject writes an object's members as name[member]=value.
	deepObject bool
	// allowReserved leaves reserved characters as they are where a query allows them.
	allowReserved bool
}

// queryStyle returns the style of a query parameter. Delimiters that RFC 3986 does
// not allow in a query are percent-encoded.
func queryStyle(parameter *destination.Parameter) style {
	s := style{allowReserved: parameter.AllowReserved, deepObject: parameter.Style == "deepObject"}
	if parameter.Explode {
		return s
	}
	switch parameter.Style {
	case "form":
		s.delimiter = ","
	case "spaceDelimited":
		s.delimiter = "%20"
	case "pipeDelimited":
		s.delimiter = "%7C"
	}
	return s
}

// maxFilledURL is from what length on nothing more is appended to a query or a path: it is
// refused, whatever else would come.
const maxFilledURL = destination.MaxURLBytes + maxMoved

// fits reports whether a value can be written in the style.
func (s style) fits(value []byte) bool {
	if value[0] == '{' && !s.deepObject {
		return false
	}
	if !rawjson.IsContainer(value) {
		return true
	}
	for element := range rawjson.Elements(value) {
		if rawjson.IsContainer(element) {
			return false
		}
	}
	return true
}

// appendQuery appends a query parameter with the scalars of a value that are not
// null. Of a query that gets longer than maxFilledURL it leaves out the rest. ok is
// false where a text holds half a surrogate pair.
func (s style) appendQuery(query []byte, name string, value []byte) (_ []byte, ok bool) {
	if value[0] == '{' {
		return s.appendDeepObject(query, name, value)
	}
	var scratch [256]byte
	first := true
	for scalar := range rawjson.Elements(value) {
		if isNull(scalar) {
			continue
		}
		text, ok := rawjson.ScalarText(scratch[:0], scalar)
		if !ok {
			return query, false
		}
		if first || s.delimiter == "" {
			query = appendPercentEncoded(appendSeparator(query), name)
			query = append(query, '=')
		} else {
			query = append(query, s.delimiter...)
		}
		first = false
		if query = s.appendValue(query, text); len(query) > maxFilledURL {
			break
		}
	}
	return query, true
}

// appendDeepObject appends name[member]=value for each member that is not null.
func (s style) appendDeepObject(query []byte, name string, value []byte) (_ []byte, ok bool) {
	var scratch, nameScratch [256]byte
	var member []byte
	for scalar := range rawjson.Elements(value) {
		if member == nil {
			member = scalar
			continue
		}
		key, keyOK := rawjson.ScalarText(nameScratch[:0], member)
		member = nil
		if isNull(scalar) {
			continue
		}
		text, ok := rawjson.ScalarText(scratch[:0], scalar)
		if !ok || !keyOK {
			return query, false
		}
		query = appendPercentEncoded(appendSeparator(query), name)
		query = append(query, "%5B"...)
		query = appendPercentEncoded(query, key)
		query = append(query, "%5D="...)
		if query = s.appendValue(query, text); len(query) > maxFilledURL {
			break
		}
	}
	return query, true
}

// appendSeparator begins another parameter.
func appendSeparator(query []byte) []byte {
	if last := len(query) - 1; last >= 0 && query[last] != '&' {
		return append(query, '&')
	}
	return query
}

// appendValue appends a value. Of the reserved characters, allowReserved leaves
// those that a query can hold and that do not end a value or, as + does, mean another.
func (s style) appendValue(query, text []byte) []byte {
	if !s.allowReserved {
		return appendPercentEncoded(query, text)
	}
	for i, c := range text {
		switch c {
		case ':', '/', '?', '@', '!', '$', '\'', '(', ')', '*', ',', ';':
			query = append(query, c)
		default:
			query = appendPercentEncoded(query, text[i:i+1])
		}
	}
	return query
}

// appendHeader appends the scalars of a value that are not null, joined with
// commas; present is false when there are none.
func appendHeader(header, value []byte) (_ []byte, present, ok bool) {
	var scratch [256]byte
	for scalar := range rawjson.Elements(value) {
		if isNull(scalar) {
			continue
		}
		text, ok := rawjson.ScalarText(scratch[:0], scalar)
		if !ok {
			return header, true, false
		}
		if present {
			header = append(header, ',')
		}
		present = true
		header = append(header, text...)
	}
	return header, present, true
}

// appendPath appends the scalars of a value that are not null, percent-encoded
// and joined with commas (RFC 6570 section 3.2.2).
func appendPath(path, value []byte) (_ []byte, ok bool) {
	var scratch [256]byte
	start := len(path)
	for scalar := range rawjson.Elements(value) {
		if isNull(scalar) {
			continue
		}
		text, ok := rawjson.ScalarText(scratch[:0], scalar)
		if !ok {
			return path, false
		}
		if len(path) > start {
			path = append(path, ',')
		}
		path = appendPercentEncoded(path, text)
	}
	return path, true
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
