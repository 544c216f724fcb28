package destination

// A Set holds all destinations. It is read-only and safe for concurrent use.
type Set struct {
	destinations []*Destination
}

type server struct{}

// Config says what Load takes into account besides the documents.
type Config struct {
	// RealLambda makes the network "loopback" a fault: in AWS Lambda, loopback holds the runtime's own API.
	RealLambda bool
}

// Load reads every *.yaml, *.yml and *.json document of a folder. The error, if
// any, is of type Faults and holds every fault of every document.
func Load(folder string, config Config) (*Set, error) { panic("to come") }

// A Location is an admitted outbound URL: which destination it belongs to, and what of it is the caller's.
type Location struct {
	Destination *Destination
	// Path is the whole escaped path as the caller wrote it; it may hold {field} expressions.
	Path string
	// RawQuery is the caller's query without "?", byte for byte; HasQuery tells "?" from nothing.
	RawQuery string
	HasQuery bool

	server *server
}

// Locate admits an outbound URL and finds the destination that declares its server.
// The error is a *gateway.Refusal with the reason ErrURL or ErrNotDeclared.
func (s *Set) Locate(outboundURL string) (Location, error) { panic("to come") }

// Operation finds the operation that a method and an escaped path (expressions
// filled, server prefix included) belong to. The error is a *gateway.Refusal with the reason ErrOperation.
func (l *Location) Operation(method, path string) (*Operation, error) { panic("to come") }
