package plan

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
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
	// async says that the caller prefers to be answered before the record is delivered.
	async bool
	// body is the caller's, without a byte order mark before JSON.
	body []byte
	// isJSON says that the body is to be read as JSON, and typed that its media type says so.
	isJSON, typed bool
	// whole says that the body is an array that is sent as it is.
	whole bool
	// braces says that a header field which may be forwarded holds a brace.
	braces bool
	// inBatch says that the body is a record of an array, which is read in any case.
	inBatch bool
}

// readDirectives reads the header but for the fields that it names, and appends the names of
// the fields that may be forwarded.
func readDirectives(set *destination.Set, request *gateway.Request, names []string) (directives, []string, error) {
	d := directives{request: request, body: request.Body}
	names, err := d.readHeader(names)
	if err != nil {
		return d, nil, err
	}
	return d, names, d.read(set)
}

func (d *directives) read(set *destination.Set) error {
	request := d.request
	address, err := outboundURL(request.Header)
	if err != nil {
		return err
	}
	if path, _, _ := strings.Cut(address, "?"); strings.Contains(path, "{{{") {
		return errPlaceholder("The outbound URL", "holds a placeholder before its query. Write {field} for a field of the record, and {{{scheme}}} as the value of a query parameter only.")
	}
	if d.location, err = set.Locate(address); err != nil {
		return err
	}
	d.location.Caller = request.Caller
	if strings.IndexByte(d.location.Path, '{') < 0 {
		if d.operation, err = d.location.Operation(request.Method, d.location.Path); err != nil {
			return err
		}
	}
	if d.dryRun, err = dryRun(request.Header); err != nil {
		return err
	}
	if lines := request.Header[preferHeader]; lines != nil {
		d.async, _ = preferences(lines)
	}
	return d.readType()
}

// admit refuses what is not a request to the relay at all.
func admit(request *gateway.Request) error {
	if request.Path != "/" && request.Path != "" {
		return refuse(ErrPathNotFound, "The request came for the path "+gateway.Quoted(shorten(request.Path))+" below the relay's own address. "+
			"Send records to that address as it is; the downstream's path belongs into "+urlHeader+". Where you did that, a route, stage or base path of the gateway in front adds it, which only its owner can fix.")
	}
	if !slices.Contains(gateway.Methods(), request.Method) {
		return errMethod(request.Method)
	}
	return nil
}

// errMethod says why a method cannot be used, where it is one that HTTP has (RFC 9110
// section 9.3). Any other text is not repeated.
func errMethod(method string) error {
	detail := "Use one of the methods " + strings.Join(gateway.Methods(), ", ") + "."
	switch {
	case method == http.MethodOptions:
		detail += " OPTIONS is a browser's preflight (CORS), which the gateway in front of the relay can answer."
	case method == http.MethodConnect:
		detail += " CONNECT asks for a proxy, which the relay is not: send the record to its address, with the URL in " + urlHeader + "."
	case method == "PRI":
		detail += " PRI begins HTTP/2 without asking: use HTTP/1.1 on this port."
	case method == http.MethodHead:
		detail += " HEAD is not passed on: ask with GET."
	case slices.Contains(gateway.Methods(), strings.ToUpper(method)):
		detail += " Methods are written in capitals."
	}
	return &gateway.Refusal{Reason: ErrMethod, Detail: detail, Allowed: gateway.Methods()}
}

func outboundURL(header http.Header) (string, error) {
	switch lines := header[urlHeader]; {
	case len(lines) == 0, len(lines) == 1 && lines[0] == "":
		return "", refuse(ErrURLMissing, "Send "+urlHeader+" with the absolute URL of the downstream API.")
	case len(lines) > 1, areJoined(lines[0]):
		return "", refuse(ErrURL, urlHeader+" came more than once, as "+gateway.Quoted(shorten(strings.Join(lines, ", ")))+". Send it once, with one URL.")
	default:
		return lines[0], nil
	}
}

// areJoined reports whether a value is several URLs, joined as gateways join a
// field that is sent more than once (RFC 9110 section 5.3).
func areJoined(value string) bool {
	first, rest, found := strings.Cut(value, ",")
	rest = strings.ToLower(trim(rest))
	return found && strings.IndexByte(first, '?') < 0 && (strings.HasPrefix(rest, "https://") || strings.HasPrefix(rest, "http://"))
}

// shorten cuts off what a detail need not quote.
func shorten(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
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
	return false, refuse(ErrHeader, dryRunHeader+" came as "+gateway.Quoted(shorten(strings.Join(lines, ", ")))+". Send it once, as true or false.")
}

