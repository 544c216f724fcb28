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
		case isMoved(moved, name) && name != "Cookie":
		case holdsPlaceholder(sent):
			waiting = append(waiting, name)
		default:
			values = o.set(values, name, sent...)
		}
	}
	slices.Sort(waiting)
	if placeholders(d.request.Header, waiting) > maxPlaceholders {
		return placeholderRefusal(waiting[0], "and those like it hold more than 16 placeholders. Send fewer.")
	}
	for _, name := range waiting {
		fill, err := newFill(d.location.Destination, name, d.request.Header[name])
		if err != nil {
			return err
		}
		o.Fills = append(o.Fills, fill)
	}
	for _, m := range moved {
		if !o.joinCookie(m.name, text[m.start:m.end]) {
			values = o.set(values, m.name, append(o.Header[m.name], text[m.start:m.end])...)
		}
	}
	values = o.set(values, "Accept-Encoding", "identity")
	o.set(values, "Via", append(slices.Clip(d.request.Header["Via"]), received)...)
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
