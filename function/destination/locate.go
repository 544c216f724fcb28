package destination

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/gateway"
)

// maxAllowed is how many servers or operations a refusal lists.
const maxAllowed = 20

// maxCompared is with how many operations the one that was called is compared.
const maxCompared = 100

// A Location is an admitted outbound URL: the server it belongs to, and the part that is
// the caller's.
type Location struct {
	// Path is the whole escaped path as the caller wrote it, "/" where the URL has
	// none; it may hold {field} expressions.
	Path string
	// RawQuery is the caller's query without "?", byte for byte; HasQuery tells "?" from nothing.
	RawQuery string
	HasQuery bool
	// Caller is the caller's name, which Operation compares with the documents; empty if it
	// has none.
	Caller string

	server *server
	// neighbours are all servers of the same host, the longest prefix first.
	neighbours []*server
}

// Locate admits an outbound URL and finds the declared server that it is below: the one
// with the longest path prefix. The path may hold {field} expressions after the server's
// own path; in the query, a brace is an ordinary byte. The error is a *gateway.Refusal with
// the reason ErrURL or ErrNotDeclared.
func (s *Set) Locate(outboundURL string) (Location, error) {
	parsed, found := parseAddress(outboundURL)
	if found.problem != "" {
		subject := "The outbound URL "
		if found.problem == notAbsolute {
			found = s.withoutScheme(outboundURL, urlFault{found.problem, remedyForAddress(outboundURL, found.remedy)})
			subject += shown(outboundURL)
		}
		return Location{}, refuse(ErrURL, subject+found.problem+": "+found.remedy+".")
	}
	if parsed.path == "" {
		parsed.path = "/"
	}
	neighbours := s.hosts[parsed.host]
	server := closest(neighbours, parsed.path, func(s *server) bool { return s.origin == parsed.origin })
	if server == nil {
		return Location{}, errNotDeclared(parsed, neighbours, s.near(neighbours, parsed))
	}
	return Location{
		Path:       server.withoutCredentials(parsed.path),
		RawQuery:   parsed.query,
		HasQuery:   parsed.hasQuery,
		server:     server,
		neighbours: neighbours,
	}, nil
}

// remedyForAddress says what to do about what was sent in place of a URL, where that is not to
// write a scheme before it.
func remedyForAddress(sent, usual string) string {
	lower := strings.ToLower(sent)
	host, _, _ := strings.Cut(lower, "/")
	switch {
	case strings.IndexAny(sent, "\"'`<[(") == 0:
		return "write the URL alone, without what stands around it"
	case strings.HasPrefix(lower, "http%"), strings.HasPrefix(lower, "https%"):
		return "write it as it is, without percent-encoding the whole of it"
	case strings.HasPrefix(lower, "https:"), strings.HasPrefix(lower, "http:"), strings.HasPrefix(lower, "https/"), strings.HasPrefix(lower, "http/"):
		return "a scheme ends in a colon and two slashes, as in https://"
	case strings.Contains(host, "{"), host == "undefined", host == "null", host == "none":
		return "the sender has not filled it in"
	}
	return usual
}

// closest returns the server with the longest prefix of a path, of those that also match;
// nil when there is none.
func closest(servers []*server, path string, match func(*server) bool) *server {
	for _, each := range servers {
		if _, below := cutPrefix(path, each.prefix); below && match(each) {
			return each
		}
	}
	return nil
}

func refuse(reason error, detail string, allowed ...string) *gateway.Refusal {
	return &gateway.Refusal{Reason: reason, Detail: detail, Allowed: allowed}
}

// queryMark begins a query and userMark ends a password, also in a URL that is
// percent-encoded as a whole.
var (
	queryMark = regexp.MustCompile(`(?i)\?|%(25)*3f`)
	userMark  = regexp.MustCompile(`@|%(25)*40`)
)

// shown quotes what was sent as a URL and is none, without its query and followed by a space.
// It is empty if that may hold a password, in which any character may stand.
func shown(outboundURL string) string {
	const most = 100
	address := queryMark.Split(outboundURL, 2)[0]
	switch {
	case userMark.MatchString(outboundURL):
		return ""
	case len(address) > most:
		address = address[:most] + "…"
	}
	return strconv.Quote(address) + " "
}

// maxShown is how many servers of a host the operator is told.
const maxShown = 5

