// Package destination reads the operator's OpenAPI documents and finds the
// destination that an outbound URL belongs to.
//
// A destination is one downstream API, described by one OpenAPI 3.0, 3.1 or 3.2
// document in YAML or JSON. Its servers are the allow-list; its security schemes
// say which credential goes where; its x-keyrelay-* members say what OpenAPI
// cannot. Everything is read and checked once, at the start:
//
//	set, err := destination.Load("destinations", destination.Config{})
//	location, err := set.Locate("https://api.example.com/v2/orders?expand=1")
//	operation, err := location.Operation("POST", location.Path)
//
// Admission (Locate) is stricter than RFC 3986: it refuses a URL that two readers
// could understand differently, and the URL that is dialed is rebuilt from the
// declared server (Location.Fill). A valid request costs no allocation here.
//
// Load reports every fault of every document at once, each with its file, line
// and column and what to write instead. After Load, everything is read-only and
// safe for concurrent use.
package destination

import (
	"errors"
	"net/url"
	"slices"
	"time"
)

// MaxURLBytes is the longest outbound URL that Locate admits.
const MaxURLBytes = 8 << 10

// DefaultDeliverWithin is for how long delivery of an accepted record is tried, unless its
// document says otherwise.
const DefaultDeliverWithin = 24 * time.Hour

// The reasons for which this package refuses an outbound URL.
var (
	// ErrURL says that the outbound URL does not pass admission.
	ErrURL = errors.New("the outbound URL is invalid")
	// ErrNotDeclared says that the outbound URL belongs to no declared destination.
	ErrNotDeclared = errors.New("the destination is not declared")
	// ErrCaller says that the destination's document does not allow this caller.
	ErrCaller = errors.New("the caller is not allowed")
	// ErrOperation says that the destination's document declares no such operation.
	ErrOperation = errors.New("the operation is not declared")
	// ErrUnusable says that the document declares the operation in a form that keyrelay cannot use.
	ErrUnusable = errors.New("the operation cannot be used")
)

// A Network says which addresses a destination's connections may reach. Link-local
// and cloud metadata addresses are never open.
type Network int

// The networks of x-keyrelay-network.
const (
	// Public opens only the internet.
	Public Network = iota
	// Private opens RFC 1918, RFC 6598 (carrier-grade NAT) and RFC 4193 (ULA) addresses as well.
	Private
	// Loopback opens this machine as well as what Private opens.
	Loopback
)

// ParseNetwork reads a network as x-keyrelay-network writes it.
func ParseNetwork(text string) (network Network, ok bool) {
	for _, network = range []Network{Public, Private, Loopback} {
		if network.String() == text {
			return network, true
		}
	}
	return Public, false
}

// String returns the network as x-keyrelay-network writes it.
func (n Network) String() string {
	switch n {
	case Private:
		return "private"
	case Loopback:
		return "loopback"
	}
	return "public"
}

// A Destination is one downstream API.
type Destination struct {
	// Name is the document's file name without its ending.
	Name string
	// Title is info.title.
	Title string
	// Network says which addresses may be dialed.
	Network Network
	// CA refers to PEM roots that replace the system's; the zero Reference means the system's.
	CA Reference
	// Variables refers to the JSON secret that x-itential-variable reads; zero when the
	// document has none. If a document uses variables and does not say where they are, it
	// is secretsmanager:PREFIX/FILE#/variables.
	Variables Reference
	// Callers names who may use the destination; nil for everyone.
	Callers []string
	// AuxiliaryTimeout bounds each retrieval, introspection and key set call made for the document.
	AuxiliaryTimeout time.Duration
	// Schemes holds the document's security schemes by name.
	Schemes map[string]*SecurityScheme
	// Pace is the least time between two deliveries (x-keyrelay-rate); 0 for no limit.
	Pace time.Duration
	// Later lists where the document says x-keyrelay-delivery: later.
	Later []Place
	// AnyRecordType says that a record is read whatever its media type is
	// (x-keyrelay-record-type: any).
	AnyRecordType bool
	// Session says how the record's session token is checked; nil when the document has no x-keyrelay-session.
	Session *Session
	// References lists every secret reference of the document with its place, so that the
	// start can check them.
	References []PlacedReference

	// Attached names the security schemes that at least one operation attaches, sorted.
	Attached []string
	// Retrieved holds each list of schemes that operations attach and that contains a
	// retrieved credential, once.
	Retrieved [][]Requirement
	// Choices say how alternatives of security are decided, each outcome once.
	Choices []Choice

	servers []*server
	// file is the document's file name.
	file string
	// secretPrefix is what defaultReference begins with.
	secretPrefix string
	// declared lists the operations, as "METHOD /path", sorted.
	declared []string
}

