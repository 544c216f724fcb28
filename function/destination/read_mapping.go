package destination

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// checkMappings notes the duplicate and the unreadable names of all mappings: of
// two members of one name, readers disagree about which one counts. YAML's merge
// keys are written out.
func (r *reader) checkMappings(node *yaml.Node, depth int) bool {
	if depth > maxDepth {
		r.fault(node, "the document nests too deeply", "write a flatter document")
		return false
	}
	var seen map[string]bool
	if node.Kind == yaml.MappingNode {
		seen = make(map[string]bool, len(node.Content)/2)
	}
	for i, child := range node.Content {
		if seen != nil && i%2 == 0 {
			r.checkKey(child, seen)
		}
		if !r.checkMappings(child, depth+1) {
			return false
		}
	}
	if seen["<<"] {
		r.merge(node, seen)
	}
	return true
}

func (r *reader) checkKey(key *yaml.Node, seen map[string]bool) {
	switch {
	case key.Kind != yaml.ScalarNode:
		r.fault(key, "the name of this member is not a text", "write a text")
	case seen[key.Value]:
		r.fault(key, "the name "+printable(key.Value)+" stands twice in this mapping", "keep one of the two")
	}
	seen[key.Value] = true
}

// merge writes out the members that YAML's merge keys stand for
// (https://yaml.org/type/merge.html): a mapping's own win, then those of the first
// that is merged. What is merged stands before, so that its own are written out already.
func (r *reader) merge(node *yaml.Node, seen map[string]bool) {
	own := node.Content
	node.Content = slices.Clip(node.Content[:0:0])
	var merged []*yaml.Node
	for i := 0; i+1 < len(own); i += 2 {
		if own[i].ShortTag() != "!!merge" {
			node.Content = append(node.Content, own[i], own[i+1])
			continue
		}
		sources := []*yaml.Node{own[i+1]}
		if list := resolve(own[i+1]); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			if source = resolve(source); source.Kind != yaml.MappingNode {
				r.fault(source, "what is merged here is not a mapping", "write the name of a mapping's anchor behind <<")
				continue
			}
			merged = append(merged, source.Content...)
		}
	}
	for i := 0; i+1 < len(merged); i += 2 {
		if !seen[merged[i].Value] {
			seen[merged[i].Value] = true
			node.Content = append(node.Content, merged[i], merged[i+1])
		}
	}
}