// errNotDeclared is the refusal of a URL below no declared server. It does not say
// which servers there are: a caller learns no host but the one that it names, and of that
// one what hint says. The operator learns which host it names, and what of it is declared.
func errNotDeclared(parsed address, neighbours []*server, hint string) error {
	note := "The URL begins with " + parsed.origin.String() + "."
	if len(neighbours) > 0 {
		shown := make([]string, min(len(neighbours), maxShown))
		for i := range shown {
			shown[i] = neighbours[i].origin.String() + neighbours[i].prefix
		}
		note += " Of its host there are " + strings.Join(shown, ", ") + "."
	}
	return &gateway.Refusal{
		Reason: ErrNotDeclared,
		Detail: "The outbound URL lies below no server that this relay knows. Look at its scheme, host, port and the beginning of its path," +
			" or have the operator add the API's OpenAPI document to the destinations." + hint,
		Note: note,
	}
}

// otherLoopback says of a URL of this machine with which of its names the path is declared.
func (s *Set) otherLoopback(parsed address) string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if !slices.Contains(names, parsed.host) {
		return ""
	}
	for _, name := range names {
		if declared := forPath(s.hosts[name], parsed.path); declared != nil {
			return " The same path is declared with " + declared.origin.String() + ": write the host as it is declared."
		}
	}
	return ""
}

// near says of a URL below no server with which scheme and port its host is declared for
// its path. Where that is for other paths, those are not named.
func (s *Set) near(neighbours []*server, parsed address) string {
	if declared := forPath(neighbours, parsed.path); declared != nil {
		return " The same host and path are declared with " + declared.origin.String() + "."
	}
	below := ""
	if len(neighbours) > 0 {
		below = " The host is declared, but below other paths."
	}
	return cmp.Or(s.otherLoopback(parsed), below)
}

// forPath is the server with the longest prefix of a path, of any scheme and port.
func forPath(servers []*server, path string) *server {
	return closest(servers, path, func(*server) bool { return true })
}

// withoutScheme is the fault of a URL that lacks nothing but a scheme, with the one that its
// host and path are declared with; any other fault is as it was.
func (s *Set) withoutScheme(outboundURL string, found urlFault) urlFault {
	parsed, other := parseAddress("https://" + strings.TrimPrefix(outboundURL, "//"))
	if other.problem != "" {
		return found
	}
	if declared := forPath(s.hosts[parsed.host], parsed.path); declared != nil {
		return urlFault{"has no scheme", "begin it with " + declared.origin.String() + ", with which its host is declared"}
	}
	return found
}

// Fill rebuilds the outbound URL from the declared server, an escaped path (the server's
// prefix included, expressions filled) and a query. Bytes that RFC 3986 section 3.3 does
// not allow in a path are percent-encoded; all others, and the query, are sent byte for
// byte. The caller's own URL is never dialed.
func (l *Location) Fill(target *url.URL, path, rawQuery string) {
	path = encodePath(path)
	*target = url.URL{
		Scheme:     l.server.scheme(),
		Host:       l.server.authority,
		Path:       Unescape(path),
		RawPath:    path,
		RawQuery:   rawQuery,
		ForceQuery: l.HasQuery && rawQuery == "",
	}
}

// encodePath percent-encodes what is neither a pchar nor a slash. Escapes stay as they are.
func encodePath(path string) string {
	if !slices.ContainsFunc([]byte(path), func(c byte) bool { return !allowedInPath(c) }) {
		return path
	}
	var encoded strings.Builder
	for _, c := range []byte(path) {
		if allowedInPath(c) {
			encoded.WriteByte(c)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", c)
		}
	}
	return encoded.String()
}

// allowedInPath reports whether a byte may stand in a path (RFC 3986 section 3.3), % as part of an escape included.
func allowedInPath(c byte) bool {
	return isAlphanumeric(rune(c)) || strings.IndexByte("/-._~!$&'()*+,;=:@%", c) >= 0
}

