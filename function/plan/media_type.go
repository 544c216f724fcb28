package plan

import (
	"bytes"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// byteOrderMark may stand before what is UTF-8 (RFC 8259 section 8.1).
var byteOrderMark = []byte("\xef\xbb\xbf")

// readType decides whether the body is to be read as JSON: its media type says so or
// is not given, or the destination does not ask, and it has no content coding.
func (d *directives) readType() error {
	lines := d.request.Header["Content-Type"]
	if len(lines) > 1 {
		return refuse(ErrHeader, "Content-Type came more than once, as "+gateway.Quoted(shorten(strings.Join(lines, ", ")))+". Send it once.")
	}
	d.typed = len(lines) == 0 || isJSONType(lines[0])
	d.isJSON = (d.typed || d.anyType(lines[0])) && gateway.ContentCoding(d.request.Header) == ""
	if rest, marked := bytes.CutPrefix(d.body, byteOrderMark); d.isJSON && marked && len(rest) > 0 {
		d.body = rest
	}
	return nil
}

// anyType reports whether the destination's document takes records of any media
// type, unless the body is a form already.
func (d *directives) anyType(written string) bool {
	operation, err := d.unfilled()
	if err != nil || !operation.Destination.AnyRecordType {
		return false
	}
	return !strings.EqualFold(withoutParameters(written), operation.BodyType) || d.beginsAsJSON()
}

// beginsAsJSON reports whether the body begins as a record or an array of them does.
func (d *directives) beginsAsJSON() bool {
	var body rawjson.Cursor
	body.Reset(bytes.TrimPrefix(d.body, byteOrderMark))
	return body.Peek() == '{' || body.Peek() == '['
}

// mediaType returns the media type of the body alone, in lower case.
func (d *directives) mediaType() string {
	return strings.ToLower(withoutParameters(strings.Join(d.request.Header["Content-Type"], ",")))
}

// isMistyped reports whether the body is JSON that came as a text or as a form, which is what
// HTTP libraries call it for a sender that does not say what it is. How a coding begins says
// nothing of what is in it.
func (d *directives) isMistyped() bool {
	mediaType := d.mediaType()
	isText := mediaType == formType || strings.HasPrefix(mediaType, "text/") || strings.HasPrefix(mediaType, "multipart/")
	return isText && gateway.ContentCoding(d.request.Header) == "" && d.beginsAsJSON()
}

// isFormByMistake reports whether the body is JSON that would be sent on as the form, or in the
// place of the form, that the operation takes. A text is none where the operation takes texts too.
func (d *directives) isFormByMistake() bool {
	form, mediaType := d.operation.BodyType, d.mediaType()
	return form != "" && !places(d.operation) && d.isMistyped() && (mediaType == form || !slices.Contains(d.operation.Offers, mediaType))
}

// isOffered reports whether an operation takes a body of the caller's media type as it is.
func (d *directives) isOffered(operation *destination.Operation) bool {
	mediaType := d.mediaType()
	if mediaType == "" || strings.Contains(mediaType, ",") || d.isMistyped() {
		return false // none, several, or a record
	}
	matches := func(offered string) bool {
		kind, isRange := strings.CutSuffix(offered, "*")
		return offered == mediaType || isRange && strings.HasPrefix(mediaType, kind)
	}
	return operation.BodyType == mediaType || slices.ContainsFunc(operation.Offers, matches)
}

// usualJSON is the media type of JSON (RFC 8259).
const usualJSON = "application/json"

// isUsualJSON reports whether a media type is application/json.
func isUsualJSON(written string) bool {
	return strings.EqualFold(withoutParameters(written), usualJSON)
}

// isJSONType reports whether a media type is JSON, or none is given.
func isJSONType(written string) bool {
	if written == usualJSON {
		return true
	}
	mediaType := withoutParameters(written)
	const suffix = "+json"
	at := len(mediaType) - len(suffix)
	return mediaType == "" || isUsualJSON(mediaType) || at > 0 && strings.EqualFold(mediaType[at:], suffix)
}

// withoutParameters returns the media type alone of what a header field says.
func withoutParameters(written string) string {
	mediaType, _, _ := strings.Cut(written, ";")
	return trim(mediaType)
}

// errNotJSON says what a body is that a record would have to be read from.
func (d *directives) errNotJSON(fields []string) error {
	const takes = "A header of yours, or the destination's document, takes something from the record, but the body is "
	written := gateway.Quoted(shorten(strings.Join(d.request.Header["Content-Type"], ", ")))
	detail := takes + "of the type " + written + " and does not begin as JSON does. Send a JSON object with Content-Type: application/json."
	if d.beginsAsJSON() {
		detail = "The body begins as JSON does, but is of the type " + written +
			". Send it with Content-Type: application/json. For senders that cannot change their media type, the document can say x-keyrelay-record-type: any."
	}
	if coding := gateway.ContentCoding(d.request.Header); coding != "" {
		detail = takes + "coded as " + gateway.Quoted(shorten(coding)) + ". Send JSON without Content-Encoding, or with gzip or deflate alone."
	}
	return refuse(ErrRecordNotJSON, detail, fields...)
}
