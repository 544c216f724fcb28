package destination

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

func (r *reader) operations(shared Operation, off *Fault) {
	own, paths := r.servers, r.paths()
	r.markUnused()
	if len(paths) == 0 && r.member(r.root, "webhooks") == nil {
		r.everything(own, shared, off)
		r.needServers()
		return
	}
	for _, each := range own {
		each.routes = &node{}
	}
	r.destination.claim(own)
	for _, each := range paths {
		r.pathItem(each.key, each.value, own, shared, off)
	}
	slices.Sort(r.destination.declared)
	if len(paths) > 0 { // webhooks alone declare nothing that could be sent
		r.needServers()
	}
}

// everything makes one operation stand for all of a document without paths.
func (r *reader) everything(own []*server, shared Operation, off *Fault) {
	if off != nil {
		r.faults = append(r.faults, *off)
	}
	r.body(&shared, nil)
	for _, each := range own {
		each.operation = &shared
	}
	r.destination.attach(&shared)
	r.destination.claim(own)
}

func (r *reader) paths() []member {
	return slices.DeleteFunc(r.members(r.follow(r.member(r.root, "paths")), "paths"), func(m member) bool {
		return strings.HasPrefix(m.key.Value, "x-")
	})
}

// needServers makes what is wrong with servers a fault if no server is left,
// and a warning where another one can be used.
func (r *reader) needServers() {
	if len(r.destination.servers) > 0 {
		for _, each := range r.unusableServers {
			r.warn("this server", each)
		}
		return
	}
	r.faults = append(r.faults, r.unusableServers...)
	misspelt := func(f Fault) bool { return f.Remedy == "write servers" }
	if len(r.unusableServers) == 0 && !slices.ContainsFunc(r.faults, misspelt) {
		r.fault(r.root, "the document declares no servers", "write servers: [{url: https://...}] with the URL that the API is reached at, here or by an overlay")
	}
}

// template checks a path template. It returns the path that can be matched, which
// is empty if none can, and what is wrong with the template.
func (r *reader) template(key *yaml.Node) (path string, found []Fault) {
	path, _, _ = strings.Cut(key.Value, "#")
	path, _, _ = strings.Cut(path, "?")
	wrong := urlFault{"does not begin with /", "write it from / on"}
	if strings.HasPrefix(path, "/") {
		wrong = checkPath(path)
	}
	switch {
	case wrong.problem != "":
		path = ""
	case path != key.Value:
		wrong = urlFault{"holds a query or a fragment", "write the path alone; a query belongs in the outbound URL or under parameters"}
	default:
		r.checkGreedy(key)
		return path, nil
	}
	return path, []Fault{{r.place(key), "the path template " + wrong.problem, wrong.remedy}}
}

// greedy finds an expression such as {proxy+} or {*path}.
var greedy = regexp.MustCompile(`\{(\*[^}]*|[^}]*[+*])\}`)

// checkGreedy warns of expressions that some gateways let stand for several segments, which OpenAPI does not.
func (r *reader) checkGreedy(key *yaml.Node) {
	for _, found := range greedy.FindAllString(key.Value, -1) {
		r.warn("", Fault{r.place(key), "{" + printable(found[1:len(found)-1]) + "} stands for one segment of a path, as every expression of OpenAPI does",
			"declare each path below it, or leave paths out of a document that is to allow every path below its servers"})
	}
}

// relayedMethods are the members of a path item that are operations which the relay sends.
func relayedMethods() []string { return []string{"get", "put", "post", "patch", "delete"} }

func relayed(name string) bool { return slices.Contains(relayedMethods(), name) }

// notRelayed are the other operations of a path item: no caller can ask for them.
func notRelayed(name string) bool {
	return slices.Contains([]string{"head", "options", "trace", "query", "additionalOperations"}, name)
}

// A pathItem is what the operations of one path have in common.
type pathItem struct {
	// path is the part of the template that can be matched; empty when none can.
	path string
	// name is the template as the document writes it.
	name       string
	servers    []*server
	parameters []Parameter
	// off are the mistakes that switch all of its operations off.
	off []Fault
}

// checkBesideReference warns of what a path item says beside a $ref, which takes its place.
func (r *reader) checkBesideReference(key, value *yaml.Node) {
	if r.member(value, "$ref") == nil {
		return
	}
	for _, each := range r.members(value, "this path item") {
		name := each.key.Value
		if relayed(name) {
			name = strings.ToUpper(name)
		} else if name != "parameters" && name != "servers" {
			continue
		}
		r.warn(name+" "+key.Value, Fault{r.place(each.key), "this stands beside $ref, which takes its place", "write it into the path item that $ref points to"})
	}
}

