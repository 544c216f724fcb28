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
	parameter.Required = r.boolean(r.member(node, "required"), "required", false)
	parameter.Style = r.style(node, parameter.In)
	parameter.Explode = r.boolean(r.member(node, "explode"), "explode", parameter.Style == "form" && parameter.In != "cookie")
	parameter.IsJSON = r.content(node)
	parameter.IsObject = parameter.Style == "deepObject" || r.isObject(r.member(node, "schema"))
	parameter.AllowReserved = r.boolean(r.member(node, "allowReserved"), "allowReserved", false)
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

// content reports whether a parameter has a media type instead of a style. It is JSON.
func (r *reader) content(node *yaml.Node) bool {
	offered := r.members(r.member(node, "content"), "content")
	if len(offered) > 0 && !isJSON(essence(offered[0].key.Value)) {
		r.fault(offered[0].key, "the content of this parameter is not JSON", "describe it by a schema and a style, in an overlay")
	}
	return len(offered) > 0
}

// isObject reports whether a schema says that it describes an object. Of what cannot
// be followed nothing is known, and nothing is wrong with it here.
func (r *reader) isObject(schema *yaml.Node) (object bool) {
	r.tolerate(func() { object = r.describesObject(schema, map[*yaml.Node]bool{}) })
	return object
}

// describesObject looks at a schema and those that it is composed of, each once, since they
// may hold each other. Properties without a type mean an object.
func (r *reader) describesObject(schema *yaml.Node, seen map[*yaml.Node]bool) bool {
	schema = r.follow(schema)
	if schema == nil || seen[schema] {
		return false
	}
	seen[schema] = true
	if kind := r.member(schema, "type"); kind != nil {
		return kind.Value == "object" || slices.ContainsFunc(kind.Content, func(each *yaml.Node) bool { return each.Value == "object" })
	}
	if r.member(schema, "properties") != nil || r.member(schema, "additionalProperties") != nil {
		return true
	}
	for _, name := range []string{"allOf", "anyOf", "oneOf"} {
		if slices.ContainsFunc(r.items(r.member(schema, name), name), func(each *yaml.Node) bool { return r.describesObject(each, seen) }) {
			return true
		}
	}
	return false
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
// once: an operation's own win, and of what a list holds twice the first does.
func merged(common, own []Parameter) []Parameter {
	var parameters []Parameter
	for _, each := range slices.Concat(own, common) {
		same := func(p Parameter) bool { return p.Name == each.Name && p.In == each.In }
		if !slices.ContainsFunc(parameters, same) {
			parameters = append(parameters, each)
		}
	}
	return parameters
}

// body decides what the rest of a record is sent as: what the document says by
// itself, else what the operation's request body offers. JSON is sent wherever it
// is offered, or where nothing says what is.
func (r *reader) body(operation *Operation, node *yaml.Node) {
	offered := r.members(r.member(r.follow(node), "content"), "content")
	for _, each := range offered {
		if mediaType := essence(each.key.Value); !isJSON(mediaType) {
			operation.Offers = append(operation.Offers, mediaType)
		}
	}
	if operation.BodyType == "" {
		operation.BodyType = bodyType(offered)
	}
	if operation.BodyType == jsonType {
		operation.BodyType, operation.JSONType = "", ownJSONType(offered)
		return
	}
	for _, each := range offered {
		if essence(each.key.Value) == operation.BodyType {
			operation.BodyEncoding = r.encodings(r.member(each.value, "encoding"))
			if operation.BodyType == multipartType {
				r.files(operation, r.member(each.value, "schema"))
			}
		}
	}
}

// files adds the encodings of members that the schema of a form calls files: they are
// sent as application/octet-stream unless the document says otherwise. What is wrong
// with a schema is no mistake, since nothing else is read of it.
func (r *reader) files(operation *Operation, schema *yaml.Node) {
	r.tolerate(func() {
		for _, each := range r.members(r.member(r.follow(schema), "properties"), "properties") {
			property := r.follow(each.value)
			if items := r.member(property, "items"); items != nil {
				property = r.follow(items)
			}
			format := r.member(property, "format")
			if _, given := operation.BodyEncoding[each.key.Value]; given || format == nil || format.Value != "binary" {
				continue
			}
			if operation.BodyEncoding == nil {
				operation.BodyEncoding = map[string]Encoding{}
			}
			operation.BodyEncoding[each.key.Value] = Encoding{ContentType: "application/octet-stream", Explode: true}
		}
	})
}

// bodyType picks one of the media types that an operation offers.
func bodyType(offered []member) string {
	form := jsonType
	for _, each := range offered {
		mediaType := essence(each.key.Value)
		switch {
		case isJSON(mediaType):
			return jsonType
		case form == jsonType && (mediaType == formType || mediaType == multipartType):
			form = mediaType
		}
	}
	return form
}

// ownJSONType returns the first media type of JSON that is offered, such as
// application/vnd.api+json; empty if application/json, or a range of types, is offered too.
// A record is no JSON Patch, which is a list (RFC 6902 section 3).
func ownJSONType(offered []member) (own string) {
	for _, each := range offered {
		written := strings.TrimSpace(each.key.Value)
		switch mediaType := essence(written); {
		case !isJSON(mediaType) || mediaType == "application/json-patch+json":
		case mediaType == jsonType || strings.Contains(mediaType, "*"):
			return ""
		case own == "" && gateway.ValidHeaderValue([]byte(written)):
			own = written
		}
	}
	return own
}

// essence returns a media type without its parameters, in lower case.
func essence(mediaType string) string {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

// isJSON reports whether a media type without parameters, or a range of them, is or includes JSON.
func isJSON(mediaType string) bool {
	return slices.Contains([]string{"application/json", "application/*", "*/*"}, mediaType) || strings.HasSuffix(mediaType, "+json")
}

// encodings reads an encoding object, https://spec.openapis.org/oas/v3.1.1.html#encoding-object.
func (r *reader) encodings(node *yaml.Node) map[string]Encoding {
	var encodings map[string]Encoding
	for _, each := range r.members(node, "encoding") {
		if encodings == nil {
			encodings = map[string]Encoding{}
		}
		encodings[each.key.Value] = r.encoding(each.value)
	}
	return encodings
}

func (r *reader) encoding(node *yaml.Node) (encoding Encoding) {
	encoding.ContentType, _ = r.text(r.member(node, "contentType"), "contentType")
	encoding.Style = r.oneOf(r.member(node, "style"), "the style of an encoding", "form", "spaceDelimited", "pipeDelimited", "deepObject")
	encoding.Explode = r.boolean(r.member(node, "explode"), "explode", encoding.Style == "" || encoding.Style == "form")
	encoding.AllowReserved = r.boolean(r.member(node, "allowReserved"), "allowReserved", false)
	return encoding
}