// unfilled returns the operation. Where fields are to fill the path, which they do record
// by record, a template of the document matches unfilled too.
func (d *directives) unfilled() (*destination.Operation, error) {
	if d.operation != nil {
		return d.operation, nil
	}
	return d.location.Operation(d.request.Method, d.location.Path)
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
	// renamed says that the caller named the header.
	renamed bool
	// twice says that another move may turn out to be of the same field.
	twice bool
	// declared says that the operation's parameters ask for it, not the caller.
	declared bool
	style    style
	// member is the index of the field in the record, -1 when it is absent.
	member int
}

// addMove adds a move unless it is there already.
func addMove(moves []move, added move) ([]move, error) {
	for _, earlier := range moves {
		if earlier.field == added.field && earlier.to == added.to && earlier.name == added.name {
			if earlier.optional == added.optional {
				return moves, nil
			}
			added.twice = true
		}
	}
	if len(moves) == maxMoves {
		return nil, refuse(ErrHeader, "At most "+strconv.Itoa(maxMoves)+" fields can be named. Name fewer.")
	}
	return append(moves, added), nil
}

// moves reads the caller's directives: path, query and header fields, in this order.
func (d *directives) moves(moves []move) ([]move, error) {
	header := d.request.Header
	if length := len(strings.Join(header["Connection"], ",")); length > maxConnection {
		return nil, refuse(ErrHeader, "Connection names too many fields. Name fewer.")
	}
	if field, found := queryExpression(d.location.RawQuery); found {
		return nil, errQueryExpression(field, strings.Contains(d.location.RawQuery, "{{"+field+"}}"))
	}
	moves, err := pathMoves(moves, d.location.Path)
	if err != nil {
		return nil, err
	}
	if moves, err = namedMoves(moves, header, queryFieldsHeader); err != nil {
		return nil, err
	}
	return namedMoves(moves, header, headerFieldsHeader)
}

// errQueryExpression refuses {field} in a query. In two braces, a credential was probably meant.
func errQueryExpression(field string, twoBraces bool) error {
	detail := "The outbound URL has the expression {" + field + "} in its query, and only a path is filled. Name the field in " + queryFieldsHeader + " instead, which adds it to the query."
	if twoBraces {
		detail += " For a credential write three braces, {{{" + field + "}}}."
	}
	return refuse(ErrURL, detail, field)
}

// namedMoves adds the fields that one of the two headers names.
func namedMoves(moves []move, header http.Header, directive string) ([]move, error) {
	for _, line := range header[directive] {
		for rest := fromLatin1(line); rest != ""; {
			var written entry
			var err error
			if written, rest, err = cutEntry(rest, directive); err != nil {
				return nil, err
			}
			if written.field == "" && !written.renamed {
				continue
			}
			added := move{to: toQuery, field: written.field, name: written.field, optional: written.optional}
			if directive == headerFieldsHeader {
				if added, err = headerMove(written, header); err != nil {
					return nil, err
				}
			}
			if moves, err = addMove(moves, added); err != nil {
				return nil, err
			}
		}
	}
	return moves, nil
}

func headerMove(written entry, header http.Header) (move, error) {
	field, name := written.field, written.name
	if !written.renamed {
		name = field
	}
	switch {
	case field == "":
		return move{}, errHeaderName("", "="+name, "names no field. Write field=Header-Name.")
	case !gateway.ValidHeaderName(name):
		return move{}, errHeaderName(field, name, noHeaderName)
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if !gateway.Forwards(name) || nominated(header, name) {
		return move{}, errHeaderName(field, name, "is a header that the relay does not forward. Choose another.")
	}
	return move{to: toHeader, field: field, name: name, renamed: written.renamed, optional: written.optional, style: style{form: simple, joined: true, delimiter: ",", plain: true}}, nil
}

// noHeaderName completes what a header would be called that HTTP cannot have.
const noHeaderName = "is no header name. Write field=Header-Name, and a comma between fields."

func errHeaderName(field, name, why string) error {
	detail := headerFieldsHeader + ": " + gateway.Quoted(name) + " " + why
	if field == "" {
		return refuse(ErrHeader, detail)
	}
	return refuse(ErrHeader, detail, field)
}

// trim takes the white space of header fields off both ends (RFC 9110 section 5.6.3).
func trim(text string) string {
	if text != "" && text[0] > ' ' && text[len(text)-1] > ' ' {
		return text // as most are: strings.Trim first makes a table of what it looks for
	}
	return strings.Trim(text, " \t")
}

func fieldNames(moves []move) []string {
	var fields []string
	for _, m := range moves {
		fields = append(fields, m.field)
	}
	return distinct(fields)
}
