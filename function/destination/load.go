package destination

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Set holds all destinations. It is read-only and safe for concurrent use.
type Set struct {
	destinations []*Destination
	// hosts holds the servers of each host, the longest prefix first.
	hosts map[string][]*server
}

// Config says what Load takes into account besides the documents.
type Config struct {
	// RealLambda makes the network "loopback" a fault: in AWS Lambda, loopback holds the runtime's own API.
	RealLambda bool
}

// Load reads every *.yaml, *.yml and *.json document of a folder. Names that begin
// with a dot are left out, as a shell leaves them out. The error, if
// any, is of type Faults and holds every fault of every document.
func Load(folder string, config Config) (*Set, error) {
	files, fault := documents(folder)
	if fault != nil {
		return nil, Faults{*fault}
	}
	set := &Set{hosts: map[string][]*server{}}
	var faults Faults
	names := map[string]string{}
	for _, file := range files {
		destination, found := load(file, config)
		faults = append(faults, found...)
		if first, taken := names[nameOf(file)]; taken {
			faults = append(faults, Fault{Place{file, 1, 1}, "the name of this document is that of " + first, "rename one of the two"})
		}
		names[nameOf(file)] = filepath.Base(file)
		if destination != nil {
			set.destinations = append(set.destinations, destination)
			faults = append(faults, set.index(destination, file)...)
		}
	}
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	slices.SortFunc(set.destinations, func(a, b *Destination) int { return cmp.Compare(a.Name, b.Name) })
	return set, nil
}

// documents lists the files of a folder that are documents.
func documents(folder string) ([]string, *Fault) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, &Fault{Place{File: folder}, "the folder of destinations cannot be read", "make it a folder of OpenAPI documents that this program may read, or set KEYRELAY_DESTINATIONS to the one that is"}
	}
	var files []string
	for _, entry := range entries {
		extension := filepath.Ext(entry.Name())
		if strings.HasPrefix(entry.Name(), ".") || !slices.Contains([]string{".yaml", ".yml", ".json"}, extension) {
			continue
		}
		files = append(files, filepath.Join(folder, entry.Name()))
	}
	if len(files) == 0 {
		return nil, &Fault{Place{File: folder}, "the folder of destinations holds no document", "put the OpenAPI document of an API into it as NAME.yaml or NAME.json"}
	}
	return files, nil
}

// load reads one file. The destination is nil when the file cannot be parsed.
func load(file string, config Config) (*Destination, Faults) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, Faults{{Place{file, 1, 1}, "the document cannot be read", "make it a file that this program may read"}}
	}
	root, fault := parse(file, content)
	if fault != nil {
		return nil, Faults{*fault}
	}
	reader := &reader{file: file, config: config, root: root, extensible: map[*yaml.Node]bool{}}
	return reader.document(), reader.faults
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

// Destinations returns all destinations, sorted by name.
func (s *Set) Destinations() []*Destination { return s.destinations }
