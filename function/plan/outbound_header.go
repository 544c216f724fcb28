package plan

import (
	"net/http"
	"slices"
)

// received is what the relay adds to Via (RFC 9110 section 7.6.3): a gateway's
// event does not tell the caller's protocol version, so it is the least that can be.
const received = "1.1 keyrelay"

// setHeader collects the forwarded fields, those from the record, which win, and
// the relay's own.
func (o *outbound) setHeader(d *draft, moved []headerText, text string) error {
	var store [32]string
	names := d.passing(store[:0])
	const own = 3 // Accept-Encoding, Via, and Content-Type where a record has none
	o.Header = make(http.Header, len(names)+len(moved)+own)
	values := o.values[:0]
	var waiting []string
	for _, name := range names {
		switch sent := d.request.Header[name]; {
		case isMoved(moved, name):
		case holdsPlaceholder(sent):
			waiting = append(waiting, name)
		default:
			values = o.set(values, name, sent...)
		}
	}
	slices.Sort(waiting)
	for _, name := range waiting {
		fill, err := newFill(d.location.Destination, name, d.request.Header[name])
		if err != nil {
			return err
		}
		o.Fills = append(o.Fills, fill)
	}
	for _, m := range moved {
		values = o.set(values, m.name, append(o.Header[m.name], text[m.start:m.end])...)
	}
	values = o.set(values, "Accept-Encoding", "identity")
	o.set(values, "Via", append(d.request.Header["Via"][:len(d.request.Header["Via"]):len(d.request.Header["Via"])], received)...)
	return nil
}

// set puts a field into the header with values carved from one backing array.
func (o *outbound) set(values []string, name string, added ...string) []string {
	start := len(values)
	values = append(values, added...)
	o.Header[name] = values[start:len(values):len(values)]
	return values
}

func isMoved(moved []headerText, name string) bool {
	return slices.ContainsFunc(moved, func(m headerText) bool { return m.name == name })
}

// setBody decides what is left to send of a body, and makes the header agree with it.
func (o *outbound) setBody(body []byte) {
	r := &o.record
	if len(body) == 0 {
		return
	}
	o.Body = body
	if r.taken > 0 {
		o.Body = r.rest()
		// These speak of the bytes that the caller sent (RFC 9530, RFC 1864).
		for _, digest := range [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
			delete(o.Header, digest)
		}
	}
	if r.taken > 0 && r.taken == len(r.members) && (o.Method == http.MethodGet || o.Method == http.MethodDelete) {
		delete(o.Header, "Content-Type")
		delete(o.Header, "Content-Encoding")
		o.Body = nil
		return
	}
	if _, given := o.Header["Content-Type"]; !given && r.text != nil {
		o.Header["Content-Type"] = []string{"application/json"}
	}
}
