package destination

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// parseYAML turns a YAML document into the mapping at its root.
func parseYAML(file string, content []byte) (*yaml.Node, *Fault) {
	fault := func(line, column int, problem, remedy string) *Fault {
		return &Fault{Place{file, max(line, 1), max(column, 1)}, problem, remedy}
	}
	var document yaml.Node
	if err := yaml.Load(withoutVersion(content), &document); err != nil {
		line, column, message := yamlError(err)
		if line == 0 {
			return nil, fault(secondDocument(content), 1, message, "write one YAML document into the file")
		}
		if text := strings.Split(string(content), "\n"); line <= len(text) && strings.HasPrefix(strings.TrimLeft(text[line-1], " "), "\t") {
			return nil, fault(line, column, "the YAML cannot be read: a tab begins this line", "indent it with spaces")
		}
		return nil, fault(line, column, message, "fix the YAML here or just above: it is indented with spaces, a text that holds : or # stands in quotes, and every quote is closed")
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fault(root.Line, root.Column, "the document is not a mapping", `begin it with "openapi: 3.1.1"`)
	}
	return root, nil
}

// withoutVersion makes a comment of the directive %YAML 1.2 above a document: that is the
// version which OpenAPI asks for, and the parser refuses it.
func withoutVersion(content []byte) []byte {
	start := len(content) - len(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	for line := range bytes.Lines(content[start:]) {
		switch {
		case bytes.HasPrefix(line, []byte("%YAML 1.")):
			content = slices.Clone(content)
			content[start] = '#'
			return content
		case len(bytes.TrimSpace(line)) > 0 && line[0] != '#' && line[0] != '%':
			return content
		}
		start += len(line)
	}
	return content
}

// secondDocument returns the line at which a file's second YAML document begins; 0 if there is none.
func secondDocument(content []byte) int {
	begun, number := false, 0
	for line := range bytes.Lines(content) {
		number++
		marked := bytes.HasPrefix(line, []byte("---"))
		if marked && begun {
			return number
		}
		begun = begun || marked || len(bytes.TrimSpace(line)) > 0 && line[0] != '#' && line[0] != '%'
	}
	return 0
}

// yamlError takes the place and the parser's own words out of an error.
func yamlError(err error) (line, column int, message string) {
	located, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return 0, 0, "the YAML cannot be read"
	}
	message = strings.TrimPrefix(located.Message, "yaml: ")
	if located.ContextMsg != "" {
		message += " " + located.ContextMsg
		if from := located.ContextMark.Line; from > 0 && from < located.Mark.Line {
			message += " that begins at line " + strconv.Itoa(from)
		}
	}
	return located.Mark.Line, located.Mark.Column, "the YAML cannot be read: " + message
}
