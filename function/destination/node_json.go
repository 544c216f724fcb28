package destination

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/rawjson"
)

// maxJSONText bounds the JSON that a document's value stands for: YAML aliases
// can make a small document stand for a very large one.
const maxJSONText = 1 << 20

// json returns a value as compact JSON: members in the document's order, numbers
// by their literals. ok is false when a fault was noted.
func (r *reader) json(node *yaml.Node) (text []byte, ok bool) {
	before := len(r.faults)
	text = r.appendJSON(nil, node, 0, maxJSONText, r.appendScalar)
	return text, len(r.faults) == before
}

// appendJSON appends a value to a JSON text of at most so many bytes; nil where it is given
// up. scalar appends each value that is neither an object nor an array.
func (r *reader) appendJSON(text []byte, node *yaml.Node, depth, most int, scalar func([]byte, *yaml.Node) []byte) []byte {
	node = resolve(node)
	if depth > maxDepth || len(text) > most {
		r.fault(node, "this value is too large", "write a value without aliases that hold each other")
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		text = append(text, '{')
		for i := 0; i+1 < len(node.Content); i += 2 {
			text = append(append(text, ","[:min(i, 1)]...), rawjson.Encode(node.Content[i].Value)...)
			if text = r.appendJSON(append(text, ':'), node.Content[i+1], depth+1, most, scalar); text == nil {
				return nil
			}
		}
		return append(text, '}')
	case yaml.SequenceNode:
		text = append(text, '[')
		for i, item := range node.Content {
			if text = r.appendJSON(append(text, ","[:min(i, 1)]...), item, depth+1, most, scalar); text == nil {
				return nil
			}
		}
		return append(text, ']')
	}
	return scalar(text, node)
}

func (r *reader) appendScalar(text []byte, node *yaml.Node) []byte {
	switch node.ShortTag() {
	case "!!null":
		return append(text, "null"...)
	case "!!bool":
		return append(text, strings.ToLower(node.Value)...)
	case "!!int", "!!float":
		if !json.Valid([]byte(node.Value)) {
			r.fault(node, "JSON has no such number", "write it in decimal digits, or in quotes as a text")
		}
		return append(text, node.Value...)
	}
	return append(text, rawjson.Encode(node.Value)...)
}
