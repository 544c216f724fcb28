package plan

import (
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// The headers with which a caller directs the relay, under their canonical names.
const (
	urlHeader          = "X-Osmos-Outbound-Url"
	queryFieldsHeader  = "X-Osmos-Query-Param-Fields"
	headerFieldsHeader = "X-Relay-Header-Fields"
	dryRunHeader       = "X-Relay-Dry-Run"
)

// directiveHeaders lists them.
func directiveHeaders() []string {
	return []string{urlHeader, queryFieldsHeader, headerFieldsHeader, dryRunHeader}
}

// readHeader lists the header fields that may be forwarded, and refuses one that directs the
// relay to do something it does not know: a misspelt one must not do nothing.
func (d *directives) readHeader(names []string) ([]string, error) {
	unknown := ""
	for name, values := range d.request.Header {
		switch name {
		case urlHeader, queryFieldsHeader, headerFieldsHeader, dryRunHeader:
			continue
		}
		forwards := gateway.Forwards(name)
		if (forwards && resemblesDirective(name) || !forwards && isDirective(name)) && (unknown == "" || name < unknown) {
			unknown = name
		}
		if forwards || holdsCredentials(name) {
			names = append(names, name)
			d.braces = d.braces || slices.ContainsFunc(values, func(value string) bool { return strings.IndexByte(value, '{') >= 0 })
		}
	}
	if unknown != "" {
		return nil, errDirective(unknown)
	}
	return names, nil
}

func isDirective(name string) bool {
	const length = len("X-Osmos-")
	return len(name) >= length && name[0]|0x20 == 'x' && (gateway.SameHeaderName(name[:length], "X-Osmos-") || gateway.SameHeaderName(name[:length], "X-Relay-"))
}

// maxEdits is how many letters a name may differ by from the one that is meant.
const maxEdits = 2

// resemblesDirective reports whether a header outside those families has the name of a
// directive but for an edit or two, as X-RelayDry-Run has.
func resemblesDirective(name string) bool {
	for _, known := range [...]string{"x-osmos-outbound-url", "x-osmos-query-param-fields", "x-relay-header-fields", "x-relay-dry-run"} {
		if len(name) < len(known)-maxEdits || len(name) > len(known)+maxEdits {
			continue
		}
		var store [len(queryFieldsHeader) + maxEdits]byte
		folded := gateway.FoldHeaderName(store[:0], name)
		if !sharesThird(string(folded), known) {
			continue
		}
		if _, edits := destination.Nearest(string(folded), known); edits <= maxEdits {
			return true
		}
	}
	return false
}

// sharesThird reports whether a third of a known name stands in another. Two edits
// leave one whole, so that counting the edits of any other name can be saved.
func sharesThird(name, known string) bool {
	third := len(known) / (maxEdits + 1)
	return strings.Contains(name, known[:third]) || strings.Contains(name, known[third:2*third]) || strings.Contains(name, known[2*third:])
}

func errDirective(name string) error {
	known := directiveHeaders()
	nearest, _ := destination.Nearest(name, known...)
	return &gateway.Refusal{
		Reason:  ErrHeader,
		Detail:  "The relay does not know the header " + gateway.Quoted(shorten(name)) + ". The nearest one that it knows is " + nearest + ".",
		Allowed: known,
	}
}
