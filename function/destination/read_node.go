package destination

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/rawjson"
)

// A reader turns the nodes of one document into a Destination and notes every
// fault on the way. A member that is absent or null reads as nil.
type reader struct {
	file   string
	config Config
	root   *yaml.Node
	// size is how many bytes the file has.
	size int
	// origins holds the overlay that a node comes from; the others are the document's own.
	origins map[*yaml.Node]string
	faults  Faults
	// warnings are what is wrong with parts that are switched off instead.
	warnings []Warning
	// unusableServers is what is wrong with servers: faults where none is left.
	unusableServers []Fault
	// tolerated collects what is wrong with OpenAPI itself while a part is read that
	// can be switched off; nil while every mistake is a fault.
	tolerated *[]Fault
	// servers are the document's own; base is the URL of the
	// first that can be used, nil if there is none.
	servers []*server
	base    *url.URL
	// destination is what is being filled.
	destination *Destination
	// namesSecret holds the schemes with an x-keyrelay-secret; own those, and the ones
	// that are retrieved as the document says, with where it says so.
	namesSecret map[*SecurityScheme]bool
	own         map[*SecurityScheme]*yaml.Node
	// declared holds where the document declares each scheme.
	declared map[*SecurityScheme]*yaml.Node
	// attached holds the schemes that a security names.
	attached map[*SecurityScheme]bool
	// implicit holds the oauth2 schemes that have an implicit flow alone.
	implicit map[*SecurityScheme]bool
	// extensible holds the mappings whose x-keyrelay-* members have been checked.
	extensible map[*yaml.Node]bool
}

func (r *reader) place(node *yaml.Node) Place {
	file := r.file
	if from, overlaid := r.origins[node]; overlaid {
		file = from
	}
	return Place{File: file, Line: node.Line, Column: node.Column}
}

func (r *reader) fault(node *yaml.Node, problem, remedy string) {
	r.note(Fault{r.place(node), problem, remedy})
}

func (r *reader) note(found ...Fault) {
	if r.tolerated != nil {
		*r.tolerated = append(*r.tolerated, found...)
		return
	}
	r.faults = append(r.faults, found...)
}

// tolerate reads a part of the document that can be switched off, and returns
// what is wrong with it.
func (r *reader) tolerate(read func()) (found []Fault) {
	outer := r.tolerated
	r.tolerated = &found
	read()
	r.tolerated = outer
	return found
}

// strictly reads what is keyrelay's own or Itential's: a mistake in it is the operator's, and a fault.
func (r *reader) strictly(read func()) {
	outer := r.tolerated
	r.tolerated = nil
	read()
	r.tolerated = outer
}

// warn notes mistakes that switch off one part of the document.
func (r *reader) warn(off string, found ...Fault) {
	for _, each := range found {
		r.warnings = append(r.warnings, Warning{Fault: each, Off: off, Count: 1})
	}
}

// warnAtStart notes a mistake that switches nothing off but most likely leaves a request
// without the credential that it was meant to have.
func (r *reader) warnAtStart(node *yaml.Node, problem, remedy string) {
	r.warnings = append(r.warnings, Warning{Fault: Fault{r.place(node), problem, remedy}, Count: 1, AtStart: true})
}

// A member is one name and value of a mapping.
type member struct{ key, value *yaml.Node }

