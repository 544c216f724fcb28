package destination

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

// parameterList reads the parameters of a path item or an operation.
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
	if parameter.In, ok = r.oneOf(at, "the in of "+what, "query", "header", "path", "cookie"); !ok {
		return Parameter{}, false
	}
	parameter.Name = name
	if parameter.In == "header" && describedElsewhere(name) {
		return Parameter{}, false
	}
	if (parameter.In == "header" || parameter.In == "cookie") && !gateway.ValidHeaderName(name) {
		r.fault(named, "the name is none that a "+parameter.In+" can have", "write letters, digits and hyphens")
	}
	parameter.Required = r.boolean(r.member(node, "required"), "required", false)
	parameter.Style = r.style(node, parameter.In)
	parameter.Explode = r.boolean(r.member(node, "explode"), "explode", parameter.Style == "form")
	parameter.AllowReserved = r.boolean(r.member(node, "allowReserved"), "allowReserved", false)
	return parameter, true
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
	if style, ok := r.oneOf(r.member(node, "style"), "the style of a parameter in: "+in, styles...); ok {
		return style
	}
	return styles[0]
}

// merged returns the parameters of a path item with those of an operation, which
// win over the ones of the same name and place.
func merged(common, own []Parameter) []Parameter {
	parameters := slices.Clone(own)
	for _, each := range common {
		same := func(p Parameter) bool { return p.Name == each.Name && p.In == each.In }
		if !slices.ContainsFunc(own, same) {
			parameters = append(parameters, each)
		}
	}
	return parameters
}
