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

// maxConnection is how many bytes Connection may list fields in, so that looking
// each field up there costs nothing.
const maxConnection = 1024

// The directives of a request are what a plan is made of besides the record.
type directives struct {
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

func readDirectives(set *destination.Set, request *gateway.Request) (directives, error) {
	d := directives{request: request}
	address, err := outboundURL(request.Header)
	if err != nil {
		return d, err
	}
	if path, _, _ := strings.Cut(address, "?"); strings.Contains(path, "{{{") {
		return d, errPlaceholder("The outbound URL", "holds a placeholder before its query. Write {field} for a field of the record, and {{{scheme}}} as the value of a query parameter only.")
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

// methods returns the methods that a caller may use. The outbound request has the same one.
func methods() []string { return []string{"GET", "POST", "PUT", "PATCH", "DELETE"} }

// admit refuses what is not a request to the relay at all.
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

// outboundURL reads X-Osmos-Outbound-Url.
func outboundURL(header http.Header) (string, error) {
	switch lines := header[urlHeader]; {
	case len(lines) > 1:
		return "", &gateway.Refusal{Reason: ErrURL, Detail: "Send " + urlHeader + " once only."}
	case len(lines) == 0, lines[0] == "":
		return "", &gateway.Refusal{Reason: ErrURLMissing, Detail: "Send " + urlHeader + " with the absolute URL of the downstream API."}
	default:
		return lines[0], nil
	}
}

// dryRun reads X-Relay-Dry-Run. What is neither true nor false is refused: a
// caller who misspells it does not mean the request to be sent.
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

// contentType returns the media type's field of a body, empty when none is given.
func contentType(header http.Header) (string, error) {
	switch lines := header["Content-Type"]; len(lines) {
	case 0:
		return "", nil
	case 1:
		return lines[0], nil
	}
	return "", &gateway.Refusal{Reason: ErrHeader, Detail: "Send Content-Type once only."}
}

// bodyIsJSON reads the media type: JSON is what says so, or says nothing. A body
// with a content coding is not, since it would have to be decoded first.
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

// moves reads the caller's directives: path, query and header fields, in this order.
func (d *directives) moves(moves []move) ([]move, error) {
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
		return move{}, errHeaderName(field, name, "is no header name. Write field=Header-Name.")
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if !forwarded(name) || nominated(header, name) {
		return move{}, errHeaderName(field, name, "is a header that the relay does not forward. Choose another.")
	}
	return move{to: toHeader, field: field, name: name, optional: optional, style: style{form: simple, joined: true, delimiter: ",", plain: true}}, nil
}

func errHeaderName(field, name, why string) error {
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

func fieldNames(moves []move) []string {
	var fields []string
	for _, m := range moves {
		fields = addField(fields, m.field)
	}
	return fields
}
