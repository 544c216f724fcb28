package gateway

import (
	"bytes"
	"encoding/base64"
	"net/http"
)

// An event is the room in which one Lambda event becomes a Request. It is used
// for one event after the other, so that its map and slices are made once: what
// remains to be made per event is one string, which holds every text of the
// request, and the body.
type event struct {
	request Request
	header  http.Header
	scratch []byte
	fields  []field
	values  []string
}

// A span is a place in the scratch, and then in the string made of it.
type span struct{ start, end int }

func (s span) of(blob string) string { return blob[s.start:s.end] }

// maxKept is the most values of an event's room that are kept for the next event.
const maxKept = 1 << 10

func newEvent() any { return &event{header: make(http.Header, 32)} }

// read turns payload into e.request. The error, if any, is a *Refusal; then the
// request holds what is known.
func (e *event) read(payload []byte) error {
	m, ok := readMembers(payload)
	e.request = Request{Header: e.header, format: m.format()}
	if !ok {
		return refuseEvent()
	}
	id, method, path := e.text(m.requestID), e.method(&m), e.path(&m)
	err := e.readFields(&m)
	blob := string(e.scratch)
	e.request.ID, e.request.Method, e.request.Path = id.of(blob), method.of(blob), path.of(blob)
	if err != nil {
		return err
	}
	e.fillHeader(blob)
	e.request.Body, err = m.readBody()
	return err
}

// clear makes ready for the next event and lets go of what the caller sent. It
// reports whether the room is small enough to be kept.
func (e *event) clear() bool {
	small := len(e.values) <= maxKept && len(e.scratch) <= maxKept*64
	clear(e.header)
	clear(e.values)
	e.request = Request{}
	e.scratch, e.fields, e.values = e.scratch[:0], e.fields[:0], e.values[:0]
	return small
}

// text puts a text into the scratch.
func (e *event) text(t text) span {
	start := len(e.scratch)
	e.scratch = t.appendTo(e.scratch)
	return span{start, len(e.scratch)}
}

func (e *event) method(m *members) span {
	if e.request.format == payloadV2 {
		return e.text(m.method)
	}
	return e.text(m.httpMethod)
}

// path puts the path below the relay's own address into the scratch.
//
// In format 2.0 the stage comes first in rawPath, unless it is $default. In
// format 1.0 it does not, but the base path of a custom domain does; resource,
// which is declared in the API itself, has neither.
func (e *event) path(m *members) span {
	if e.request.format == payloadV2 {
		return e.pathAfterStage(e.text(m.rawPath), e.text(m.stage))
	}
	path, resource := e.text(m.path), e.text(m.resource)
	declared := e.scratch[resource.start:resource.end]
	if string(declared) == "/" || bytes.HasPrefix(declared, []byte("/")) && bytes.HasSuffix(e.scratch[path.start:path.end], declared) {
		return resource
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

// readBody returns the body without base64; nil for none.
func (m *members) readBody() ([]byte, error) {
	if m.body.size == 0 {
		return nil, nil
	}
	if !m.isBase64Encoded {
		return m.body.appendTo(nil), nil
	}
	encoded := m.body.raw
	if m.body.size != len(encoded) {
		encoded = m.body.appendTo(nil)
	}
	body := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(body, encoded)
	if err != nil {
		return nil, refuseBase64(err)
	}
	return body[:n], nil
}

func refuseEvent() error {
	return &Refusal{
		Reason: ErrEvent,
		Detail: "The function was called with an event that is none of an API Gateway REST API (payload format 1.0), an HTTP API or a Lambda function URL (payload format 2.0). Call the function through one of these.",
	}
}

func refuseBase64(cause error) error {
	return &Refusal{
		Reason: ErrRecordBroken,
		Detail: "The event says that its body is base64, but it is not. Send the request again, and check the gateway's settings for binary media types if it fails again.",
		Cause:  cause,
	}
}
