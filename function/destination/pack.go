package destination

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Pack returns the documents of a folder, with overlays applied, each as the smallest JSON
// that Load reads as the same: only what the relay reads of OpenAPI. The keys are the names
// of the files to write. The error is as from Load.
func Pack(folder string, config Config) (map[string][]byte, error) {
	packed := map[string][]byte{}
	read, faults := readFolder(folder, config, func(r *reader) {
		document := r.packed(r.root, r.documentShape())
		packed[nameOf(r.file)+".json"] = r.appendJSON(nil, document, 0, maxPackedJSON, r.appendScalar)
	})
	if _, err := assemble(read, faults); err != nil {
		return nil, err
	}
	return packed, nil
}

// maxPackedJSON is more than any document takes that could be loaded.
const maxPackedJSON = 1 << 30

// A shape says what is kept of a value. The zero shape keeps an object that has
// nothing but extensions.
type shape struct {
	// leaf returns what is kept of it; nil where that is said by the rest of the shape.
	leaf func(*yaml.Node) *yaml.Node
	// optional leaves it out where nothing of it is kept.
	optional bool
	// beyondJSON leaves it out where it offers nothing but application/json.
	beyondJSON bool
	// follows says that a $ref in it is followed.
	follows bool
	// members are those that are kept, besides keyrelay's and Itential's own.
	members map[string]*shape
	// entry is kept of every entry of a list.
	entry *shape
	// each is kept of every member; nil of a member leaves that one out.
	each func(name string) *shape
}

// all keeps members of these names as they are, and those of others.
func all(others map[string]*shape, names ...string) map[string]*shape {
	members := maps.Clone(others)
	if members == nil {
		members = map[string]*shape{}
	}
	for _, name := range names {
		members[name] = &shape{leaf: jsonReadable}
	}
	return members
}

func every(kept *shape) *shape { return &shape{each: func(string) *shape { return kept }} }

func (r *reader) documentShape() *shape {
	server := &shape{members: all(map[string]*shape{"variables": every(&shape{members: all(nil, "default", "enum")})}, "url")}
	servers := &shape{entry: server}
	operation := &shape{follows: true, members: all(map[string]*shape{
		"servers": servers, "parameters": r.parametersShape(), "requestBody": r.bodyShape(),
	}, "operationId", "security")}
	item := map[string]*shape{"servers": servers, "parameters": r.parametersShape()}
	for _, method := range relayedMethods() {
		item[method] = operation
	}
	paths := &shape{follows: true, each: func(name string) *shape {
		if strings.HasPrefix(name, "x-") {
			return nil
		}
		return &shape{follows: true, members: item}
	}}
	schemes := &shape{follows: true, each: func(string) *shape { return schemeShape() }}
	components := &shape{optional: true, follows: true, members: map[string]*shape{"securitySchemes": schemes}}
	return &shape{members: all(map[string]*shape{
		"info": {members: all(nil, "title")}, "servers": servers, "paths": paths, "webhooks": {leaf: present}, "components": components,
	}, "openapi", "security")}
}

func (r *reader) parametersShape() *shape {
	truth := &shape{leaf: truthValue}
	return &shape{optional: true, entry: &shape{follows: true, members: all(map[string]*shape{
		"required": truth, "explode": truth, "allowReserved": truth,
		"schema":  {leaf: r.objectOnly},
		"content": every(&shape{}),
	}, "name", "in", "style")}}
}

// bodyShape is what is read of a request body: the media types that it offers, where one is not application/json, and how its forms are written.
func (r *reader) bodyShape() *shape {
	truth := &shape{leaf: truthValue}
	encoding := every(&shape{members: all(map[string]*shape{"explode": truth, "allowReserved": truth}, "contentType", "style")})
	content := &shape{beyondJSON: true, each: func(mediaType string) *shape {
		switch essence(mediaType) {
		case formType:
			return &shape{members: map[string]*shape{"encoding": encoding}}
		case multipartType:
			return &shape{members: map[string]*shape{"encoding": encoding, "schema": {leaf: r.filesOnly}}}
		}
		return &shape{}
	}}
	return &shape{optional: true, follows: true, members: map[string]*shape{"content": content}}
}

