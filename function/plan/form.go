package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// formType is the media type of forms whose members are pairs; the other one is multipart/form-data.
const formType = "application/x-www-form-urlencoded"

// maxForm is how many bytes a form may have. Each element of an array brings its
// member's name along, so that much can come of little.
const maxForm = gateway.MaxRecordBytes

// A formWriter writes the members of a JSON object as a form: texts as they are,
// numbers as their digits, nothing for null. An array repeats its member, an object
// is JSON text, unless the operation's encoding says otherwise
// (https://spec.openapis.org/oas/v3.1.1.html#encoding-object).
type formWriter struct {
	operation *destination.Operation
	body      []byte
	// boundary is what stands between the parts of multipart/form-data (RFC 7578); empty for pairs.
	boundary string
	// name is the member's, and in a deepObject that of what it holds.
	name []byte
	// failed is the error that was met first.
	failed error
}

// setForm makes the body a form of the object's members, but for those taken. An
// operation that takes a form of pairs gets what it would get from a browser, but
// that a space is %20.
func (b *builder) setForm(object *rawjson.Object, text []byte, taken []bool) error {
	w := &formWriter{operation: b.Operation, body: make([]byte, 0, len(text))}
	contentType := b.Operation.BodyType
	if contentType != formType {
		w.boundary = boundary(object, text, taken)
		contentType += "; boundary=" + w.boundary
	}
	for i := range object.Len() {
		if !taken[i] {
			w.member(object.Name(i), object.Value(i).Of(text))
		}
	}
	if w.boundary != "" {
		w.body = append(append(append(w.body, "--"...), w.boundary...), "--\r\n"...)
	}
	b.Body = w.body
	b.Header["Content-Type"] = []string{contentType}
	return w.failed
}

// boundary is one that the members cannot hold, since it is a hash of them.
func boundary(object *rawjson.Object, text []byte, taken []bool) string {
	hash := sha256.New()
	for i := range object.Len() {
		if !taken[i] {
			hash.Write(object.Member(i).Of(text))
		}
	}
	return "keyrelay-" + hex.EncodeToString(hash.Sum(nil)[:16])
}

// member writes one member of the object.
func (w *formWriter) member(name string, value []byte) {
	w.setName(name)
	encoding, given := w.operation.BodyEncoding[name]
	isJSON := encoding.ContentType != "" && isJSONType(encoding.ContentType)
	switch {
	case encoding.Style == "deepObject":
		w.deepObject(value)
	case encoding.Style == "" && isJSON && (value[0] != '[' || w.boundary == "") && !isNull(value):
		w.write(encoding, value)
	case rawjson.IsContainer(value) && given && encoding.Style != "" && (value[0] == '{' || !encoding.Explode):
		w.styled(value, encoding)
	case value[0] == '[':
		for element := range rawjson.Elements(value) {
			w.value(element, encoding)
		}
	default:
		w.value(value, encoding)
	}
}

// setName gives what is written next a name. One by which frameworks read the
// request's method from a form is refused.
func (w *formWriter) setName(name string) {
	w.name = append(w.name[:0], name...)
	if w.failed == nil && w.operation.Path != "" && isMethodOverride(name) {
		w.failed = &gateway.Refusal{
			Reason: ErrRecord,
			Detail: "The field " + quoted(name) + " would be read from the form as the request's method. Take it out, and send the method that you mean.",
			Fields: []string{name},
		}
	}
}

// deepObject writes what a value holds, each under its own name[member] or name[index].
func (w *formWriter) deepObject(value []byte) {
	if !rawjson.IsContainer(value) {
		w.value(value, destination.Encoding{})
		return
	}
	before, index := len(w.name), 0
	var key []byte
	for element := range rawjson.Elements(value) {
		if value[0] == '{' && key == nil {
			key = append([]byte{'['}, w.text(element)...)
			continue
		}
		if value[0] == '[' {
			key = strconv.AppendInt([]byte{'['}, int64(index), 10)
		}
		if !isNull(element) {
			w.name = append(append(w.name, key...), ']')
			w.deepObject(element)
			index++
		}
		if w.name, key = w.name[:before], nil; w.failed != nil {
			return
		}
	}
}

