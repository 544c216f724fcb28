package destination

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// extensionPrefix begins every member that is keyrelay's own.
const extensionPrefix = "x-keyrelay-"

// The objects on which extensions may stand, worded for faults.
const (
	documentLevel  = "the document"
	operationLevel = "an operation"
	schemeLevel    = "a security scheme"
	parameterLevel = "an entry of x-itential-parameters"
)

// extensions returns every extension, without its prefix, with where it may stand.
func extensions() map[string][]string {
	both := []string{documentLevel, operationLevel}
	document := []string{documentLevel}
	scheme := []string{schemeLevel}
	return map[string][]string{
		"value":  {schemeLevel, parameterLevel},
		"values": scheme, "in": scheme, "jwt": scheme, "grant": scheme, "sigv4": scheme, "oauth1": scheme, "response": scheme, "write-back": scheme, "retrieval": scheme,
		"secret": scheme, "lifetime": scheme, "expires-in": scheme, "refresh-on": scheme,
		"request-content-type": scheme, "client-authentication": scheme,
		"network": document, "ca": document, "session": document, "callers": document, "variables": document, "record-type": document, "rate": document,
		"delivery": both, "delivery-hours": both,
		"timeout": both, "batch": both, "batch-concurrency": both, "batch-max": both, "body": both, "body-type": both,
	}
}

// checkExtensions notes the extensions of a mapping that are unknown or may not
// stand on its level, and that the mapping has been checked.
func (r *reader) checkExtensions(node *yaml.Node, at string) {
	if node = resolve(node); node == nil || node.Kind != yaml.MappingNode || r.extensible[node] {
		return
	}
	r.extensible[node] = true
	for i := 0; i < len(node.Content); i += 2 {
		key := node.Content[i]
		name, own := strings.CutPrefix(key.Value, extensionPrefix)
		if !own {
			r.checkPrefix(key)
			continue
		}
		switch levels := extensions()[name]; {
		case levels == nil:
			r.fault(key, printable(key.Value)+" is not known", remedyFor(name))
		case !slices.Contains(levels, at):
			r.fault(key, key.Value+" may not stand here", "write it on "+strings.Join(levels, " or "))
		}
	}
}

// checkPrefix notes a member whose prefix was meant to be keyrelay's own.
func (r *reader) checkPrefix(key *yaml.Node) {
	const most = 2
	name := key.Value
	if len(name) < len(extensionPrefix) || name[0]|0x20 != 'x' || distance(strings.ToLower(name[:len(extensionPrefix)]), extensionPrefix) > most {
		return
	}
	r.fault(key, printable(name)+" is not known", remedyFor(name[len(extensionPrefix):]))
}

// remedyFor names the extension that a wrong name, without its prefix, is nearest to.
func remedyFor(name string) string {
	ours := slices.Sorted(maps.Keys(extensions()))
	itentials := []string{"dynamic-retrieval", "parameters", "use-in", "variable"}
	nearest, _ := Nearest(name, append(ours, itentials...)...)
	if slices.Contains(itentials, nearest) {
		return "write " + itentialPrefix + nearest + ", or remove it"
	}
	return "write " + extensionPrefix + nearest + ", or remove it"
}

// checkElsewhere notes the extensions of all mappings that are none of the levels.
// Values that belong to others (schemas, examples, other people's extensions) are not looked into.
func (r *reader) checkElsewhere(node *yaml.Node) {
	if node.Kind == yaml.MappingNode {
		r.checkExtensions(node, "")
	}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode {
			if i%2 == 0 || foreign(node.Content[i-1].Value) {
				continue
			}
		}
		r.checkElsewhere(child)
	}
}

// foreign reports whether the value of a member is data or a schema.
func foreign(name string) bool {
	switch name {
	case "schema", "schemas", "example", "examples", "default", "enum", "value":
		return true
	}
	return strings.HasPrefix(name, "x-")
}
