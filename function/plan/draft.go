package plan

import (
	"net/http"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// maxConnection is how many bytes Connection may list fields in, so that looking
// each field up there costs nothing.
const maxConnection = 1024

// methods are what a caller may ask with; the outbound method is the same.
func methods() []string { return []string{"GET", "POST", "PUT", "PATCH", "DELETE"} }

// admit refuses what is no request to the relay at all.
func admit(request *gateway.Request) error {
	if request.Path != "/" && request.Path != "" {
		return &gateway.Refusal{Reason: ErrPathNotFound, Detail: "Send records to the relay's own address, without a path below it; the downstream's path belongs into " + urlHeader + "."}
	}
	switch request.Method {
	case "GET", "POST", "PUT", "PATCH", "DELETE":
		return nil
	}
	return &gateway.Refusal{Reason: ErrMethod, Detail: "Use one of the methods " + strings.Join(methods(), ", ") + ".", Allowed: methods()}
}

// A draft is what a plan is made of besides the record.
type draft struct {
	request  *gateway.Request
	location destination.Location
	// operation is nil while the path waits to be filled.
	operation *destination.Operation
	dryRun    bool
	isJSON    bool
	// whole says that the body is an array that is sent as it is.
	whole bool
	// inBatch says that the body is a record of an array, which is read in any case.
	inBatch bool
}

func newDraft(set *destination.Set, request *gateway.Request) (draft, error) {
	d := draft{request: request}
	address, err := outboundURL(request.Header)
	if err != nil {
		return d, err
	}
	if d.location, err = set.Locate(address); err != nil {
		return d, err
	}
	if strings.IndexByte(d.location.Path, '{') < 0 {
		if d.operation, err = d.location.Operation(request.Method, d.location.Path); err != nil {
			return d, err
		}
	}
	if d.dryRun, err = dryRun(request.Header); err != nil {
		return d, err
	}
	d.isJSON, err = bodyIsJSON(request.Header)
	return d, err
}

// bodyIsJSON reads the media type: JSON is what says so, or says nothing. A coded
// body is none, since it would have to be decoded first.
func bodyIsJSON(header http.Header) (bool, error) {
	written, err := contentType(header)
	if err != nil {
		return false, err
	}
	for _, coding := range header["Content-Encoding"] {
		if !strings.EqualFold(trim(coding), "identity") {
			return false, nil
		}
	}
	mediaType, _, _ := strings.Cut(written, ";")
	mediaType = trim(mediaType)
	const suffix = "+json"
	at := len(mediaType) - len(suffix)
	return mediaType == "" || strings.EqualFold(mediaType, "application/json") || at > 0 && strings.EqualFold(mediaType[at:], suffix), nil
}

// moves reads the caller's directives: path, query and header fields, in this order.
func (d *draft) moves(moves []move) ([]move, error) {
	header := d.request.Header
	if length := len(strings.Join(header["Connection"], ",")); length > maxConnection {
		return nil, &gateway.Refusal{Reason: ErrHeader, Detail: "Connection names too many fields. Name fewer."}
	}
	moves, err := pathMoves(moves, d.location.Path)
	if err != nil {
		return nil, err
	}
	if moves, err = queryMoves(moves, header); err != nil {
		return nil, err
	}
	return headerMoves(moves, header)
}

// isBatch reports whether the body is an array of records.
func (d *draft) isBatch() bool {
	body := d.request.Body
	first := scanner{text: body}
	return d.isJSON && first.peek(first.space(0)) == '['
}

// plan makes the plan for one record. The moves are its own.
func (d *draft) plan(moves []move, body []byte) (*Plan, error) {
	o := newOutbound(d)
	if err := d.scan(&o.record, moves, body); err != nil {
		return nil, err
	}
	if err := o.takeSession(); err != nil {
		return nil, err
	}
	moves, path, err := o.take(d, moves)
	if err != nil {
		return nil, err
	}
	if err := o.setURLAndHeader(d, moves, path); err != nil {
		return nil, err
	}
	o.setBody(body)
	return &o.Plan, nil
}

// scan reads the body as a record where something may be taken from it.
func (d *draft) scan(r *record, moves []move, body []byte) error {
	if len(body) == 0 || d.whole {
		return nil
	}
	session := d.location.Destination.Session
	needed := len(moves) > 0 || d.inBatch || session != nil || d.operation.Body != nil
	switch {
	case d.isJSON && (needed || places(d.operation)):
		return r.scan(body)
	case !d.isJSON && needed:
		return notJSON(fieldsOf(moves))
	}
	return nil
}

func fieldsOf(moves []move) []string {
	var fields []string
	for _, m := range moves {
		fields = addField(fields, m.field)
	}
	return fields
}

// passing lists the names of the caller's header fields that go to the destination.
func (d *draft) passing(names []string) []string {
	for name, values := range d.request.Header {
		if passes(d.request.Header, name, values) {
			names = append(names, name)
		}
	}
	return names
}
