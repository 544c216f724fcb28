package gateway

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"keyrelay/function/rawjson"
)

// An event makes a Request of a Lambda event. It is used for one event after another,
// so that its map and slices are made once: each event costs one string, which holds
// every text of the request, and the body.
type event struct {
	request Request
	cursor  rawjson.Cursor
	header  http.Header
	scratch []byte
	fields  []field
	values  []string
	// text is the body as it stands in the event.
	text     rawjson.Text
	isBase64 bool
	readBody func() ([]byte, error)
	// records are the messages of an event that is not a request.
	records []byte
}

// A span is a place in the scratch, and then in the string made of it.
type span struct{ start, end int }

func (s span) of(blob string) string { return blob[s.start:s.end] }

// A field is one header field of an event; its name and value are in the scratch.
type field struct{ name, value span }

// maxKept is for how many values of an event memory is kept until the next event.
const maxKept = 1 << 10

// maxEventDepth is how deep an event may nest: the limit of encoding/json.
const maxEventDepth = 10_000

func newEvent() any {
	e := &event{header: make(http.Header, 32), cursor: rawjson.Cursor{Depth: maxEventDepth}}
	e.readBody = e.body
	return e
}

// read turns payload into e.request. The error, if any, is a *Refusal; then the
// request holds what is known.
func (e *event) read(payload []byte) error {
	var m members
	e.cursor.AnyNames = false
	e.cursor.Reset(payload)
	ok, fault := m.read(&e.cursor)
	e.request = Request{Header: e.header, format: m.format(), readBody: e.readBody}
	if !ok {
		e.records = m.records
		return m.refuse(payload, fault)
	}
	e.text, e.isBase64 = m.body, m.isBase64Encoded
	id, principal, method, path := e.add(m.requestID), e.principal(&m), e.method(&m), e.path(&m)
	err := e.readFields(&m)
	blob := string(e.scratch)
	e.request.ID, e.request.Principal, e.request.Method, e.request.Path = id.of(blob), principal.of(blob), method.of(blob), path.of(blob)
	if err != nil {
		return err
	}
	e.fillHeader(blob)
	return nil
}

// clear prepares for the next event and lets go of what the caller sent. It reports
// whether the event is small enough to be kept.
func (e *event) clear() bool {
	small := len(e.values) <= maxKept && len(e.scratch) <= maxKept*64
	clear(e.header)
	clear(e.values)
	e.cursor.Reset(nil)
	e.request, e.text, e.records = Request{}, rawjson.Text{}, nil
	e.scratch, e.fields, e.values = e.scratch[:0], e.fields[:0], e.values[:0]
	return small
}

// add puts a text into the scratch.
func (e *event) add(t rawjson.Text) span {
	start := len(e.scratch)
	e.scratch = t.Append(e.scratch)
	return span{start, len(e.scratch)}
}

// principal is whom the gateway let in: in format 1.0 an API key or else an IAM
// principal, in format 2.0, which has no API keys, an IAM principal.
func (e *event) principal(m *members) span {
	switch {
	case e.request.format == payloadV2:
		return e.add(m.iamArn)
	case m.apiKeyID.Size > 0:
		return e.add(m.apiKeyID)
	default:
		return e.add(m.userArn)
	}
}

func (e *event) method(m *members) span {
	if e.request.format == payloadV2 {
		return e.add(m.method)
	}
	return e.add(m.httpMethod)
}

// path puts the path below the relay's own address into the scratch.
//
// In format 2.0 the stage comes first in rawPath, unless it is $default. In
// format 1.0 of a REST API it does not. The base path of a custom domain comes first in
// both; resource, and what follows the method in routeKey, which are declared in the API
// itself, have neither. An HTTP API in format 1.0, which says so, has the stage in its
// path too.
func (e *event) path(m *members) span {
	whole, declared := m.path, m.resource
	if e.request.format == payloadV2 {
		whole, declared = m.rawPath, m.routeKey
	}
	path, route := e.add(whole), e.add(declared)
	route.start += bytes.IndexByte(e.scratch[route.start:route.end], ' ') + 1
	found := e.scratch[route.start:route.end]
	if string(found) == "/" || bytes.HasPrefix(found, []byte("/")) && bytes.HasSuffix(e.scratch[path.start:path.end], found) {
		return route
	}
	if e.request.format == payloadV2 || string(m.version.Raw) == "1.0" {
		return e.pathAfterStage(path, e.add(m.stage))
	}
	return path
}

func (e *event) pathAfterStage(path, stage span) span {
	name := e.scratch[stage.start:stage.end]
	if len(name) == 0 || string(name) == "$default" {
		return path
	}
	rest, found := bytes.CutPrefix(e.scratch[path.start+1:path.end], name)
	switch {
	case !found, len(rest) > 0 && rest[0] != '/':
		return path
	case len(rest) == 0:
		return span{path.start, path.start + 1} // "/"
	}
	return span{path.end - len(rest), path.end}
}

// body returns the body without base64 and gzip; nil for none.
func (e *event) body() ([]byte, error) {
	body, err := e.decode()
	if err != nil {
		return nil, err
	}
	return inflate(e.header, body, nil)
}

