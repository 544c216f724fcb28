package plan

import (
	"net/http"
	"net/url"
)

// An outbound is a plan with all that making it takes for a small record, so that
// it is one allocation.
type outbound struct {
	Plan
	url    url.URL
	values [16]string
	// reshapes says that the operation's body template makes the body.
	reshapes bool

	record  record
	names   [32]name
	members [32]member
	frames  [16]int32
	slots   [64]uint32
}

func newOutbound(d *draft) *outbound {
	o := &outbound{Plan: Plan{Destination: d.location.Destination, Operation: d.operation, Method: d.request.Method, DryRun: d.dryRun}}
	o.URL = &o.url
	o.record.limit = maxDepth
	o.record.session = -1
	o.record.names = o.names[:0]
	o.record.members = o.members[:0]
	o.record.frames = o.frames[:0]
	o.record.table.slots = o.slots[:0]
	return o
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

// take takes the fields from the record that the caller and the operation name,
// and returns all moves and the path, filled.
func (o *outbound) take(d *draft, moves []move) (_ []move, path string, err error) {
	named := resolution{record: &o.record, unread: o.record.text == nil && !d.isJSON && len(d.request.Body) > 0}
	named.resolve(moves)
	path = d.location.Path
	if o.Operation == nil {
		if path, err = o.findOperation(d, moves, named.refusal()); err != nil {
			return nil, "", err
		}
	}
	own := len(moves)
	moves = d.declaredMoves(moves, o.Operation)
	named.resolve(moves[own:])
	o.reshapes = o.Operation.Body != nil && !o.sendsNothing()
	if o.reshapes {
		named.template(o.Operation.Body)
	}
	return moves, path, named.refusal()
}

// findOperation fills the path and finds the operation that it belongs to. Where
// the record is refused already, the path as it was written finds the operation, so
// that the refusal names what that one misses too.
func (o *outbound) findOperation(d *draft, moves []move, refused error) (path string, err error) {
	path = d.location.Path
	if refused == nil {
		if path, err = fillPath(&o.record, moves, path); err != nil {
			return "", err
		}
	}
	o.Operation, err = d.location.Operation(o.Method, path)
	if refused != nil && err != nil {
		return "", refused
	}
	return path, err
}

// sendsNothing reports whether no body is sent: that of a GET or a DELETE without
// a record, or with one that all members have left.
func (o *outbound) sendsNothing() bool {
	return o.record.taken == len(o.record.members) && (o.Method == http.MethodGet || o.Method == http.MethodDelete)
}

// setURLAndHeader builds the URL and the header fields.
func (o *outbound) setURLAndHeader(d *draft, moves []move, path string) error {
	r := &o.record
	var store [1024]byte
	var spans [16]headerText
	written, err := writeQuery(store[:0], d.location.RawQuery, r, moves)
	if err != nil {
		return err
	}
	query := len(written)
	written, headers, err := writeHeaders(written, spans[:0], r, moves)
	if err != nil {
		return err
	}
	if written, headers, err = writeCookies(written, headers, r, moves); err != nil {
		return err
	}
	text := d.location.RawQuery
	if len(written) > len(text) {
		text = string(written)
	}
	d.location.Fill(&o.url, path, text[:query])
	return o.setHeader(d, headers, text)
}

// writeQuery appends the caller's own query, byte for byte, and the fields that move to it.
func writeQuery(text []byte, own string, r *record, moves []move) ([]byte, error) {
	text = append(text, own...)
	var whole bool
	for _, m := range moves {
		if m.to != toQuery || m.member < 0 {
			continue
		}
		if text, whole = m.style.appendQuery(text, m.name, r.valueOf(m)); !whole {
			return nil, brokenText(m.field)
		}
		if len(text)-len(own) > maxMoved {
			return nil, tooMuchMoved(m.field)
		}
	}
	return text, nil
}

// setBody decides what is sent of a body, and makes the header agree with it.
func (o *outbound) setBody(body []byte) {
	r := &o.record
	switch {
	case o.reshapes:
		o.Body = r.reshape(o.Operation.Body)
		if o.DryRun {
			o.Dropped = r.dropped(o.Operation.Body)
		}
	case r.taken > 0 && o.sendsNothing():
		delete(o.Header, "Content-Type")
		delete(o.Header, "Content-Encoding")
	case r.taken > 0:
		o.Body = r.rest()
	case len(body) > 0:
		o.Body = body
	}
	if r.taken > 0 || o.reshapes {
		// These speak of the bytes that the caller sent (RFC 9530, RFC 1864).
		for _, digest := range [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
			delete(o.Header, digest)
		}
	}
	if _, given := o.Header["Content-Type"]; !given && o.Body != nil && (r.text != nil || o.reshapes) {
		o.Header["Content-Type"] = []string{"application/json"}
	}
}
