package destination

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

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

// files adds the encodings of members that the schema of a form calls files, unless the
// document says how they are encoded.
func (r *reader) files(operation *Operation, schema *yaml.Node) {
	for _, each := range r.fileTypes(schema) {
		if _, given := operation.BodyEncoding[each.name]; given {
			continue
		}
		if operation.BodyEncoding == nil {
			operation.BodyEncoding = map[string]Encoding{}
		}
		operation.BodyEncoding[each.name] = Encoding{ContentType: each.mediaType, Explode: true}
	}
}

// A fileType is the media type of a form's member that is a file.
type fileType struct{ name, mediaType string }

// fileTypes lists the members of a form that its schema calls files. What is wrong with a
// schema is no mistake, since nothing else is read of it.
func (r *reader) fileTypes(schema *yaml.Node) (found []fileType) {
	seen := schemas{}
	var look func(schema *yaml.Node)
	look = func(schema *yaml.Node) {
		if schema = r.follow(schema); !seen.add(schema) {
			return
		}
		for _, each := range r.members(r.member(schema, "properties"), "properties") {
			if mediaType := r.fileType(each.value, schemas{}); mediaType != "" {
				found = append(found, fileType{each.key.Value, mediaType})
			}
		}
		for _, part := range r.composed(schema) {
			look(part)
		}
	}
	r.tolerate(func() { look(schema) })
	return found
}

// fileType returns the media type of a file, or of files, that a schema describes: by format
// in OpenAPI 3.0, by contentMediaType since 3.1. It is empty if the schema describes none.
func (r *reader) fileType(schema *yaml.Node, seen schemas) string {
	if schema = r.follow(schema); !seen.add(schema) {
		return ""
	}
	if format := r.member(schema, "format"); format != nil && format.Value == "binary" {
		return "application/octet-stream"
	}
	if named := r.member(schema, "contentMediaType"); named != nil && named.Value != "" && !isJSON(essence(named.Value)) && gateway.ValidHeaderValue([]byte(named.Value)) {
		return named.Value
	}
	for _, part := range append(r.composed(schema), r.member(schema, "items")) {
		if mediaType := r.fileType(part, seen); mediaType != "" {
			return mediaType
		}
	}
	return ""
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
	encoding.Explode = r.boolean(node, "explode", encoding.Style == "" || encoding.Style == "form")
	encoding.AllowReserved = r.boolean(node, "allowReserved", false)
	return encoding
}
