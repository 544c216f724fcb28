package plan

import (
	"bytes"
	"net/http"
	"net/url"
	"sync"

	"keyrelay/function/destination"
)

// A builder makes a plan. It holds all that this takes for a small record, so that
// making the plan is one allocation.
type builder struct {
	Plan
	url    url.URL
	values [8]string
	// reshapes says that the operation's body template makes the body.
	reshapes bool

	// record is of use until the plan is made.
	record *record
}

// records are those that no plan is being made from: with their tables they are most of
// what a small request would leave to the garbage collector.
var records = sync.Pool{New: func() any { return new(record) }}

// plan makes the plan for one record. It changes the moves.
func (d *directives) plan(moves []move, names []string, body []byte) (*Plan, error) {
	b := &builder{Plan: Plan{Operation: d.operation, Method: d.request.Method, DryRun: d.dryRun}}
	b.URL, b.record = &b.url, records.Get().(*record)
	defer func() {
		*b.record = record{}
		records.Put(b.record)
	}()
	b.record.session = -1
	if err := d.readRecord(b.record, moves, body); err != nil {
		return nil, err
	}
	if err := b.checkUnfilled(d, body); err != nil {
		return nil, err
	}
	path, err := b.findOperation(d, moves)
	if err != nil {
		return nil, err
	}
	b.Destination = b.Operation.Destination
	b.Later = d.async || b.Operation.Later
	if err := b.takeSession(d, body); err != nil {
		return nil, err
	}
	if err := b.takeChosen(); err != nil {
		return nil, err
	}
	if err := b.checkOverrides(d.location.RawQuery, moves); err != nil {
		return nil, err
	}
	if moves, err = b.take(d, moves); err != nil {
		return nil, err
	}
	if err := b.setURLAndHeader(d, moves, names, path); err != nil {
		return nil, err
	}
	if err := b.setBody(d, body); err != nil {
		return nil, err
	}
	return &b.Plan, nil
}

// takeSession takes the session token out of the record, and keeps the record without
// it for a plan that is made later.
func (b *builder) takeSession(d *directives, body []byte) (err error) {
	if session := b.Destination.Session; session != nil {
		b.SessionToken, err = b.record.takeSession(session)
		if d.request.SessionChecked {
			b.SessionToken, err = nil, nil
		}
	}
	if b.Later && b.record.left > 0 {
		b.Record = b.record.rest()
	} else if b.Later {
		b.Record = body
	}
	return err
}

// readRecord reads the body as a record where something may be taken from it.
func (d *directives) readRecord(r *record, moves []move, body []byte) error {
	if len(body) == 0 || d.whole {
		return nil
	}
	// Where the operation is not known yet, there are moves: those that fill the path.
	needed := len(moves) > 0 || d.inBatch || d.operation.Destination.Session != nil || d.operation.Body != nil || d.operation.Batch == destination.Split || len(d.operation.SecretFields) > 0
	switch {
	case d.isJSON && (needed || places(d.operation) || d.operation.BodyType != "" || d.operation.PlaceholdersChoose):
		return r.read(body)
	case !d.isJSON && (needed || d.isFormByMistake()):
		return d.errNotJSON(fieldNames(moves))
	}
	return nil
}

// findOperation returns the path, filled, and finds the operation that it belongs
// to, before any field is taken: the operation's document says which one leaves
// first. Where the path cannot be filled, as it was written it finds the operation,
// so that the refusal names what that one misses too.
func (b *builder) findOperation(d *directives, moves []move) (path string, err error) {
	path = d.location.Path
	if b.Operation != nil {
		return path, nil
	}
	named := resolution{record: b.record}
	unfilled, _ := d.unfilled() // says how the values of its template are written
	for i := range moves {
		if moves[i].to == toPath {
			moves[i].style = pathStyle(unfilled, moves[i].field)
			named.find(&moves[i])
		}
	}
	refused := named.refusal()
	if refused == nil {
		if path, err = fillPath(b.record, moves, path); err != nil {
			return "", err
		}
	}
	b.Operation, err = d.location.Operation(b.Method, path)
	if refused != nil && err != nil {
		return "", refused
	}
	return path, err
}

