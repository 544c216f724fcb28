package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// An operation is what a document declares that can be called. It is read from the
// document for people to choose from: what it means to the relay the dry run tells.
type operation struct {
	// Document is the file's name without its ending, Title the document's own.
	Document, Title string
	Method, Path    string
	// URL is the outbound URL, with {name} for each variable of the path.
	URL     string
	Summary string

	// root, item and node are the vendor's own document, path item and operation, and
	// template is the x-keyrelay-body that the relay fills.
	root, item, node, template *yaml.Node
}

// readOperations lists the operations of all documents of a folder that the set holds:
// where they are as the relay reads it, overlays applied, and what the vendor says of them.
func readOperations(folder string, set *destination.Set, config destination.Config) ([]operation, error) {
	packed, err := destination.Pack(folder, config)
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	vendors := map[string]string{}
	for _, file := range files {
		if name := file.Name(); destination.IsDocument(name) {
			vendors[strings.TrimSuffix(name, filepath.Ext(name))] = filepath.Join(folder, name)
		}
	}
	var all []operation
	for _, declared := range set.Destinations() {
		content, _ := os.ReadFile(vendors[declared.Name]) // one that is gone by now says nothing
		all = append(all, operationsOf(declared, readYAML(packed[declared.Name+".json"]), readYAML(content))...)
	}
	return all, nil
}

// readYAML returns the root of a document; nil where it is none.
func readYAML(content []byte) *yaml.Node {
	var document yaml.Node
	if yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}

// operationsOf lists the operations of one document. One without paths is a single
// operation, which lets any path through.
func operationsOf(declared *destination.Destination, root, vendor *yaml.Node) []operation {
	bare := operation{Document: declared.Name, Title: declared.Title, root: vendor}
	server := serverURL(child(root, "servers"))
	var found []operation
	for path, item := range members(child(root, "paths")) {
		item = resolve(root, item)
		for method, node := range members(item) {
			if !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) {
				continue
			}
			made := bare
			made.Method, made.Path = strings.ToUpper(method), path
			own := cmp.Or(serverURL(child(node, "servers")), serverURL(child(item, "servers")), server)
			made.URL = strings.TrimSuffix(own, "/") + path
			made.template = cmp.Or(child(node, "x-keyrelay-body"), child(root, "x-keyrelay-body"))
			made.item = resolve(vendor, child(child(vendor, "paths"), path))
			made.node = cmp.Or(child(made.item, method), node)
			made.Summary = cmp.Or(text(child(made.node, "summary")), text(child(made.item, "summary")), cut(firstLine(text(child(made.node, "description"))), 120), text(child(made.node, "operationId")))
			found = append(found, made)
		}
	}
	if len(found) == 0 && server != "" {
		made := bare
		made.Method, made.Path, made.URL, made.Summary = "POST", "/…", strings.TrimSuffix(server, "/")+"/", "Any path of this API"
		found = append(found, made)
	}
	return found
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// serverURL is the URL of the first server with the defaults of its variables.
func serverURL(servers *yaml.Node) string {
	if servers == nil || len(servers.Content) == 0 {
		return ""
	}
	server := servers.Content[0]
	address := text(child(server, "url"))
	for name, variable := range members(child(server, "variables")) {
		address = strings.ReplaceAll(address, "{"+name+"}", text(child(variable, "default")))
	}
	return address
}

// matches reports whether all words are in what is known of the operation.
func (o *operation) matches(words []string) bool {
	known := strings.ToLower(o.Method + " " + o.URL + " " + o.Summary + " " + o.Title + " " + o.Document)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(known, word) })
}

// trial is what a person begins with who chooses the operation.
func (o *operation) trial() trial {
	return trial{Method: o.Method, URL: o.URL, Record: o.record()}
}

// about is the vendor's own summary and whose operation it is.
func (o *operation) about() string {
	if o.Summary == "" {
		return o.Title
	}
	return o.Title + ": " + o.Summary
}

