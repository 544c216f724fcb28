package destination

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// near returns the known name that a wrong one was most likely meant to be, whatever its
// case, hyphens and underscores; empty where it is one of them, or near none. The longer
// a name is, the more of its letters may be wrong.
func near(written string, known ...string) (meant string) {
	least := 0
	for _, name := range known {
		if name == written {
			return ""
		}
		own := len(bare(strings.TrimPrefix(name, itentialPrefix)))
		edits := Edits(bare(written), bare(name))
		if edits <= min(own/3, 1+own/6) && (meant == "" || edits < least) {
			meant, least = name, edits
		}
	}
	return meant
}

// bare is a name without what is often mistaken in it.
func bare(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
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
