package destination

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/rawjson"
)

// A jsonReader builds the nodes of a JSON document. JSON is not read as YAML,
// because YAML has other escapes (no surrogate pairs), refuses tabs and bounds
// the length of member names.
type jsonReader struct {
	content []byte
	decoder *json.Decoder
	// line and column are the position of offset, kept to count each byte once.
	offset, line, column int
}

// parseJSON turns a JSON document into the mapping at its root.
func parseJSON(file string, content []byte) (*yaml.Node, *Fault) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	r := &jsonReader{content: content, decoder: json.NewDecoder(bytes.NewReader(content)), line: 1, column: 1}
	r.decoder.UseNumber()
	root, err := r.value(0)
	if err == nil {
		if _, trailing := r.decoder.Token(); trailing != io.EOF {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		at := r.errorOffset()
		line, column := rawjson.Position(content, at)
		if mistake := rawjson.Mistake(content, at); mistake != "" {
			return nil, &Fault{Place{file, line, column}, "the JSON cannot be read from here on", mistake}
		}
		return nil, &Fault{Place{file, line, column}, "the JSON cannot be read: " + jsonMessage(err), jsonRemedy(content)}
	}
	if root.Kind != yaml.MappingNode {
		return nil, &Fault{Place{file, root.Line, root.Column}, "the document is not an object", `begin it with {"openapi": "3.1.1"`}
	}
	return root, nil
}

// errorOffset returns where an error stands.
func (r *jsonReader) errorOffset() int {
	if found := rawjson.FaultOf(r.content); found != nil && errors.Is(found, rawjson.ErrSyntax) {
		return found.At
	}
	return min(int(r.decoder.InputOffset()), len(r.content))
}

// jsonMessage returns the decoder's words, which hold one character of the document at most.
func jsonMessage(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return err.Error()
}

// jsonRemedy says what to write in place of what is no usual mistake.
func jsonRemedy(content []byte) string {
	if start := bytes.TrimLeft(content, " \t\r\n"); len(start) > 0 && start[0] != '{' && start[0] != '[' {
		return "write one object, or give the file the ending .yaml where it is YAML"
	}
	return "fix the JSON here; the file holds one object"
}

// value reads one JSON value.
func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errors.New("it nests too deeply")
	}
	r.advance()
	node := &yaml.Node{Line: r.line, Column: r.column}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	if delimiter, ok := token.(json.Delim); ok {
		node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		if delimiter == '{' {
			node.Kind, node.Tag = yaml.MappingNode, "!!map"
		}
		return node, r.children(node, depth)
	}
	node.Kind = yaml.ScalarNode
	node.Tag, node.Value = jsonScalar(token)
	if node.Tag == "!!str" {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node, nil
}

// children reads what stands between the brackets of an array or an object.
func (r *jsonReader) children(node *yaml.Node, depth int) error {
	for r.decoder.More() {
		child, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		node.Content = append(node.Content, child)
	}
	_, err := r.decoder.Token()
	return err
}

// advance moves the position to the first byte of the next token.
func (r *jsonReader) advance() {
	target := int(r.decoder.InputOffset())
	for target < len(r.content) && bytes.IndexByte([]byte(" \t\r\n,:"), r.content[target]) >= 0 {
		target++
	}
	for ; r.offset < target; r.offset++ {
		switch b := r.content[r.offset]; {
		case b == '\n':
			r.line, r.column = r.line+1, 1
		case b&0xc0 != 0x80: // a continuation byte is part of the character before it
			r.column++
		}
	}
}

// jsonScalar returns the tag and the text that YAML would give the same scalar.
func jsonScalar(token json.Token) (tag, value string) {
	switch token := token.(type) {
	case string:
		return "!!str", token
	case json.Number:
		if strings.ContainsAny(token.String(), ".eE") {
			return "!!float", token.String()
		}
		return "!!int", token.String()
	case bool:
		return "!!bool", strconv.FormatBool(token)
	}
	return "!!null", "null"
}
