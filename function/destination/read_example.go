package destination

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// listRemedy says what to write where a list belongs, with what stands there if that is
// what the list should hold.
func (r *reader) listRemedy(node *yaml.Node, what string) string {
	if r.member(node, "$ref") != nil {
		return bundle
	}
	switch what {
	case "security":
		return "write security: [{" + r.schemeName(node) + ": []}]"
	case "servers":
		return "write servers: [{url: " + serverURL(node) + "}]"
	case "parameters":
		return "write a list, such as [{name: id, in: query}]"
	case itentialParameters:
		return "write a list, such as [{name: password, in: body, " + itentialUseIn + ": [key]}]"
	case itentialUseIn:
		return "write " + itentialUseIn + ": [key]"
	case extensionPrefix + "callers":
		return "write a list of names, such as [orders]"
	case extensionPrefix + "refresh-on":
		return "write a list of statuses, such as [401]"
	case "the scopes of this security requirement":
		return "write a list, [] for none"
	}
	return "write a list"
}

// mappingRemedy is listRemedy for a mapping.
func (r *reader) mappingRemedy(node *yaml.Node, what string) string {
	switch what {
	case "this server":
		return "write url: " + serverURL(node)
	case "this security requirement":
		return "write " + r.schemeName(node) + ": []"
	case "this security scheme":
		return "write its members, such as {type: apiKey, in: header, name: X-Api-Key}"
	case itentialRetrieval:
		return `write its members, such as {method: POST, url: "https://api.example.com/login", responsePointer: /key}`
	case "this parameter":
		return "write its members, such as {name: id, in: query}"
	}
	return "write its members as name: value"
}

// schemeName is the scheme that a wrong security means: the one that it names, or one of the document.
func (r *reader) schemeName(node *yaml.Node) string {
	written := node.Value
	if node.Kind == yaml.MappingNode && len(node.Content) > 0 {
		written = node.Content[0].Value
	}
	declared := r.members(r.member(r.member(r.root, "components"), "securitySchemes"), "securitySchemes")
	if slices.ContainsFunc(declared, func(each member) bool { return each.key.Value == written }) {
		return printable(written)
	}
	if len(declared) > 0 {
		return printable(declared[0].key.Value)
	}
	return "NAME"
}

// serverURL is the URL that a wrong server means, or an example.
func serverURL(node *yaml.Node) string {
	written := node.Value
	if node.Kind == yaml.MappingNode && len(node.Content) > 1 && node.Content[0].Value == "url" {
		written = node.Content[1].Value
	}
	if (strings.HasPrefix(written, "http://") || strings.HasPrefix(written, "https://")) && !strings.ContainsAny(written, "@?") {
		return printable(written)
	}
	return "https://api.example.com"
}

// textRemedy says what to write where a text belongs: a number is one that another
// extension takes, or a text of another form.
func textRemedy(node *yaml.Node, what string) string {
	number := node.Value
	if tag := node.ShortTag(); tag != "!!int" && tag != "!!float" {
		number = ""
	}
	switch what {
	case extensionPrefix + "expires-in":
		return "write a pointer into the answer, such as /expires_in" + orElse("lifetime", number)
	case extensionPrefix + "delivery":
		return "write later or now" + orElse("delivery-hours", number)
	case extensionPrefix + "batch":
		return "write split or whole" + orElse("batch-max", number)
	case extensionPrefix + "rate":
		if number != "" {
			return "write " + number + "/s or " + number + "/min"
		}
	}
	return "write a text, in quotes where it looks like a number"
}

// orElse names the extension that takes a number.
func orElse(extension, number string) string {
	if number == "" {
		return ""
	}
	return "; a number is for " + extensionPrefix + extension + ": " + number
}