// record is a record to begin with: the vendor's own example where there is one, else a
// member for each parameter and each property.
func (o *operation) record() string {
	var names, values []string
	add := func(name, value string) {
		if name != "" && value != "" && !slices.Contains(names, name) {
			names, values = append(names, name), append(values, value)
		}
	}
	for _, list := range []*yaml.Node{child(o.item, "parameters"), child(o.node, "parameters")} {
		for _, parameter := range elements(list) {
			parameter = resolve(o.root, parameter)
			add(text(child(parameter, "name")), cmp.Or(jsonText(child(parameter, "example")), exampleOf(o.root, resolve(o.root, child(parameter, "schema")), 0)))
		}
	}
	o.addBody(add)
	if len(names) == 0 {
		return "{}"
	}
	lines := make([]string, len(names))
	for i := range names {
		lines[i] = "  " + quoteJSON(names[i]) + ": " + values[i]
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

// addBody adds the members of the body: what its template asks for, the members of its
// example, or the properties of its schema.
func (o *operation) addBody(add func(name, value string)) {
	media := o.jsonMedia()
	example := resolve(o.root, child(media, "example"))
	if examples := child(media, "examples"); example == nil && examples != nil && len(examples.Content) > 1 {
		example = child(resolve(o.root, examples.Content[1]), "value")
	}
	if o.template != nil {
		for _, name := range templateFields(o.template) {
			add(name, cmp.Or(jsonText(child(example, name)), `""`))
		}
		return
	}
	if example != nil {
		for name, value := range members(example) {
			add(name, jsonText(value))
		}
		return
	}
	schema := resolve(o.root, child(media, "schema"))
	for name, property := range members(child(schema, "properties")) {
		property = resolve(o.root, property)
		if text(child(property, "readOnly")) != "true" {
			add(name, exampleOf(o.root, property, 0))
		}
	}
}

// jsonMedia is the JSON media type of the body, or the first one.
func (o *operation) jsonMedia() *yaml.Node {
	content := child(resolve(o.root, child(o.node, "requestBody")), "content")
	var first *yaml.Node
	for name, media := range members(content) {
		if strings.Contains(name, "json") {
			return media
		}
		first = cmp.Or(first, media)
	}
	return first
}

// templateFields are the fields that an x-keyrelay-body names, in its order.
func templateFields(template *yaml.Node) []string {
	var names []string
	rest := jsonText(template)
	for {
		_, after, found := strings.Cut(rest, "{{{")
		name, behind, closed := strings.Cut(after, "}}}")
		if !found || !closed {
			return names
		}
		names = append(names, strings.TrimSuffix(strings.TrimSpace(name), "?"))
		rest = behind
	}
}

// exampleOf is an example of a schema as JSON: its own, or an empty value of the type.
func exampleOf(root, schema *yaml.Node, depth int) string {
	if written := cmp.Or(child(schema, "example"), child(schema, "default")); written != nil {
		return jsonText(written)
	}
	for _, list := range []*yaml.Node{child(schema, "enum"), child(schema, "examples")} {
		if found := elements(list); len(found) > 0 {
			return jsonText(found[0])
		}
	}
	switch kind := text(child(schema, "type")); {
	case kind == "integer" || kind == "number":
		return "0"
	case kind == "boolean":
		return "false"
	case kind == "array":
		return "[]"
	case kind == "object" && depth < 3:
		var lines []string
		for name, property := range members(child(schema, "properties")) {
			lines = append(lines, quoteJSON(name)+": "+exampleOf(root, resolve(root, property), depth+1))
		}
		return "{" + strings.Join(lines, ", ") + "}"
	}
	return `""`
}

// resolve follows a local $ref; one that leads nowhere is nil.
func resolve(root, node *yaml.Node) *yaml.Node {
	for range 10 {
		reference, local := strings.CutPrefix(text(child(node, "$ref")), "#/")
		if !local {
			return node
		}
		node = root
		for _, token := range rawjson.Pointer("/" + reference).Tokens() {
			node = child(node, token)
		}
	}
	return nil
}

// child returns the member of a mapping; nil where there is none.
func child(node *yaml.Node, name string) *yaml.Node {
	for key, value := range members(node) {
		if key == name {
			return value
		}
	}
	return nil
}

// members walks a mapping, none where the node is no mapping.
func members(node *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if node != nil && node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		if node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

// elements are those of a sequence.
func elements(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// text is a scalar's text.
func text(node *yaml.Node) string {
	if node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// jsonText writes a node as JSON, its members in their order and its numbers as they are written.
func jsonText(node *yaml.Node) string {
	switch {
	case node == nil:
		return ""
	case node.Kind == yaml.AliasNode:
		return jsonText(node.Alias)
	case node.Kind == yaml.MappingNode:
		var parts []string
		for name, value := range members(node) {
			parts = append(parts, quoteJSON(name)+": "+jsonText(value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case node.Kind == yaml.SequenceNode:
		parts := make([]string, len(node.Content))
		for i, each := range node.Content {
			parts[i] = jsonText(each)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case slices.Contains([]string{"!!int", "!!float", "!!bool", "!!null"}, node.Tag) && json.Valid([]byte(node.Value)):
		return node.Value
	}
	return quoteJSON(node.Value)
}