func schemeShape() *shape {
	flow := &shape{members: all(map[string]*shape{"scopes": every(&shape{leaf: present})}, "authorizationUrl", "tokenUrl", "refreshUrl", "deviceAuthorizationUrl")}
	return &shape{follows: true, members: all(map[string]*shape{"flows": every(flow)}, "type", "in", "name", "scheme", "openIdConnectUrl", "x-amazon-apigateway-authtype")}
}

// packed returns what a shape keeps of a value; nil if that is nothing. What is not
// as OpenAPI says stays as it is, so that it is reported and switched off as before.
func (r *reader) packed(node *yaml.Node, by *shape) *yaml.Node {
	node = resolve(node)
	if by.leaf != nil {
		return by.leaf(node)
	}
	followed := node
	if by.follows && len(r.tolerate(func() { followed = r.follow(node) })) > 0 {
		return jsonReadable(node)
	}
	expected := yaml.MappingNode
	if by.entry != nil {
		expected = yaml.SequenceNode
	}
	if followed.Kind != expected {
		return jsonReadable(node)
	}
	made := &yaml.Node{Kind: expected, Tag: followed.Tag}
	if by.entry != nil {
		for _, entry := range followed.Content {
			made.Content = append(made.Content, r.packed(entry, by.entry))
		}
	} else {
		r.packMembers(made, followed, by)
	}
	if by.optional && len(made.Content) == 0 || by.beyondJSON && !r.offersOther(made) {
		return nil
	}
	return made
}

// offersOther reports whether the content of a request body says more than that JSON is taken.
func (r *reader) offersOther(content *yaml.Node) bool {
	offered := r.members(content, "content")
	return ownJSONType(offered) != "" || slices.ContainsFunc(offered, func(m member) bool { return !isJSON(essence(m.key.Value)) })
}

// packMembers adds to an object what a shape keeps of another one's members.
func (r *reader) packMembers(made, from *yaml.Node, by *shape) {
	for i := 0; i+1 < len(from.Content); i += 2 {
		name := from.Content[i].Value
		kept := by.members[name]
		switch {
		case strings.HasPrefix(name, extensionPrefix) || strings.HasPrefix(name, itentialPrefix):
			kept = &shape{leaf: jsonReadable}
		case by.each != nil:
			kept = by.each(name)
		}
		if kept == nil {
			continue
		}
		if value := r.packed(from.Content[i+1], kept); value != nil {
			made.Content = append(made.Content, textNode(name), value)
		}
	}
}

// present keeps that a value is there.
func present(*yaml.Node) *yaml.Node { return textNode("") }

// objectOnly keeps of a schema that it describes an object.
func (r *reader) objectOnly(schema *yaml.Node) *yaml.Node {
	if !r.isObject(schema) {
		return nil
	}
	return objectNode("type", textNode("object"))
}

// filesOnly keeps of a form's schema which members are files.
func (r *reader) filesOnly(schema *yaml.Node) *yaml.Node {
	properties := &yaml.Node{Kind: yaml.MappingNode}
	for _, each := range r.fileTypes(schema) {
		properties.Content = append(properties.Content, textNode(each.name), objectNode("contentMediaType", textNode(each.mediaType)))
	}
	if len(properties.Content) == 0 {
		return nil
	}
	return objectNode("properties", properties)
}

func objectNode(name string, value *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode(name), value}}
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// truthValue returns a truth value that JSON's readers see: YAML 1.1 has more words for them.
func truthValue(node *yaml.Node) *yaml.Node {
	made := jsonReadable(node)
	if value, ok := truth(made); ok {
		made.Tag, made.Value = "!!bool", strconv.FormatBool(value)
	}
	return made
}

// jsonReadable returns a copy in which a number that JSON does not have is a text.
// Aliases that hold each other, which only something that is switched off can have,
// become a text, which is no better.
func jsonReadable(node *yaml.Node) *yaml.Node {
	made, ok := unshared(node, maxOverlaidNodes)
	if !ok {
		return textNode("")
	}
	var fix func(node *yaml.Node)
	fix = func(node *yaml.Node) {
		tag := node.ShortTag()
		if node.Kind == yaml.ScalarNode && (tag == "!!int" || tag == "!!float") && !json.Valid([]byte(node.Value)) {
			node.Tag = "!!str"
		}
		for _, child := range node.Content {
			fix(child)
		}
	}
	fix(made)
	return made
}