// An Operation describes one method on one path of a destination. A document without paths
// has one Operation that stands for all of them.
type Operation struct {
	// Destination is the API of the document that declares the operation.
	Destination *Destination
	// Method is the upper-case HTTP method; empty when the document has no paths.
	Method string
	// Path is the path template as the document writes it; empty when the document has no paths.
	Path string
	// Security lists the schemes that are all attached; empty means no credential. If
	// Alternatives is not nil, Security is the first of them.
	Security []Requirement
	// Alternatives are the lists from which Security is chosen at first use, by which
	// secrets exist; nil if the document decides.
	Alternatives *Alternatives
	// SecretFields are the fields of the record that choose the member of a secret, in any
	// of the alternatives.
	SecretFields []SecretField
	// Placeholders are the schemes that a caller's {{{name}}} may stand for: those that
	// any alternative of its security names; where neither it nor the document names
	// any, all of the document. None is Internal.
	Placeholders []*SecurityScheme
	// PlaceholdersChoose says that a field of the record chooses the credential of one of Placeholders.
	PlaceholdersChoose bool
	// Parameters are the OpenAPI parameters that the operation declares, those of its path item included.
	Parameters []Parameter
	// Timeout bounds the outbound call; 25 s unless the document says otherwise.
	Timeout time.Duration
	// Batch says what happens to an array of records.
	Batch Batch
	// BatchConcurrency is how many records of a split batch are sent at once, at most.
	BatchConcurrency int
	// BatchMax is how many records a split batch may hold.
	BatchMax int
	// Later says that records are accepted now and delivered later, whatever the caller
	// prefers (x-keyrelay-delivery: later).
	Later bool
	// DeliverWithin is for how long delivery of an accepted record is tried;
	// DefaultDeliverWithin unless the document says otherwise.
	DeliverWithin time.Duration
	// Body is the x-keyrelay-body template; nil when there is none.
	Body *BodyTemplate
	// BodyType is the media type that the rest of a record is sent as: empty for
	// JSON, else "application/x-www-form-urlencoded" or "multipart/form-data". It is
	// x-keyrelay-body-type, or the first of the two that the operation's requestBody offers when it offers no JSON.
	BodyType string
	// JSONType is the media type of JSON that the operation's requestBody offers where it does
	// not offer application/json; empty otherwise.
	JSONType string
	// Offers are the media types besides JSON that the operation's requestBody offers, in
	// lower case and without parameters; a range ends in "/*".
	Offers []string
	// BodyEncoding says how members of a form are written, by their names; nil when
	// the document does not say.
	BodyEncoding map[string]Encoding
}

// Alternatives are lists of schemes of which the first is attached whose secrets all
// exist. An empty list asks for none and stands last. Operations that inherit their security share one.
type Alternatives struct {
	Lists [][]Requirement
}

// A Choice says which alternative of a security the document decides for, or that the
// secrets decide. The operator reads it.
type Choice struct {
	// Place is where the first such security is.
	Place
	// Text says what is attached and why.
	Text string
	// Count is how many lists of security are decided the same.
	Count int
}

// A SecretField is a field of the record that chooses the member of a secret.
type SecretField struct {
	Name string
	// Required says that the operation has no alternative without it.
	Required bool
}

// A Requirement is one security scheme of a security requirement with the scopes it asks for.
type Requirement struct {
	Scheme *SecurityScheme
	Scopes []string
}

// A Parameter is an OpenAPI parameter of an operation.
type Parameter struct {
	Name string
	// In is "query", "header", "path" or "cookie".
	In       string
	Required bool
	// Style and Explode are OpenAPI's, with its defaults filled in. An array in a cookie is
	// one value unless the document says otherwise, because "&" means nothing there.
	Style   string
	Explode bool
	// AllowReserved is OpenAPI's allowReserved.
	AllowReserved bool
	// IsJSON says that the parameter has a content of JSON: its value is a JSON text.
	IsJSON bool
	// IsObject says that the parameter's schema or style takes an object.
	IsObject bool
}