// take takes the fields from the record that the caller and the operation name,
// and returns all moves.
func (b *builder) take(d *directives, moves []move) ([]move, error) {
	named := resolution{record: b.record}
	named.resolve(moves)
	own := len(moves)
	moves = d.declaredMoves(moves, b.Operation)
	if b.record.text == nil && !d.isJSON && len(d.body) > 0 {
		var err error
		if moves, err = d.withoutRecord(moves, own, b.Operation); err != nil {
			return nil, err
		}
	}
	named.resolve(moves[own:])
	b.reshapes = b.Operation.Body != nil && !b.sendsNothing()
	if b.reshapes {
		named.template(b.Operation.Body)
	}
	return moves, named.refusal()
}

// sendsNothing reports whether no body is sent: that of a GET or a DELETE without
// a record, or with one that all members have left.
func (b *builder) sendsNothing() bool {
	return b.record.isEmpty() && (b.Method == http.MethodGet || b.Method == http.MethodDelete)
}

// sendsForm reports whether the rest of the record becomes a form.
func (b *builder) sendsForm() bool { return b.Operation.BodyType != "" && b.record.text != nil }

// setURLAndHeader builds the URL and the header fields.
func (b *builder) setURLAndHeader(d *directives, moves []move, names []string, path string) error {
	r := b.record
	var store [256]byte
	var spans [8]headerText
	own, err := b.fillQuery(d.location.RawQuery)
	if err != nil {
		return err
	}
	written, err := writeQuery(store[:0], own, r, moves)
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
	text := own
	if len(written) > len(text) {
		text = string(written)
	}
	d.location.Fill(&b.url, path, text[:query])
	return b.setHeader(d, names, headers, text)
}

// writeQuery appends the caller's own query, byte for byte, and the fields that move to it.
func writeQuery(text []byte, own string, r *record, moves []move) ([]byte, error) {
	text = append(text, own...)
	var ok bool
	for _, m := range moves {
		if m.to != toQuery || m.member < 0 {
			continue
		}
		start, value := len(text), r.value(m.member)
		if text, _, ok = m.style.append(text, m.name, value); !ok {
			return nil, errHalfPair(m.field)
		}
		if len(text)-len(own) > maxMoved {
			return nil, errTooMuchMoved(m.field)
		}
		// The members of an object that is spread over the query are no parameters that are declared.
		if m.style.spreads(value) {
			if name := overrideIn(string(text[start:]), isQueryOverride); name != "" {
				return nil, errSpread(m.field, name)
			}
		}
	}
	return text, nil
}

// isEmptyObject reports whether a text is a record without members.
func isEmptyObject(text []byte) bool {
	inside, opened := bytes.CutPrefix(bytes.TrimSpace(text), []byte("{"))
	inside, closed := bytes.CutSuffix(inside, []byte("}"))
	return opened && closed && len(bytes.TrimSpace(inside)) == 0
}

// setBody decides what is sent of a body, and makes the header agree with it.
func (b *builder) setBody(d *directives, body []byte) error {
	r := b.record
	switch {
	case b.reshapes:
		b.Body = r.reshape(b.Operation.Body)
		if b.DryRun {
			b.Dropped = r.dropped(b.Operation.Body)
		}
		if b.Operation.BodyType != "" && b.Body != nil {
			return b.reshapedForm()
		}
	case b.sendsNothing() && (r.left > 0 || d.isJSON && isEmptyObject(body)):
		delete(b.Header, "Content-Type")
		delete(b.Header, "Content-Encoding")
	case b.sendsForm():
		return b.setForm(&r.object, r.text, r.taken)
	case r.left > 0:
		b.Body = r.rest()
	case len(body) > 0:
		b.Body = body
	}
	if given := b.Header.Get("Content-Type") != ""; (!given || !d.typed) && b.Body != nil && (r.text != nil || b.reshapes) {
		b.Header["Content-Type"] = []string{usualJSON}
	}
	// What every sender says of its JSON gives way to what the operation takes; a type of the caller's own does not.
	if own := b.Operation.JSONType; own != "" && b.Body != nil && isUsualJSON(b.Header.Get("Content-Type")) {
		b.Header["Content-Type"] = []string{own}
	}
	if err := b.checkPlace(); err != nil {
		return err
	}
	return b.checkBody()
}
