package plan

import (
	"net/http"
	"net/textproto"
	"strconv"
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

// maxMoves is how many fields one request may name: far more than a URL of 8 KB
// can take, and few enough that comparing each with each costs nothing.
const maxMoves = 1000

// A target is where a moved field goes.
type target int

const (
	toQuery target = iota
	toHeader
	toPath
	toCookie
)

// A move is a field of the record that goes elsewhere.
type move struct {
	to    target
	field string
	// name is what the field is called there; a header's is canonical.
	name     string
	optional bool
	// declared says that the operation's parameters ask for it, not the caller.
	declared bool
	style    style
	// member is the index of the field in the record, -1 when it is absent.
	member int
}

// addMove adds a move unless it is there already; one that is optional and not is not.
func addMove(moves []move, added move) ([]move, error) {
	for i, earlier := range moves {
		if earlier.field == added.field && earlier.to == added.to && earlier.name == added.name {
			moves[i].optional = earlier.optional && added.optional
			return moves, nil
		}
	}
	if len(moves) == maxMoves {
		return nil, &gateway.Refusal{Reason: ErrHeader, Detail: "At most " + strconv.Itoa(maxMoves) + " fields can be named. Name fewer."}
	}
	return append(moves, added), nil
}

// queryMoves adds the fields that X-Osmos-Query-Param-Fields names.
func queryMoves(moves []move, header http.Header) ([]move, error) {
	var err error
	for _, line := range header[queryFieldsHeader] {
		for field := range strings.SplitSeq(line, ",") {
			if field, optional := fieldName(field); field != "" {
				if moves, err = addMove(moves, move{to: toQuery, field: field, name: field, optional: optional}); err != nil {
					return nil, err
				}
			}
		}
	}
	return moves, nil
}

// headerMoves adds the fields that X-Relay-Header-Fields names.
func headerMoves(moves []move, header http.Header) ([]move, error) {
	for _, line := range header[headerFieldsHeader] {
		for entry := range strings.SplitSeq(line, ",") {
			added, err := headerMove(entry, header)
			if err != nil {
				return nil, err
			}
			if added.field == "" {
				continue
			}
			if moves, err = addMove(moves, added); err != nil {
				return nil, err
			}
		}
	}
	return moves, nil
}

// headerMove reads "field", "field=Header-Name" or "field?=Header-Name". The last
// "=" divides, since a header name holds none.
func headerMove(entry string, header http.Header) (move, error) {
	field, name := entry, ""
	equals := strings.LastIndexByte(entry, '=')
	if equals >= 0 {
		field, name = entry[:equals], trim(entry[equals+1:])
	}
	field, optional := fieldName(field)
	if equals < 0 {
		name = field
	}
	if field == "" && name == "" {
		return move{}, nil
	}
	if field == "" || !gateway.ValidHeaderName(name) {
		return move{}, headerNameRefusal(field, name, "is no header name. Write field=Header-Name.")
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if !forwarded(name) || nominated(header, name) {
		return move{}, headerNameRefusal(field, name, "is a header that the relay does not forward. Choose another.")
	}
	return move{to: toHeader, field: field, name: name, optional: optional}, nil
}

func headerNameRefusal(field, name, why string) error {
	refusal := &gateway.Refusal{Reason: ErrHeader, Detail: headerFieldsHeader + ": " + strconv.Quote(name) + " " + why}
	if field != "" {
		refusal.Fields = []string{field}
	}
	return refusal
}

// fieldName takes the white space and the question mark off a field as a header names it.
func fieldName(written string) (field string, optional bool) {
	field, optional = strings.CutSuffix(trim(written), "?")
	return trim(field), optional
}

// trim takes the white space of header fields off both ends (RFC 9110 section 5.6.3).
func trim(text string) string { return strings.Trim(text, " \t") }

// dryRun reads X-Relay-Dry-Run. What is neither true nor false is refused: a
// caller who misspells it does not want the request sent.
func dryRun(header http.Header) (bool, error) {
	lines := header[dryRunHeader]
	switch {
	case len(lines) == 0, len(lines) == 1 && lines[0] == "false":
		return false, nil
	case len(lines) == 1 && lines[0] == "true":
		return true, nil
	}
	return false, &gateway.Refusal{Reason: ErrHeader, Detail: "Send " + dryRunHeader + " once, as true or false."}
}

// outboundURL reads X-Osmos-Outbound-Url.
func outboundURL(header http.Header) (string, error) {
	switch lines := header[urlHeader]; {
	case len(lines) > 1:
		return "", &gateway.Refusal{Reason: destination.ErrURL, Detail: "Send " + urlHeader + " once only."}
	case len(lines) == 0, lines[0] == "":
		return "", &gateway.Refusal{Reason: ErrURLMissing, Detail: "Send " + urlHeader + " with the absolute URL of the downstream API."}
	default:
		return lines[0], nil
	}
}
