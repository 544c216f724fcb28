package destination

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v4"
)

// A Set holds all destinations. It is read-only and safe for concurrent use.
type Set struct {
	destinations []*Destination
	// hosts holds the servers of each host, the longest prefix first.
	hosts map[string][]*server
	// warnings are those of all documents, by file.
	warnings []Warning
}

// Destinations returns all destinations, sorted by name.
func (s *Set) Destinations() []*Destination { return s.destinations }

// Warnings returns what of the documents is switched off, each cause once.
func (s *Set) Warnings() []Warning { return s.warnings }

// A server is one declared server URL of a destination with the operations that are reached through it.
type server struct {
	destination *Destination
	secure      bool
	// host and port are as in address: a caller's are compared with them.
	host, port string
	// prefix is the path without a slash at its end, percent escapes undone.
	prefix string
	// authority is host and port as a URL holds them.
	authority string
	// url is the URL as it is shown to callers.
	url string
	// routes hold the operations; nil where the document has no paths.
	routes *node
	// operation stands for all when the document has no paths.
	operation *Operation
	// node is where the document declares it.
	node *yaml.Node
}

// scheme returns the URL scheme.
func (s *server) scheme() string {
	if s.secure {
		return "https"
	}
	return "http"
}

// same reports whether two servers are the same origin and path.
func (s *server) same(other *server) bool {
	return s.origin(other) && s.prefix == other.prefix
}

// origin reports whether two servers are of the same scheme, host and port.
func (s *server) origin(other *server) bool {
	return s.secure == other.secure && s.host == other.host && s.port == other.port
}

// byPrefix sorts servers so that the longest prefix comes first.
func byPrefix(servers []*server) {
	slices.SortStableFunc(servers, func(a, b *server) int {
		return cmp.Or(cmp.Compare(len(b.prefix), len(a.prefix)), cmp.Compare(a.url, b.url))
	})
}

// claim adds servers to a destination, each once, and returns the destination's own for each.
func (d *Destination) claim(servers []*server) []*server {
	claimed := make([]*server, len(servers))
	for i, each := range servers {
		at := slices.IndexFunc(d.servers, each.same)
		if at < 0 {
			at = len(d.servers)
			d.servers = append(d.servers, each)
		}
		claimed[i] = d.servers[at]
	}
	return claimed
}

// index adds a destination's servers to those of all, and returns a fault for each that another document claims too.
func (s *Set) index(destination *Destination, file string) (faults Faults) {
	for _, each := range destination.servers {
		others := s.hosts[each.host]
		if at := slices.IndexFunc(others, each.same); at >= 0 {
			place := Place{file, each.node.Line, each.node.Column}
			faults = append(faults, Fault{place, "this server is declared by " + others[at].destination.file + " too",
				"put both into one document, or give the two different path prefixes"})
			continue
		}
		others = append(others, each)
		byPrefix(others)
		s.hosts[each.host] = others
	}
	return faults
}