// An Encoding is an OpenAPI encoding object: how one member of a form is written.
// Where Style, Explode and AllowReserved are given, ContentType does not count.
type Encoding struct {
	// ContentType is the media type of the member's value; empty when the document does not say.
	ContentType string
	// Style is "form", "spaceDelimited", "pipeDelimited" or "deepObject"; empty when the document does not say.
	Style string
	// Explode repeats the member for each element of an array: OpenAPI's, with its default filled in.
	Explode bool
	// AllowReserved is OpenAPI's allowReserved.
	AllowReserved bool
}

// A Batch says what happens to an array of records.
type Batch int

// The values of x-keyrelay-batch.
const (
	// NoBatch refuses arrays.
	NoBatch Batch = iota
	// Whole sends the array as one body.
	Whole
	// Split sends one outbound request per record.
	Split
)

// A BodyTemplate is x-keyrelay-body as the document writes it.
type BodyTemplate struct {
	// JSON is the template as JSON text, members in the document's order.
	JSON []byte
	// Parts is the template, prepared to be filled.
	Parts []BodyPart
}

// A Session is x-keyrelay-session.
type Session struct {
	// Field is the record's member that holds the token.
	Field string
	// IntrospectionURL is set if tokens are checked with RFC 7662.
	IntrospectionURL *url.URL
	// IntrospectionSecurity authorizes that call.
	IntrospectionSecurity []Requirement
	// JWKSURL is set when tokens are JWTs.
	JWKSURL *url.URL
	// Issuer and Audience are those of valid tokens; empty if introspection need not check
	// them.
	Issuer, Audience string
	// Scopes are those that a token must have, according to introspection.
	Scopes []string
	// Secret refers to the JSON array of SHA-256 digests of the valid tokens; zero when another check is used.
	Secret Reference
	// CacheFor is how long an answer and the digest list are kept.
	CacheFor time.Duration
}

// attach notes the schemes that an operation attaches, the scopes that it requires of
// them, the certificates beside them, and which fields of a record choose their credentials.
func (d *Destination) attach(operation *Operation) {
	operation.PlaceholdersChoose = slices.ContainsFunc(operation.Placeholders, func(s *SecurityScheme) bool { return len(s.Choosers()) > 0 })
	lists := operation.lists()
	for _, security := range lists {
		d.noteRetrieved(security)
		for _, requirement := range security {
			d.Attached = insert(d.Attached, requirement.Scheme.Name)
			if at := slices.IndexFunc(security, func(r Requirement) bool { return r.Scheme.Kind == MutualTLS }); at >= 0 && requirement.Scheme.Beside == nil {
				requirement.Scheme.Beside = security[at].Scheme
			}
			operation.choose(requirement.Scheme, len(lists) == 1)
			for _, scope := range requirement.Scopes {
				requirement.Scheme.RequiredScopes = insert(requirement.Scheme.RequiredScopes, scope)
			}
		}
	}
}

// lists are the alternatives of the operation's security.
func (o *Operation) lists() [][]Requirement {
	if o.Alternatives != nil {
		return o.Alternatives.Lists
	}
	return [][]Requirement{o.Security}
}

// insert adds a text to a sorted list unless it is there.
func insert(list []string, text string) []string {
	at, found := slices.BinarySearch(list, text)
	if found {
		return list
	}
	return slices.Insert(list, at, text)
}

func (o *Operation) choose(scheme *SecurityScheme, required bool) {
	for _, chooser := range scheme.Choosers() {
		field := SecretField{chooser.SecretField, required}
		if !slices.Contains(o.SecretFields, field) {
			o.SecretFields = append(o.SecretFields, field)
		}
	}
}

// noteRetrieved notes a list of schemes if a credential of it is retrieved.
func (d *Destination) noteRetrieved(security []Requirement) {
	same := func(a, b Requirement) bool { return a.Scheme == b.Scheme && slices.Equal(a.Scopes, b.Scopes) }
	known := func(list []Requirement) bool { return slices.EqualFunc(list, security, same) }
	if slices.ContainsFunc(security, func(q Requirement) bool { return q.Scheme.Retrieved() }) && !slices.ContainsFunc(d.Retrieved, known) {
		d.Retrieved = append(d.Retrieved, security)
	}
}

// Requires reports whether found accepts a scheme that the operation attaches, always or in
// any alternative.
func (o *Operation) Requires(found func(*SecurityScheme) bool) bool {
	return slices.ContainsFunc(o.lists(), func(security []Requirement) bool {
		return slices.ContainsFunc(security, func(r Requirement) bool { return found(r.Scheme) })
	})
}
