package plan

import (
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
	// shapes says that a member is the operator's.
	shapes func(name string) bool
	body   []byte
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
	w := &formWriter{operation: b.Operation, shapes: b.shapes, body: make([]byte, 0, len(text))}
	contentType := b.Operation.BodyType
	if contentType != formType {
		w.boundary = boundary(object, text, taken)
		contentType += "; boundary=" + w.boundary
	}
	for i := range object.Len() {
		if !taken[i] && w.failed == nil {
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

func (w *formWriter) member(name string, value []byte) {
	w.setName(name)
	encoding, given := w.operation.BodyEncoding[name]
	isJSON := encoding.ContentType != "" && isJSONType(encoding.ContentType)
	switch {
	case encoding.Style == "deepObject":
		w.deepObject(value, 0)
	case encoding.Style == "" && isJSON && (value[0] != '[' || w.boundary == "") && !isNull(value):
		w.write(value, encoding)
	case rawjson.IsContainer(value) && given && encoding.Style != "" && (value[0] == '{' || !encoding.Explode):
		w.styled(value, encoding)
	case value[0] == '[':
		for element := range rawjson.Elements(value) {
			if w.value(element, encoding); w.failed != nil {
				return
			}
		}
	default:
		w.value(value, encoding)
	}
}

// setName gives what is written next a name. One by which servers read the request's
// method, path or user from a form is refused.
func (w *formWriter) setName(name string) {
	w.name = append(w.name[:0], name...)
	if w.operation.Path != "" && isFormOverride(name) && !w.shapes(name) {
		w.fail(ErrRecord, "The field "+gateway.Quoted(name)+" would be read from the form as the request's method, path or user. Take it out, and send the request that you mean.", name)
	}
}

// deepObject writes what a value holds, each under its own name[member] or name[index].
func (w *formWriter) deepObject(value []byte, depth int) {
	if !rawjson.IsContainer(value) {
		w.value(value, destination.Encoding{})
		return
	}
	if depth == maxDeepObject {
		w.fail(ErrRecord, "The field "+gateway.Quoted(string(w.name))+" nests deeper than a form's names can tell, "+strconv.Itoa(maxDeepObject)+" levels. Send a flatter one.")
	}
	before, index := len(w.name), int64(0)
	for name, element := range rawjson.Members(value) {
		if isNull(element) {
			continue
		}
		var ok bool
		if w.name, ok = appendStep(w.name, name, index); !ok && w.failed == nil {
			w.failed = errHalfPair(string(w.name))
		}
		w.deepObject(element, depth+1)
		index++
		if w.name = w.name[:before]; w.failed != nil {
			return
		}
	}
}

// styled writes an array or an object whose encoding has a style of queries: all as
// one value, or each member of an object as a member of the form.
func (w *formWriter) styled(value []byte, encoding destination.Encoding) {
	present := false
	for name, element := range rawjson.Members(value) {
		if isNull(element) {
			continue
		}
		text := w.text(element)
		switch {
		case name != nil && encoding.Explode:
			w.setName(string(w.text(name)))
			w.write(text, encoding)
		case name != nil:
			w.join(w.text(name), encoding, present)
			w.join(text, encoding, true)
			present = true
		default:
			w.join(text, encoding, present)
			present = true
		}
		if w.failed != nil {
			return
		}
	}
	if present {
		w.close()
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
	w.write(w.text(value), encoding)
}

func (w *formWriter) text(value []byte) []byte {
	text, ok := rawjson.ScalarText(nil, value)
	if !ok && w.failed == nil {
		w.failed = errHalfPair(string(w.name))
	}
	return text
}

// write writes a pair or a part of one text.
func (w *formWriter) write(text []byte, encoding destination.Encoding) {
	w.join(text, encoding, false)
	w.close()
}

// join begins a pair or a part, or goes on with one, as the encoding's style says.
func (w *formWriter) join(text []byte, encoding destination.Encoding, goesOn bool) {
	s := declaredStyle(&destination.Parameter{Style: encoding.Style, AllowReserved: encoding.AllowReserved})
	if w.boundary != "" {
		s.plain, s.delimiter = true, destination.Unescape(s.delimiter)
	}
	size := len(w.body) + s.size(text)
	if !goesOn {
		size += s.size(w.name)
	}
	switch {
	case w.failed != nil:
	case size > maxForm:
		w.fail(ErrRecordTooLarge, "The form that the record becomes has more than "+strconv.Itoa(maxForm)+" bytes. Send it in parts.")
	case goesOn:
		w.body = append(w.body, s.delimiter...)
	case w.boundary != "":
		w.openPart(mediaType(encoding.ContentType))
	default:
		w.body = append(appendPercentEncoded(appendSeparator(w.body), w.name), '=')
	}
	if w.failed == nil {
		w.body = s.appendText(w.body, text)
	}
}

// size is how many bytes a text takes at most.
func (s style) size(text []byte) int {
	size := len(text)
	for _, c := range text {
		if !s.plain && !isUnreserved(c) {
			size += len("%00") - 1
		}
	}
	return size
}

// close ends what join has begun.
func (w *formWriter) close() {
	if w.boundary != "" {
		w.body = append(w.body, "\r\n"...)
	}
}

// openPart begins a part of multipart/form-data. One that is neither text nor JSON is a file to servers.
func (w *formWriter) openPart(contentType string) {
	w.body = append(append(append(w.body, "--"...), w.boundary...), "\r\nContent-Disposition: form-data; name="...)
	w.body = appendQuotedName(w.body, w.name)
	if contentType != "" && !isJSONType(contentType) && !strings.HasPrefix(contentType, "text/") {
		w.body = appendQuotedName(append(w.body, "; filename="...), w.name)
	}
	if contentType != "" {
		w.body = append(append(w.body, "\r\nContent-Type: "...), contentType...)
	}
	w.body = append(w.body, "\r\n\r\n"...)
}

// fail notes the first thing that is wrong.
func (w *formWriter) fail(reason error, detail string, fields ...string) {
	if w.failed == nil {
		w.failed = refuse(reason, detail, fields...)
	}
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
	if object.Read(b.Body) != nil {
		return refuse(ErrRecord, "The operation takes a form, and its x-keyrelay-body makes no object of the record. Have the operator write it as a mapping.")
	}
	return b.setForm(&object, b.Body, make([]bool, object.Len()))
}