// resolve follows YAML aliases.
func resolve(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// isNull says that a node is absent or null.
func isNull(node *yaml.Node) bool {
	return node == nil || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// mapping reports whether a node is a mapping. Anything else is a fault.
func (r *reader) mapping(node *yaml.Node, what string) bool {
	if node.Kind == yaml.MappingNode {
		return true
	}
	r.fault(node, what+" is not a mapping", r.mappingRemedy(node, what))
	return false
}

// members returns the members of a mapping in the document's order. Anything else is a fault.
func (r *reader) members(node *yaml.Node, what string) []member {
	if node = resolve(node); isNull(node) || !r.mapping(node, what) {
		return nil
	}
	members := make([]member, 0, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		members = append(members, member{node.Content[i], resolve(node.Content[i+1])})
	}
	return members
}

// items returns the items of a list. Anything else is a fault.
func (r *reader) items(node *yaml.Node, what string) []*yaml.Node {
	if node = resolve(node); isNull(node) {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		r.fault(node, what+" is not a list", r.listRemedy(node, what))
		return nil
	}
	items := make([]*yaml.Node, len(node.Content))
	for i, item := range node.Content {
		items[i] = resolve(item)
	}
	return items
}

// member returns the value of a mapping's member, nil when there is none. The
// null of an extension is returned, because an extension is left out, not set to null.
func (r *reader) member(node *yaml.Node, name string) *yaml.Node {
	if node = resolve(node); node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	at := indexOf(node, name)
	if at < 0 {
		return nil
	}
	value := resolve(node.Content[at])
	if isNull(value) && !strings.HasPrefix(name, extensionPrefix) {
		return nil
	}
	return value
}

// indexOf returns the index of a member's value in a mapping's content; -1 if there is none.
func indexOf(mapping *yaml.Node, name string) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return i + 1
		}
	}
	return -1
}

// text returns a text. ok is false when it is absent, or when it is something else,
// which is a fault. A number in OpenAPI's own members, such as the name 123, is its literal.
func (r *reader) text(node *yaml.Node, what string) (text string, ok bool) {
	if node == nil {
		return "", false
	}
	if node.Kind != yaml.ScalarNode || !isText(node) && (r.tolerated == nil || isNull(node)) {
		r.fault(node, what+" is not a text", textRemedy(node, what))
		return "", false
	}
	return node.Value, true
}

// isText says that a scalar is a text; YAML's dates are.
func isText(node *yaml.Node) bool {
	tag := node.ShortTag()
	return tag == "!!str" || tag == "!!timestamp"
}

// required returns the text of a member that must be there and not be empty.
func (r *reader) required(parent *yaml.Node, name, what, remedy string) (string, *yaml.Node) {
	node := r.member(parent, name)
	if node == nil {
		r.fault(parent, what+" has no "+name, remedy)
		return "", nil
	}
	text, ok := r.text(node, name)
	if ok && text == "" {
		r.fault(node, what+" has an empty "+name, remedy)
	}
	if text == "" {
		return "", nil
	}
	return text, node
}

// boolean returns the truth value of a member; absent is the default.
func (r *reader) boolean(parent *yaml.Node, name string, otherwise bool) bool {
	node := r.member(parent, name)
	if node == nil {
		return otherwise
	}
	value, ok := truth(node)
	if !ok {
		r.fault(node, name+" is neither true nor false", "write true or false")
		return otherwise
	}
	return value
}

// truth reads a truth value. The words of YAML 1.1 are understood.
func truth(node *yaml.Node) (value, ok bool) {
	if tag := node.ShortTag(); tag != "!!bool" && (tag != "!!str" || node.Style != 0) {
		return false, false
	}
	switch strings.ToLower(node.Value) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// integer returns a whole number within bounds, the least of which is above 0; 0 where it is
// absent or a fault was noted.
func (r *reader) integer(node *yaml.Node, what string, least, most int) int {
	if node == nil {
		return 0
	}
	value, err := strconv.Atoi(node.Value)
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!int" || err != nil || value < least || value > most {
		r.fault(node, what+" is not a whole number that may stand here", fmt.Sprintf("write a number from %d to %d", least, most))
		return 0
	}
	return value
}

