package destination

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxDepth is how deep a document may nest. No OpenAPI document comes near it.
const maxDepth = 500

// parse turns a file into the mapping at its root. The fault, if any, is the only
// one that can be told of a file that cannot be parsed.
func parse(file string, content []byte) (*yaml.Node, *Fault) {
	fault := func(line, column int, problem, remedy string) *Fault {
		return &Fault{Place{file, max(line, 1), max(column, 1)}, problem, remedy}
	}
	if !utf8.Valid(content) {
		line, column := position(content, validPrefix(content))
		return nil, fault(line, column, "the text is not UTF-8", "save the document as UTF-8")
	}
	if filepath.Ext(file) == ".json" {
		return parseJSON(file, content)
	}
	var document yaml.Node
	if err := yaml.Load(content, &document); err != nil {
		line, column, message := yamlError(err)
		if line == 0 {
			return nil, fault(line, column, message, "write one YAML document into the file")
		}
		return nil, fault(line, column, message, "mend the YAML here; it is indented with spaces, and a text that holds : or # stands in quotes")
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fault(root.Line, root.Column, "the document is no mapping", `begin it with "openapi: 3.1.1"`)
	}
	return root, nil
}

// yamlError takes the place and the parser's own words out of an error.
func yamlError(err error) (line, column int, message string) {
	var located *yaml.LoadError
	if !errors.As(err, &located) {
		return 0, 0, "the YAML cannot be read"
	}
	message = strings.TrimPrefix(located.Message, "yaml: ")
	if located.ContextMsg != "" {
		message += " " + located.ContextMsg
	}
	return located.Mark.Line, located.Mark.Column, "the YAML cannot be read: " + message
}

// validPrefix returns how many bytes at the start of content are UTF-8.
func validPrefix(content []byte) int {
	valid := 0
	for valid < len(content) {
		r, size := utf8.DecodeRune(content[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	return valid
}

// position returns the line and the column, in characters, of an offset.
func position(content []byte, offset int) (line, column int) {
	before := content[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}
