package destination

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/rawjson"
)

// Config says what Load considers in addition to the documents.
type Config struct {
	// RealLambda makes the network "loopback" a fault: in AWS Lambda, loopback holds the runtime's own API.
	RealLambda bool
	// Widest is the widest network that documents may ask for; nil for any.
	Widest *Network
	// NoQueue makes x-keyrelay-delivery: later a fault.
	NoQueue bool
	// SecretPrefix is the prefix of the secret's name for schemes that name no secret;
	// empty means DefaultSecretPrefix.
	SecretPrefix string
}

// DefaultSecretPrefix is used if Config.SecretPrefix is empty.
const DefaultSecretPrefix = "keyrelay/"

// Load reads every *.yaml, *.yml and *.json document of a folder, endings in any case, with the overlays beside
// them, NAME.overlay.yaml or .json. It ignores names that begin with a dot, as a shell
// does. The error, if any, is of type Faults and holds every fault of every document.
func Load(folder string, config Config) (*Set, error) {
	read, faults := readFolder(folder, config, func(*reader) {})
	return assemble(read, faults)
}

// assemble makes a set of documents that were read.
func assemble(read []*reader, faults Faults) (*Set, error) {
	set := &Set{hosts: map[string][]*server{}}
	names := map[string]string{}
	for _, each := range read {
		set.warnings = append(set.warnings, summarize(each.warnings)...)
		set.size += each.size
		name := secretName(nameOf(each.file))
		if first, taken := names[name]; taken {
			faults = append(faults, Fault{Place{each.file, 1, 1}, "the name of this document is that of " + first, "rename one of the two"})
		}
		names[name] = filepath.Base(each.file)
		if each.destination != nil {
			set.destinations = append(set.destinations, each.destination)
			faults = append(faults, set.index(each.destination)...)
		}
	}
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	slices.SortFunc(set.destinations, func(a, b *Destination) int { return cmp.Compare(a.Name, b.Name) })
	return set, nil
}

// readFolder reads the documents of a folder, their overlays applied, in the order of
// their files' names, and has use see each while its text is in memory, which is one
// document's at a time. Faults are those of all files.
func readFolder(folder string, config Config, use func(*reader)) (read []*reader, faults Faults) {
	files, fault := documents(folder)
	if fault != nil {
		return nil, Faults{*fault}
	}
	var overlays []*overlay
	for _, file := range files {
		if isOverlay(file) {
			overlays = append(overlays, readOverlay(file, config))
		}
	}
	for _, file := range files {
		if !isOverlay(file) {
			r := newReader(file, config)
			r.load(overlays)
			if len(r.faults) == 0 {
				use(r)
			}
			r.root, r.origins, r.extensible, r.own, r.declared = nil, nil, nil, nil, nil
			read, faults = append(read, r), append(faults, r.faults...)
		}
	}
	for _, each := range overlays {
		if !each.used && len(each.reader.faults) == 0 {
			each.reader.fault(each.reader.root, "there is no document that this overlay is for", "name it as the document, with .overlay before its ending, or write extends: with the document's file name")
		}
		faults = append(faults, each.reader.faults...)
	}
	return read, faults
}

// documents lists the files of a folder that are documents or overlays.
func documents(folder string) ([]string, *Fault) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		problem := "the folder of destinations cannot be read"
		if errors.Is(err, fs.ErrNotExist) {
			problem = "the folder of destinations does not exist"
		}
		return nil, &Fault{Place{File: folder}, problem, "make it a folder of OpenAPI documents that this program may read, or name the one that is: " +
			"by KEYRELAY_DESTINATIONS, to make by DESTINATIONS=folder, to a command of keyrelay by its argument"}
	}
	var files []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && IsDocument(entry.Name()) {
			files = append(files, filepath.Join(folder, entry.Name()))
		}
	}
	if !slices.ContainsFunc(files, func(file string) bool { return !isOverlay(file) }) {
		return nil, &Fault{Place{File: folder}, "the folder of destinations holds no document" + instead(entries), "put the OpenAPI document of an API into it as NAME.yaml or NAME.json"}
	}
	return files, nil
}

// instead names some of what a folder without documents holds, which may be meant as one: a
// file with another ending, or a folder, of which none is read.
func instead(entries []os.DirEntry) string {
	const most = 3
	var names []string
	for _, entry := range entries {
		name := printable(entry.Name())
		if strings.HasPrefix(name, ".") {
			continue
		}
		if entry.IsDir() {
			name = "the folder " + name
		}
		names = append(names, name)
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		names = append(names[:most], "others")
	}
	return ", but " + strings.Join(names, ", ")
}

// IsDocument reports whether a file has an ending by which it is read as a document, or as
// an overlay.
func IsDocument(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(file)))
}

func newReader(file string, config Config) *reader {
	return &reader{
		file:        file,
		config:      config,
		origins:     map[*yaml.Node]string{},
		extensible:  map[*yaml.Node]bool{},
		namesSecret: map[*SecurityScheme]bool{},
		own:         map[*SecurityScheme]*yaml.Node{},
		declared:    map[*SecurityScheme]*yaml.Node{},
		attached:    map[*SecurityScheme]bool{},
		implicit:    map[*SecurityScheme]bool{},
	}
}

// parse reads the file and reports whether it can be parsed.
func (r *reader) parse() bool {
	content, err := os.ReadFile(r.file)
	if err != nil {
		r.faults = Faults{{Place{r.file, 1, 1}, "the document cannot be read", "make it a file that this program may read"}}
		return false
	}
	r.size = len(content)
	root, fault := parse(r.file, content)
	if fault != nil {
		r.faults = Faults{*fault}
		return false
	}
	r.root = root
	return true
}

// load reads the file as a document. The destination stays nil if it cannot be parsed.
func (r *reader) load(overlays []*overlay) {
	parsed := r.parse()
	sound := parsed && r.checkMappings(r.root, 0)
	for _, each := range overlays {
		switch {
		case !each.isFor(r.file):
		case sound && len(r.faults) == 0:
			each.apply(r)
		default:
			each.used = true
		}
	}
	if parsed {
		r.document(sound)
	}
}

// maxDepth is how deep a document may nest. No OpenAPI document comes near it.
const maxDepth = 500

// parse turns a file into the mapping at its root. The fault, if any, is the only
// one that can be reported of a file that cannot be parsed.
func parse(file string, content []byte) (*yaml.Node, *Fault) {
	if !utf8.Valid(content) {
		line, column := rawjson.Position(content, validPrefix(content))
		return nil, &Fault{Place{file, line, column}, "the text is not UTF-8", "save the document as UTF-8"}
	}
	if at := bytes.IndexByte(content, 0); at >= 0 {
		line, column := rawjson.Position(content, at)
		return nil, &Fault{Place{file, line, column}, "the text has a NUL, as UTF-16 has", "save the document as UTF-8"}
	}
	if strings.EqualFold(filepath.Ext(file), ".json") {
		return parseJSON(file, content)
	}
	return parseYAML(file, content)
}

// validPrefix returns how many bytes at the start of content are UTF-8.
func validPrefix(content []byte) int {
	for i, c := range string(content) {
		if c == utf8.RuneError && !bytes.HasPrefix(content[i:], []byte("\ufffd")) {
			return i
		}
	}
	return len(content)
}
