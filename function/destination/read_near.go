package destination

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Nearest returns the known name that a written one is nearest to, and how many letters
// would have to be changed, added, taken out or swapped with the next to make it that one.
// Letter case, hyphens and underscores do not count. Of names as near the first counts.
func Nearest(written string, known ...string) (name string, edits int) {
	const compared = 100 // bytes, which is more than any known name has
	written = bare(written[:min(len(written), compared)])
	for _, each := range known {
		right := bare(each)
		if name != "" && (len(right)-len(written) >= edits || len(written)-len(right) >= edits) {
			continue
		}
		if distance := distance(written, right); name == "" || distance < edits {
			name, edits = each, distance
		}
	}
	return name, edits
}

// bare is a name without what is often mistaken in it.
func bare(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "-", ""), "_", ""))
}

// distance is the optimal string alignment distance of two texts.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			substitution := last[j]
			if a[i] != b[j] {
				substitution++
			}
			row[j+1] = min(substitution, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// near returns the known name that a wrong one was most likely meant to be; empty where it
// is one of them, or near none. The longer a name is, the more of its letters may be wrong.
func near(written string, known ...string) (meant string) {
	if slices.Contains(known, written) {
		return ""
	}
	meant, edits := Nearest(written, known...)
	letters := len(bare(strings.TrimPrefix(meant, itentialPrefix)))
	if edits > min(letters/3, 1+letters/6) {
		return ""
	}
	return meant
}

// checkMeant notes members that were meant to be one of the known. Others may be a vendor's own.
func (r *reader) checkMeant(node *yaml.Node, what string, known ...string) {
	for _, each := range r.members(node, what) {
		if meant := near(each.key.Value, known...); meant != "" {
			r.fault(each.key, printable(each.key.Value)+" is not known in "+what, "write "+meant+", or remove it")
		}
	}
}

// warnAtStart notes a mistake that switches nothing off but most likely leaves a request
// without the credential that it was meant to have.
func (r *reader) warnAtStart(node *yaml.Node, problem, remedy string) {
	r.warnings = append(r.warnings, Warning{Fault: Fault{r.place(node), problem, remedy}, Count: 1, AtStart: true})
}

// openAPIMembers are the members of OpenAPI that are read of the document itself, of
// components, of a path item and of an operation.
func openAPIMembers(of string) []string {
	switch of {
	case string(documentLevel):
		return []string{"servers", "security", "components", "paths", "webhooks"}
	case "components":
		return []string{"securitySchemes", "parameters", "pathItems", "requestBodies", "schemas"}
	case "a path item":
		return []string{"get", "put", "post", "patch", "delete", "parameters", "servers"}
	}
	return []string{"servers", "security", "parameters", "requestBody"}
}

// misspelled returns the members that were meant to be one of OpenAPI's which the mapping
// does not have, each with that one. OpenAPI has no other members but x-*.
func (r *reader) misspelt(node *yaml.Node, of string) (found []member) {
	if node = resolve(node); node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	known := openAPIMembers(of)
	for _, each := range r.members(node, of) {
		if strings.HasPrefix(each.key.Value, "x-") {
			continue
		}
		if meant := near(each.key.Value, known...); meant != "" && r.member(node, meant) == nil {
			found = append(found, member{each.key, &yaml.Node{Value: meant}})
		}
	}
	return found
}

// checkMisspelt notes what misspelled finds: at the document itself a fault, since all its
// requests would be others than those that were meant.
func (r *reader) checkMisspelt(node *yaml.Node, of string) {
	for _, each := range r.misspelt(node, of) {
		problem, remedy := printable(each.key.Value)+" is no member of "+of+" in OpenAPI", "write "+each.value.Value
		if of == string(documentLevel) {
			r.fault(each.key, problem, remedy)
		} else {
			r.warnAtStart(each.key, problem+", and is not read", remedy)
		}
	}
}

// checkUnused notes schemes of the operator's own that no security names: a forgotten or
// misspelled security sends requests without them. An empty security of the document says
// that callers alone ask for them.
func (r *reader) checkUnused() {
	if security := r.member(r.root, "security"); security != nil && security.Kind == yaml.SequenceNode && len(security.Content) == 0 {
		return
	}
	used := map[*SecurityScheme]bool{}
	for scheme := range r.attached {
		for _, each := range scheme.MadeWith() {
			used[each] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.destination.Schemes)) {
		scheme := r.destination.Schemes[name]
		if node := r.own[scheme]; node != nil && !used[scheme] && !scheme.Internal {
			name = printable(name)
			r.warnAtStart(node, "no security names "+name+", so that no request is given its credential, unless a caller's placeholder asks for it",
				"write security: [{"+name+": []}] at the top or on an operation, or security: [] at the top where callers alone ask for it")
		}
	}
}