// Operation finds the operation that a method and an escaped path (expressions filled,
// server prefix included) belong to, in all documents that declare the server. Of
// overlapping prefixes, the longest that has the operation wins. A document without paths
// has one Operation that stands for all. A concrete path wins over a templated one,
// whatever its methods. The error is a *gateway.Refusal with the reason ErrOperation, or
// ErrUnusable if keyrelay cannot use the operation.
func (l *Location) Operation(method, path string) (*Operation, error) {
	var withoutMethod *node
	for _, each := range l.neighbours {
		rest, below := cutPrefix(path, each.prefix)
		if !below || each.origin != l.server.origin {
			continue
		}
		var off *Fault
		operation, end := each.operation, each.routes.lookup(rest)
		if end != nil {
			operation, off = end.operation(method)
		}
		switch {
		case operation == nil && end == nil:
			continue
		case !l.names(each):
			return nil, l.noOperation("Filled with the record's fields, the path of the outbound URL lies below another server", "")
		case operation != nil && !operation.Destination.allows(l.Caller):
			return nil, errCaller(operation.Destination, l.Caller)
		case operation != nil:
			return operation, nil
		case off != nil:
			return nil, each.named(errUnusable(off))
		}
		if withoutMethod == nil {
			withoutMethod = end
		}
	}
	if withoutMethod != nil {
		return nil, errMethod(method, withoutMethod)
	}
	return nil, l.noOperation("No declared path matches the outbound URL", cmp.Or(l.nearest(method, path), l.resembles(path)))
}

// nearest says which declared operation differs from what was called by a letter or two, such
// as a slash at the end; empty for none.
func (l *Location) nearest(method, path string) string {
	const edits = 2
	rest, _ := cutPrefix(path, l.server.prefix)
	called := method + " " + rest
	var like []string
	for _, each := range l.server.destinations {
		for _, declared := range each.declared {
			if len(like) < maxCompared && strings.HasPrefix(declared, method) && max(len(declared)-len(called), len(called)-len(declared)) <= edits {
				like = append(like, declared)
			}
		}
	}
	if found, differs := Nearest(called, like...); found != "" && differs <= min(edits, len(rest)/4) {
		return " The nearest one is " + found + "."
	}
	return ""
}

// resembles says that servers may take a path for a declared one, which it is not.
func (l *Location) resembles(path string) string {
	for _, each := range l.neighbours {
		if rest, below := cutPrefix(path, each.prefix); below && each.origin == l.server.origin && each.routes != nil && each.routes.accepts(rest) {
			return " Many servers ignore capitals and an ending such as .json, and would take this path for another one that is declared: call that one, or have this very path declared."
		}
	}
	return ""
}

// named adds to a refusal the names of the documents that declare the server.
func (s *server) named(refused *gateway.Refusal) error {
	names := make([]string, len(s.destinations))
	for i, each := range s.destinations {
		names[i] = each.Name
	}
	refused.Destination = strings.Join(names, ",")
	return refused
}

func (d *Destination) allows(caller string) bool {
	return d.Callers == nil || slices.Contains(d.Callers, caller)
}

func errCaller(d *Destination, caller string) error {
	who := "the caller " + caller
	if caller == "" {
		who = "a caller without a name"
	}
	return &gateway.Refusal{
		Reason:      ErrCaller,
		Detail:      "The destination " + d.Name + " is not open to " + who + ". Use the key of a caller that x-keyrelay-callers in its document names, or have the operator add this one.",
		Destination: d.Name,
	}
}

// names reports whether the caller's own path lies below a server, so that what
// fills it has not led it there, and one document's credential with it.
func (l *Location) names(each *server) bool {
	if each == l.server {
		return true
	}
	_, below := cutPrefix(l.Path, each.prefix)
	return below
}

// lookup finds what of the path follows the server's prefix. Nothing is "/".
func (n *node) lookup(rest string) *node {
	if n == nil {
		return nil
	}
	if rest == "" {
		rest = "/"
	}
	return n.find(rest)
}

func errUnusable(off *Fault) *gateway.Refusal {
	return refuse(ErrUnusable, "The destination's document declares this operation, but keyrelay cannot use it: "+off.Problem+
		". Have the operator fix the document: "+off.Remedy+".")
}

func errMethod(method string, found *node) error {
	near := found.entries[0]
	return &gateway.Refusal{
		Reason: ErrOperation,
		Detail: "The destination's document declares the path " + near.Path + " without the method " + method + ": " +
			"use a method listed in allowed, or have the operator declare it in the document.",
		Allowed:     found.methods(),
		Destination: near.Destination.Name,
		Operation:   near.Path,
	}
}

func (l *Location) noOperation(problem, near string) error {
	var allowed []string
	for _, each := range l.server.destinations {
		declared := each.declared[:min(len(each.declared), maxAllowed-len(allowed))]
		allowed = append(allowed, declared...)
	}
	return l.server.named(refuse(ErrOperation, problem+": use an operation listed in allowed, or have the operator declare it in the destination's document."+near, allowed...))
}