// styled writes an array or an object whose encoding has a style of queries.
func (w *formWriter) styled(value []byte, encoding destination.Encoding) {
	var texts [][]byte
	var key []byte
	for element := range rawjson.Elements(value) {
		text := w.text(element)
		switch {
		case value[0] == '{' && key == nil:
			key = append([]byte{}, text...)
			continue
		case isNull(element):
		case value[0] == '{' && encoding.Explode:
			w.setName(string(key))
			w.write(encoding, text)
		case value[0] == '{':
			texts = append(texts, key, text)
		default:
			texts = append(texts, text)
		}
		key = nil
	}
	if len(texts) > 0 {
		w.write(encoding, texts...)
	}
}

// value writes a scalar as what it says, and anything else as JSON text.
func (w *formWriter) value(value []byte, encoding destination.Encoding) {
	if isNull(value) {
		return
	}
	if encoding.ContentType == "" && rawjson.IsContainer(value) {
		encoding.ContentType = "application/json"
	}
	w.write(encoding, w.text(value))
}

func (w *formWriter) text(value []byte) []byte {
	text, ok := rawjson.ScalarText(nil, value)
	if !ok && w.failed == nil {
		w.failed = errHalfPair(string(w.name))
	}
	return text
}

// write writes one pair, or one part. Several texts are joined as the encoding's style says.
func (w *formWriter) write(encoding destination.Encoding, texts ...[]byte) {
	size := len(w.body) + w.size(w.name)
	for _, text := range texts {
		size += w.size(text) + len(",")
	}
	switch {
	case w.failed != nil:
	case size > maxForm:
		w.failed = &gateway.Refusal{
			Reason: ErrRecordTooLarge,
			Detail: "The form that the record becomes has more than " + strconv.Itoa(maxForm) + " bytes. Send it in parts.",
		}
	case w.boundary != "":
		delimiter := map[string]string{"spaceDelimited": " ", "pipeDelimited": "|"}[encoding.Style]
		w.part(bytes.Join(texts, []byte(cmp.Or(delimiter, ","))), mediaType(encoding.ContentType))
	default:
		s := declaredStyle(&destination.Parameter{Style: encoding.Style, AllowReserved: encoding.AllowReserved})
		w.body = append(appendPercentEncoded(appendSeparator(w.body), w.name), '=')
		for i, text := range texts {
			if i > 0 {
				w.body = append(w.body, s.delimiter...)
			}
			w.body = s.appendText(w.body, text)
		}
	}
}

// size is how many bytes a text takes at most.
func (w *formWriter) size(text []byte) int {
	size := len(text)
	for _, c := range text {
		if w.boundary == "" && !isUnreserved(c) {
			size += len("%00") - 1
		}
	}
	return size
}

// part writes a part of multipart/form-data. One that is neither text nor JSON is a file to servers.
func (w *formWriter) part(text []byte, contentType string) {
	w.body = append(append(append(w.body, "--"...), w.boundary...), "\r\nContent-Disposition: form-data; name="...)
	w.body = appendQuotedName(w.body, w.name)
	if contentType != "" && !isJSONType(contentType) && !strings.HasPrefix(contentType, "text/") {
		w.body = appendQuotedName(append(w.body, "; filename="...), w.name)
	}
	if contentType != "" {
		w.body = append(append(w.body, "\r\nContent-Type: "...), contentType...)
	}
	w.body = append(append(append(w.body, "\r\n\r\n"...), text...), "\r\n"...)
}

// appendQuotedName appends a name as browsers quote it in Content-Disposition.
func appendQuotedName(out, name []byte) []byte {
	out = append(out, '"')
	for _, c := range name {
		switch c {
		case '"', '\r', '\n':
			out = appendPercentEncoded(out, []byte{c})
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// mediaType returns the first of the media types that an encoding allows.
func mediaType(allowed string) string {
	first, _, _ := strings.Cut(allowed, ",")
	if strings.IndexByte(first, '*') >= 0 {
		return "application/octet-stream"
	}
	return trim(first)
}

// reshapedForm makes the body, which the operation's template has made, a form.
func (b *builder) reshapedForm() error {
	var object rawjson.Object
	if err := object.Read(b.Body); err != nil || !bytes.HasPrefix(b.Body, []byte("{")) {
		return &gateway.Refusal{
			Reason: ErrRecord,
			Detail: "The operation takes a form, and its x-keyrelay-body makes no object of the record. Have the operator write it as a mapping.",
		}
	}
	return b.setForm(&object, b.Body, make([]bool, object.Len()))
}
