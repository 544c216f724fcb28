package destination

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// operations reads servers and paths and ties the operations to the servers that they are reached through.
func (r *reader) operations(shared Operation) {
	list := r.member(r.root, "servers")
	own := r.servers(list)
	paths := r.paths()
	r.markUnused()
	if len(paths) == 0 {
		r.needServers(list)
		r.body(&shared, nil)
		for _, each := range own {
			each.operation = &shared
		}
		r.destination.attach(shared.Security)
		r.destination.claim(own)
		return
	}
	for _, each := range own {
		each.routes = &route{}
	}
	r.destination.claim(own)
	for _, each := range paths {
		if item := r.follow(each.value); item != nil && r.template(each.key) {
			r.pathItem(each.key, item, own, shared)
		}
	}
	slices.Sort(r.destination.declared)
}

// paths returns the members of paths that are path items. One that repeats another
// with a query, as /a?beta=true beside /a, is left out: the relay matches paths alone.
func (r *reader) paths() []member {
	node := r.member(r.root, "paths")
	return slices.DeleteFunc(r.members(node, "paths"), func(m member) bool {
		path, _, query := strings.Cut(m.key.Value, "?")
		return strings.HasPrefix(path, "x-") || query && r.member(node, path) != nil
	})
}

// needServers notes that a document names no server.
func (r *reader) needServers(list *yaml.Node) {
	if list == nil || list.Kind == yaml.SequenceNode && len(list.Content) == 0 {
		r.fault(r.root, "the document declares no servers", "write servers: with the url that the API is reached at")
	}
}

// template checks a path template.
func (r *reader) template(key *yaml.Node) bool {
	text := key.Value
	found := urlFault{"does not begin with /", "write it from / on"}
	if strings.HasPrefix(text, "/") {
		found = checkPath(text)
	}
	if found.problem == "" && strings.ContainsAny(text, "?#") {
		found = urlFault{"holds a query or a fragment", "write the path alone; a query belongs in the outbound URL or under parameters"}
	}
	if found.problem != "" {
		r.fault(key, "the path template "+found.problem, found.remedy)
	}
	return found.problem == ""
}

// relayed are the members of a path item that are operations which the relay
// sends; others are OpenAPI's too, but no caller can ask for them.
func relayed(name string) bool {
	return slices.Contains([]string{"get", "post", "put", "patch", "delete"}, name)
}

// notRelayed are the other operations of a path item.
func notRelayed(name string) bool {
	return slices.Contains([]string{"head", "options", "trace"}, name)
}

// pathItem reads the operations of one path.
func (r *reader) pathItem(key, item *yaml.Node, own []*server, shared Operation) {
	common := r.parameterList(r.member(item, "parameters"))
	if list := r.member(item, "servers"); list != nil {
		own = r.servers(list)
	}
	for _, each := range r.members(item, "this path item") {
		name := each.key.Value
		if notRelayed(name) {
			r.checkExtensions(each.value, operationLevel)
		}
		if !relayed(name) || isNull(each.value) {
			continue
		}
		r.checkExtensions(each.value, operationLevel)
		operation := r.settings(each.value, shared)
		operation.Method, operation.Path = strings.ToUpper(name), key.Value
		operation.Parameters = merged(common, r.parameterList(r.member(each.value, "parameters")))
		r.body(&operation, r.member(each.value, "requestBody"))
		if security := r.member(each.value, "security"); security != nil {
			operation.Security = r.security(security)
		}
		servers := own
		if list := r.member(each.value, "servers"); list != nil {
			servers = r.servers(list)
		} else if r.member(item, "servers") == nil {
			r.needServers(r.member(r.root, "servers"))
		}
		r.destination.declared = append(r.destination.declared, operation.Method+" "+key.Value)
		r.reach(&operation, servers, key)
	}
}

// reach makes an operation reachable through its servers.
func (r *reader) reach(operation *Operation, servers []*server, key *yaml.Node) {
	for _, server := range r.destination.claim(servers) {
		if server.routes == nil {
			server.routes = &route{}
		}
		route := server.routes.add(operation.Path)
		if route.template != "" && route.template != operation.Path {
			r.fault(key, "this path template matches the same paths as another one", "keep one of the two; OpenAPI tells them apart by nothing but names")
			return
		}
		route.template = operation.Path
		route.operations = append(route.operations, operation)
		r.destination.attach(operation.Security)
	}
}

// markUnused notes that the operations of components.pathItems have been looked
// at, whether a path refers to them or not.
func (r *reader) markUnused() {
	for _, item := range r.members(r.member(r.member(r.root, "components"), "pathItems"), "pathItems") {
		for _, each := range r.members(item.value, "this path item") {
			if relayed(each.key.Value) || notRelayed(each.key.Value) {
				r.checkExtensions(each.value, operationLevel)
			}
		}
	}
}
