package destination

import (
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

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
		r.fault(reference, "this $ref leaves the document", "copy what it points to into this document and write #/components/...")
		return nil
	}
	pointer, err := url.PathUnescape(fragment)
	if err == nil {
		if found := r.find(Pointer(pointer)); found != nil {
			return found
		}
	}
	r.fault(reference, "this $ref points to nothing", "write the place of an object of this document, such as #/components/parameters/NAME")
	return nil
}

// find returns the node that a JSON Pointer names, nil when there is none.
func (r *reader) find(pointer Pointer) *yaml.Node {
	if _, err := ParsePointer(string(pointer)); err != nil {
		return nil
	}
	node := r.root
	for _, token := range pointer.tokens() {
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