// pathItem reads the operations of one path.
func (r *reader) pathItem(key, value *yaml.Node, own []*server, shared Operation, off *Fault) {
	item := pathItem{name: key.Value, servers: own}
	item.path, item.off = r.template(key)
	r.checkBesideReference(key, value)
	var node *yaml.Node
	wrong := r.tolerate(func() {
		if node = r.follow(value); node != nil && !isNull(node) && !r.mapping(node, "this path item") {
			node = nil
		}
		item.parameters = r.parameterList(r.member(node, "parameters"))
	})
	item.off = append(item.off, wrong...)
	if list := r.member(node, "servers"); list != nil {
		item.servers = r.serverList(list)
	}
	if node == nil {
		r.warn("the path "+item.name, wrong...)
		for _, end := range r.nodes(&item, item.servers) {
			end.off = &item.off[0]
		}
		return
	}
	r.checkMisspelt(node, "a path item", append(relayedMethods(), "parameters", "servers")...)
	for _, each := range r.members(node, "this path item") {
		switch name := each.key.Value; {
		case relayed(name):
			r.checkExtensions(each.value, operationLevel)
			if !isNull(each.value) {
				r.operation(&item, each, shared, off)
			}
		case notRelayed(name):
			r.checkExtensions(each.value, operationLevel)
			r.warn(strings.ToUpper(name)+" "+item.name, Fault{r.place(each.key), "the relay sends no request with this method",
				"nothing, unless a caller needs the operation: then call the API without keyrelay"})
		}
	}
}

// operation reads one operation. What is wrong with it switches it off.
func (r *reader) operation(item *pathItem, m member, shared Operation, inherited *Fault) {
	made := entry{Operation: &shared, place: r.place(m.key)}
	servers, off := item.servers, slices.Clone(item.off)
	off = append(off, r.tolerate(func() {
		node := r.follow(m.value)
		if node == nil || !r.mapping(node, "this operation") {
			return
		}
		r.checkMisspelt(node, operationLevel, "servers", "security", "parameters", "requestBody")
		r.strictly(func() { shared = r.settings(node, shared) })
		shared.Parameters = merged(item.parameters, r.parameterList(r.member(node, "parameters")))
		r.body(&shared, r.member(node, "requestBody"))
		if security := r.member(node, "security"); security != nil {
			r.security(&shared, security)
			inherited = nil
			shared.Placeholders = placeholders(r.named(security))
		}
		if list := r.member(node, "servers"); list != nil {
			servers = r.serverList(list)
		}
		made.id, _ = r.text(r.member(node, "operationId"), "operationId")
	})...)
	if inherited != nil {
		off = append(off, *inherited)
	}
	made.Method, made.Path = strings.ToUpper(m.key.Value), item.name
	r.declare(made, r.nodes(item, servers), off)
}

// declare puts an operation where its path ends.
func (r *reader) declare(made entry, nodes []*node, off []Fault) {
	dropped, left := made.keepPlaced()
	unplaced := Fault{made.place, "the credential has no place in this path", "write {NAME} there, with the name of the security scheme that is " + extensionPrefix + "in: path"}
	switch {
	case len(off) > 0:
	case len(nodes) == 0:
		off = []Fault{{made.place, "this operation has no server that can be used", "write servers: with the url that it is reached at, here or by an overlay"}}
	case !left:
		off = []Fault{unplaced}
	case slices.ContainsFunc(nodes, func(n *node) bool { operation, _ := n.operation(made.Method); return operation != nil }):
		off = []Fault{{made.place, "another operation has the same method and matches the same paths", "keep one of the two"}}
	default:
		r.destination.declared = append(r.destination.declared, made.Method+" "+made.Path)
		r.destination.attach(made.Operation)
	}
	if dropped && left {
		r.warn("an alternative of security", unplaced)
	}
	r.warn(made.Method+" "+made.Path, off...)
	if len(off) > 0 {
		made.off = &off[0]
	}
	for _, each := range nodes {
		each.entries = append(each.entries, made)
	}
}

// keepPlaced leaves out the alternatives that have a credential without a place in the
// path, and reports whether there were any, and whether one is left.
func (o *Operation) keepPlaced() (dropped, left bool) {
	lists := o.lists()
	placed := slices.DeleteFunc(slices.Clone(lists), func(security []Requirement) bool { return slices.ContainsFunc(security, o.lacksVariable) })
	if dropped, left = len(placed) < len(lists), len(placed) > 0; dropped && left {
		o.Security, o.Alternatives = placed[0], &Alternatives{placed}
	}
	return dropped, left
}

// lacksVariable reports whether a credential's place in the path is missing.
func (o *Operation) lacksVariable(requirement Requirement) bool {
	return requirement.Scheme.In == "path" && !strings.Contains(o.Path, "{"+requirement.Scheme.Field+"}")
}

// nodes returns where a path ends in the routes of each of its servers.
func (r *reader) nodes(item *pathItem, servers []*server) (nodes []*node) {
	if item.path == "" {
		return nil
	}
	for _, server := range r.destination.claim(servers) {
		if server.routes == nil {
			server.routes = &node{}
		}
		if end := server.routes.add(item.path); !slices.Contains(nodes, end) {
			nodes = append(nodes, end)
		}
	}
	return nodes
}

// markUnused notes that the operations of components.pathItems have been looked
// at, whether a path refers to them or not.
func (r *reader) markUnused() {
	for _, item := range r.members(r.member(r.member(r.root, "components"), "pathItems"), "pathItems") {
		if isNull(item.value) || item.value.Kind != yaml.MappingNode {
			continue
		}
		for _, each := range r.members(item.value, "this path item") {
			if relayed(each.key.Value) || notRelayed(each.key.Value) {
				r.checkExtensions(each.value, operationLevel)
			}
		}
	}
}
