package destination

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

func (r *reader) parameterList(node *yaml.Node) []Parameter {
	var parameters []Parameter
	for _, item := range r.items(node, "parameters") {
		if item = r.follow(item); item == nil || !r.mapping(item, "this parameter") {
			continue
		}
		if parameter, ok := r.parameter(item); ok {
			parameters = append(parameters, parameter)
		}
	}
	return parameters
}

// parameter reads one parameter object. ok is false for one that is to be ignored.
func (r *reader) parameter(node *yaml.Node) (parameter Parameter, ok bool) {
	const what = "this parameter"
	name, named := r.required(node, "name", what, "write its name")
	_, at := r.required(node, "in", what, "write in: query, header, path or cookie")
	if named == nil || at == nil {
		return Parameter{}, false
	}
	if parameter.In = r.oneOf(at, "the in of "+what, "query", "header", "path", "cookie"); parameter.In == "" {
		return Parameter{}, false
	}
	parameter.Name = name
	if parameter.In == "header" && describedElsewhere(name) {
		return Parameter{}, false
	}
	if parameter.In == "header" && !gateway.Forwards(name) && gateway.ValidHeaderName(name) {
		r.warn("the parameter "+printable(name), Fault{r.place(named), "keyrelay never forwards a header field of this name",
			"describe a credential by a security scheme; what proxies and connections say of themselves, and ranges, cannot be sent"})
		return Parameter{}, false
	}
	r.checkFieldName(named, name, parameter.In)
	parameter.Required = r.boolean(node, "required", false)
	parameter.Style = r.style(node, parameter.In)
	parameter.Explode = r.boolean(node, "explode", parameter.Style == "form" && parameter.In != "cookie")
	parameter.IsJSON = r.content(node)
	parameter.IsObject = parameter.Style == "deepObject" || r.isObject(r.member(node, "schema"))
	parameter.AllowReserved = r.boolean(node, "allowReserved", false)
	return parameter, true
}

// checkFieldName reports whether a header or a cookie can have a name. Otherwise it notes a fault.
func (r *reader) checkFieldName(node *yaml.Node, name, in string) bool {
	if in != "header" && in != "cookie" || gateway.ValidHeaderName(name) {
		return true
	}
	r.fault(node, "the name is not one that a "+in+" can have", "write letters, digits and hyphens")
	return false
}

// content reports whether a parameter has a media type instead of a style, which is JSON. A
// plain text is written as the style of its place writes it.
func (r *reader) content(node *yaml.Node) bool {
	offered := r.members(r.member(node, "content"), "content")
	if len(offered) == 0 || essence(offered[0].key.Value) == "text/plain" {
		return false
	}
	if !isJSON(essence(offered[0].key.Value)) {
		r.fault(offered[0].key, "the content of this parameter is neither JSON nor text/plain", "describe it by a schema and a style, in an overlay")
	}
	return true
}

// isObject reports whether a schema says that it describes an object. Of what cannot
// be followed nothing is known, and nothing is wrong with it here.
func (r *reader) isObject(schema *yaml.Node) (object bool) {
	r.tolerate(func() { object = r.describesObject(schema, schemas{}) })
	return object
}

// describesObject looks at a schema and those that it is composed of, each once, since they
// may hold each other. Properties without a type mean an object.
func (r *reader) describesObject(schema *yaml.Node, seen schemas) bool {
	if schema = r.follow(schema); !seen.add(schema) {
		return false
	}
	if kind := r.member(schema, "type"); kind != nil {
		return kind.Value == "object" || slices.ContainsFunc(kind.Content, func(each *yaml.Node) bool { return each.Value == "object" })
	}
	if r.member(schema, "properties") != nil || r.member(schema, "additionalProperties") != nil {
		return true
	}
	return slices.ContainsFunc(r.composed(schema), func(each *yaml.Node) bool { return r.describesObject(each, seen) })
}

// schemas are those that were looked at on behalf of one parameter or member.
type schemas map[*yaml.Node]bool

// maxSchemas bounds them: each of many parameters may be composed of all schemas of a document.
const maxSchemas = 200

// add reports whether a schema is to be looked at, which it is once.
func (s schemas) add(schema *yaml.Node) bool {
	if schema == nil || s[schema] || len(s) == maxSchemas {
		return false
	}
	s[schema] = true
	return true
}

// composed lists the schemas that a schema is composed of.
func (r *reader) composed(schema *yaml.Node) (parts []*yaml.Node) {
	for _, name := range []string{"allOf", "anyOf", "oneOf"} {
		parts = append(parts, r.items(r.member(schema, name), name)...)
	}
	return parts
}

// describedElsewhere reports whether OpenAPI ignores a header parameter of that
// name, https://spec.openapis.org/oas/v3.1.1.html#fixed-fields-9.
func describedElsewhere(name string) bool {
	return strings.EqualFold(name, "Accept") || strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "Authorization")
}

// style reads how a parameter is serialised; the first style of its place is the
// default, https://spec.openapis.org/oas/v3.1.1.html#style-values.
func (r *reader) style(node *yaml.Node, in string) string {
	styles := []string{"form"}
	switch in {
	case "query":
		styles = []string{"form", "spaceDelimited", "pipeDelimited", "deepObject"}
	case "header":
		styles = []string{"simple"}
	case "path":
		styles = []string{"simple", "label", "matrix"}
	}
	return cmp.Or(r.oneOf(r.member(node, "style"), "the style of a parameter in: "+in, styles...), styles[0])
}

// merged returns the parameters of an operation and its path item, each name and place
// once: an operation's own win, and of what a list holds twice the first does. The names of
// header fields are the same in any letter case.
func merged(common, own []Parameter) []Parameter {
	var parameters []Parameter
	for _, each := range slices.Concat(own, common) {
		same := func(p Parameter) bool {
			return p.In == each.In && (p.Name == each.Name || p.In == "header" && strings.EqualFold(p.Name, each.Name))
		}
		if !slices.ContainsFunc(parameters, same) {
			parameters = append(parameters, each)
		}
	}
	return parameters
}
