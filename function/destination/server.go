package destination

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// A Set holds all destinations. It is read-only and safe for concurrent use.
type Set struct {
	destinations []*Destination
	// hosts holds the servers of each host, the longest prefix first.
	hosts map[string][]*server
	// warnings are those of all documents, by file.
	warnings []Warning
	// size is how many bytes all files have.
	size int
}

// Destinations returns all destinations, sorted by name.
func (s *Set) Destinations() []*Destination { return s.destinations }

// Warnings returns what is turned off in the documents, each cause once.
func (s *Set) Warnings() []Warning { return s.warnings }

// Origins returns scheme, host and port of each declared server, each once.
func (d *Destination) Origins() []*url.URL {
	var origins []*url.URL
	for i, each := range d.servers {
		if !slices.ContainsFunc(d.servers[:i], func(s *server) bool { return s.origin == each.origin }) {
			origins = append(origins, &url.URL{Scheme: each.scheme(), Host: each.authority})
		}
	}
	return origins
}

// Size returns the size of the documents in bytes.
func (s *Set) Size() int { return s.size }

// A server is one declared server URL with the operations that are reached
// through it, of all documents that declare it.
type server struct {
	// destinations are those of the documents, in the order of their names.
	destinations []*Destination
	origin
	// prefix is the path without a slash at its end, percent escapes undone.
	prefix string
	// authority is the origin's host and port as a URL holds them.
	authority string
	// routes hold the operations; nil if the document has no paths.
	routes *node
	// operation stands for all where the document has no paths.
	operation *Operation
	// place is where a document declares it.
	place Place
}

// withoutCredentials is a path with a dash in the place of each {variable} that a
// credential takes, so that no field of the record is looked for.
func (s *server) withoutCredentials(path string) string {
	if strings.IndexByte(path, '{') < 0 {
		return path
	}
	for _, each := range s.destinations {
		for _, scheme := range each.Schemes {
			if scheme.In == "path" {
				path = strings.ReplaceAll(path, "{"+scheme.Field+"}", "-")
			}
		}
	}
	return path
}

func (s *server) same(other *server) bool {
	return s.origin == other.origin && s.prefix == other.prefix
}

func byPrefix(servers []*server) {
	slices.SortStableFunc(servers, func(a, b *server) int {
		return cmp.Or(cmp.Compare(len(b.prefix), len(a.prefix)), cmp.Compare(a.scheme(), b.scheme()), cmp.Compare(a.port, b.port))
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

// index adds a destination's servers to those of all. A server that is there
// already gets the operations of this document too.
func (s *Set) index(d *Destination) (faults Faults) {
	var warnings []Warning
	for i, each := range d.servers {
		others := s.hosts[each.host]
		if at := slices.IndexFunc(others, each.same); at >= 0 {
			wrong, twice := others[at].join(each)
			faults, warnings = append(faults, wrong...), append(warnings, twice...)
			d.servers[i] = others[at]
			continue
		}
		others = append(others, each)
		byPrefix(others)
		s.hosts[each.host] = others
	}
	s.warnings = append(s.warnings, summarize(warnings)...)
	return faults
}

// join adds what another document declares for the same server. Faults are what
// would leave open whose credential a request is given. An operation that a vendor
// publishes in two of its documents stays that of the first which names its secrets.
func (s *server) join(other *server) (faults Faults, warnings []Warning) {
	taken := s.destinations[0]
	s.destinations = append(s.destinations, other.destinations...)
	if s.operation != nil || other.operation != nil {
		return Faults{{other.place, "this server is declared by " + taken.file + " too, and a document without paths takes all of it",
			"put both into one document, or give the two different path prefixes"}}, nil
	}
	s.routes.join(other.routes, func(mine, theirs entry) entry {
		stays, goes := mine, theirs
		own, others := mine.named(), theirs.named()
		if len(own) == 0 && len(others) > 0 {
			stays, goes = theirs, mine
		}
		declared := goes.Method + " " + goes.Path
		if mine.publishes(theirs) && (len(own) == 0 || len(others) == 0 || slices.Equal(own, others)) {
			warnings = append(warnings, Warning{Fault{goes.place, "this operation is published by " + stays.Destination.file + " too, whose credential it is given",
				"remove it from one of the two by an overlay"}, declared + " here", 1, false})
			return stays
		}
		faults = append(faults, Fault{theirs.place, "the operation " + declared + " is declared by " + mine.Destination.file + " too",
			"keep one of the two, removing the other by an overlay where it is a vendor's: documents that declare the same server are one set of operations"})
		return mine
	})
	return faults, warnings
}
