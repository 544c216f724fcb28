package plan

import (
	"net/http"
	"net/url"

	"keyrelay/function/gateway"
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

// A headerText is where in a text the value of a header field is.
type headerText struct {
	name       string
	start, end int
}

// writeHeaders appends the values of the fields that become headers.
func writeHeaders(text []byte, headers []headerText, r *record, moves []move) ([]byte, []headerText, error) {
	var present, whole bool
	before := len(text)
	for _, m := range moves {
		if m.to != toHeader || m.member < 0 {
			continue
		}
		start := len(text)
		if text, present, whole = appendHeader(text, r.valueOf(m)); !whole {
			return nil, nil, brokenText(m.field)
		}
		if !gateway.ValidHeaderValue(text[start:]) {
			return nil, nil, badHeaderValue(m.field, m.name)
		}
		if len(text)-before > maxMoved {
			return nil, nil, tooMuchMoved(m.field)
		}
		if present {
			headers = append(headers, headerText{m.name, start, len(text)})
		}
	}
	return text, headers, nil
}