func (e *event) decode() ([]byte, error) {
	if e.text.Size == 0 {
		return nil, nil
	}
	if !e.isBase64 {
		return e.text.Append(nil), nil
	}
	encoded := e.text.Raw
	if e.text.Size != len(encoded) {
		encoded = e.text.Append(nil)
	}
	body := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(body, encoded)
	if err != nil {
		return nil, refuseBase64(err)
	}
	return body[:n], nil
}

// readFields puts the header fields of the event into the scratch.
func (e *event) readFields(m *members) error {
	e.cursor.AnyNames = true // they were looked at
	many := e.request.format == payloadV1 && hasMembers(m.multiValueHeaders)
	fields := m.headers
	if many {
		fields = m.multiValueHeaders
	}
	if fields != nil {
		if err := e.readHeaders(fields, many); err != nil {
			return err
		}
	}
	if e.request.format == payloadV2 && m.cookies != nil {
		return e.readCookies(m.cookies)
	}
	return nil
}

// hasMembers reports whether the JSON text is anything but an empty object.
func hasMembers(json []byte) bool {
	return json != nil && (json[0] != '{' || len(bytes.TrimSpace(json[1:len(json)-1])) > 0)
}

// readHeaders reads an object of texts, or of lists of texts. A null is an empty
// text or list, as in encoding/json.
func (e *event) readHeaders(json []byte, many bool) error {
	c := &e.cursor
	c.Reset(json)
	for more := c.Enter('{'); more; more = c.Next() {
		name, err := e.readName(c)
		if err != nil {
			return err
		}
		if !many {
			err = e.addField(name, e.add(readText(c)))
		} else if !c.Null() {
			err = e.readValues(c, name)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case c.End() == nil:
		return nil
	case many:
		return refuseMember("multiValueHeaders")
	}
	return refuseMember("headers")
}

func (e *event) readName(c *rawjson.Cursor) (span, error) {
	start := len(e.scratch)
	e.scratch = append(e.scratch, c.Name()...)
	if !canonicalise(e.scratch[start:]) {
		return span{}, &Refusal{
			Reason: ErrHeader,
			Detail: "The name of the header " + strconv.Quote(shown(e.scratch[start:])) + " holds a character that HTTP does not allow there. Use letters, digits and hyphens only.",
		}
	}
	return span{start, len(e.scratch)}, nil
}

// shown is as much of a name as a detail quotes.
func shown(name []byte) string {
	const most = 100
	return string(name[:min(len(name), most)])
}

func (e *event) readValues(c *rawjson.Cursor, name span) error {
	for more := c.Enter('['); more; more = c.Next() {
		if err := e.addField(name, e.add(readText(c))); err != nil {
			return err
		}
	}
	return nil
}

// addField adds a field. White space around a value is not part of it, RFC 9110 section 5.5.
func (e *event) addField(name, value span) error {
	for value.start < value.end && isSpace(e.scratch[value.start]) {
		value.start++
	}
	for value.start < value.end && isSpace(e.scratch[value.end-1]) {
		value.end--
	}
	for _, c := range e.scratch[value.start:value.end] {
		if !isValueByte(c) {
			return &Refusal{
				Reason: ErrHeader,
				Detail: "The value of the header " + string(e.scratch[name.start:name.end]) + " holds a line break or another control character. Send it without.",
			}
		}
	}
	e.fields = append(e.fields, field{name, value})
	return nil
}

// readCookies makes one Cookie field of the list of cookies, RFC 6265 section 5.4.
// It replaces the copy that some front ends leave among the headers.
func (e *event) readCookies(json []byte) error {
	name := e.add(rawjson.Text{Raw: []byte("Cookie"), Size: len("Cookie")})
	value := span{start: len(e.scratch)}
	c := &e.cursor
	c.Reset(json)
	separator := ""
	for more := c.Enter('['); more; more = c.Next() {
		e.scratch = append(e.scratch, separator...)
		separator = "; "
		e.add(readText(c))
	}
	value.end = len(e.scratch)
	if c.End() != nil {
		return refuseMember("cookies")
	}
	if value.start == value.end {
		return nil
	}
	e.fields = slices.DeleteFunc(e.fields, func(f field) bool { return string(e.scratch[f.name.start:f.name.end]) == "Cookie" })
	return e.addField(name, value)
}

// fillHeader cuts the fields out of blob. Values of one name share a piece of e.values.
func (e *event) fillHeader(blob string) {
	for _, f := range e.fields {
		e.values = append(e.values, f.value.of(blob))
	}
	names := 0
	for i := 0; i < len(e.fields); names++ {
		end := i + 1
		for end < len(e.fields) && e.fields[end].name == e.fields[i].name {
			end++
		}
		e.header[e.fields[i].name.of(blob)] = e.values[i:end:end]
		i = end
	}
	if names > len(e.header) {
		e.gatherFields(blob)
	}
}

// gatherFields fills the header where one name came several times, for example in
// different cases.
func (e *event) gatherFields(blob string) {
	clear(e.header)
	for i, f := range e.fields {
		name := f.name.of(blob)
		e.header[name] = append(e.header[name], e.values[i])
	}
}