// seconds returns a member's duration, written as a number of seconds, at most a given
// number of them; 0 where it is absent or a fault was noted.
func (r *reader) seconds(parent *yaml.Node, name string, zero bool, most float64) time.Duration {
	node := r.member(parent, name)
	if node == nil {
		return 0
	}
	if node.Kind == yaml.ScalarNode && (node.ShortTag() == "!!int" || node.ShortTag() == "!!float") {
		value, err := strconv.ParseFloat(node.Value, 64)
		duration := time.Duration(math.Round(value * float64(time.Second)))
		if err == nil && value >= 0 && value <= most && (zero || duration > 0) {
			return duration
		}
	}
	bounds := "more than 0"
	if zero {
		bounds = "0 or more"
	}
	remedy := fmt.Sprintf("write a number, %s and at most %.0f", bounds, most)
	if name == extensionPrefix+"lifetime" && strings.HasPrefix(node.Value, "/") {
		remedy += "; a pointer is for " + extensionPrefix + "expires-in: " + printable(node.Value)
	}
	r.fault(node, name+" is not a number of seconds that may stand here", remedy)
	return 0
}

// oneOf returns a text that must be one of a few; empty where it is absent or a fault was noted.
func (r *reader) oneOf(node *yaml.Node, what string, choices ...string) string {
	text, ok := r.text(node, what)
	if ok && !slices.Contains(choices, text) {
		r.fault(node, what+" is not known", "write "+cmp.Or(near(text, choices...), "one of: "+strings.Join(choices, ", ")))
		return ""
	}
	return text
}

// onlyKnown notes the members of a mapping that have no meaning there. The name x-* stands
// for all extensions.
func (r *reader) onlyKnown(node *yaml.Node, what string, names ...string) {
	for _, each := range r.members(node, what) {
		if name := each.key.Value; !slices.Contains(names, name) && !(strings.HasPrefix(name, "x-") && slices.Contains(names, "x-*")) {
			meant := cmp.Or(near(name, names...), "one of: "+strings.Join(names, ", "))
			r.fault(each.key, printable(name)+" is not known in "+what, "write "+meant+", or remove it")
		}
	}
}

// bundle says what to do with a document that is written in several files.
const bundle = "bundle the document's files into one (npx @redocly/cli bundle FILE), or copy what it points to into this document and write #/components/..."

// maxReferences is how many $refs may lead from one to the next.
const maxReferences = 100

// follow returns what a node stands for: itself, or the target of its $ref. Only
// references into the same document are read. nil means that a fault was noted.
func (r *reader) follow(node *yaml.Node) *yaml.Node {
	start := node
	for range maxReferences {
		reference := r.member(node, "$ref")
		if reference == nil {
			return node
		}
		text, ok := r.text(reference, "$ref")
		if !ok {
			return nil
		}
		if node = r.target(reference, text); node == nil {
			return nil
		}
	}
	r.fault(start, "this $ref leads back to itself", "write the object itself at one of the places")
	return nil
}

// target finds what a $ref points to: a URI fragment that holds a JSON Pointer (RFC 6901 section 6).
func (r *reader) target(reference *yaml.Node, text string) *yaml.Node {
	fragment, local := strings.CutPrefix(text, "#")
	if !local {
		r.fault(reference, "this $ref leaves the document", bundle)
		return nil
	}
	pointer, err := url.PathUnescape(fragment)
	if err == nil {
		if found := r.find(rawjson.Pointer(pointer)); found != nil {
			return found
		}
	}
	r.fault(reference, "this $ref points to nothing", "write the place of an object of this document, such as #/components/parameters/NAME")
	return nil
}

// find returns the node that a JSON Pointer names, nil when there is none.
func (r *reader) find(pointer rawjson.Pointer) *yaml.Node {
	if _, err := rawjson.ParsePointer(string(pointer)); err != nil {
		return nil
	}
	node := r.root
	for _, token := range pointer.Tokens() {
		switch node = resolve(node); {
		case node == nil:
			return nil
		case node.Kind == yaml.SequenceNode:
			index, err := strconv.Atoi(token)
			if err != nil || index < 0 || index >= len(node.Content) {
				return nil
			}
			node = node.Content[index]
		default:
			node = r.member(node, token)
		}
	}
	return resolve(node)
}
