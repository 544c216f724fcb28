package destination

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A templateReader reads the templates of one security scheme.
type templateReader struct {
	reader *reader
	scheme *SecurityScheme
	// values are the nodes of x-keyrelay-values, joined what was read of them; a
	// template that is being read is nil there.
	values map[string]*yaml.Node
	joined map[string]*ValueTemplate
}

// templates returns what reads the templates of a scheme, once x-keyrelay-values is read.
func (r *reader) templates(scheme *SecurityScheme, node *yaml.Node) *templateReader {
	t := &templateReader{reader: r, scheme: scheme, values: map[string]*yaml.Node{}, joined: map[string]*ValueTemplate{}}
	list := r.members(r.member(node, extensionPrefix+"values"), extensionPrefix+"values")
	for _, each := range list {
		t.values[each.key.Value] = each.value
	}
	for _, each := range list {
		t.join(each.key.Value)
	}
	return t
}

// join reads one template of x-keyrelay-values; nil if it cannot be read.
func (t *templateReader) join(name string) *ValueTemplate {
	if found, begun := t.joined[name]; begun {
		if found == nil {
			t.reader.fault(t.values[name], "this template of "+extensionPrefix+"values needs itself", "write it with members of the secret alone")
		}
		return found
	}
	t.joined[name] = nil
	if text, ok := t.reader.text(t.values[name], extensionPrefix+"values"); ok {
		t.joined[name] = t.read(t.values[name], text, extensionPrefix+"values", false)
	}
	if t.joined[name] == nil {
		t.joined[name] = &ValueTemplate{}
	}
	return t.joined[name]
}

// read reads one template. chained says that the credentials of other schemes may stand in it.
func (t *templateReader) read(node *yaml.Node, text, what string, chained bool) *ValueTemplate {
	t.reader.checkDoubled(node, what)
	template, err := parseTemplate(text, func(name string) (TemplatePart, bool) {
		if _, ours := t.values[name]; ours {
			return TemplatePart{Joined: t.join(name)}, true
		}
		scheme := t.reader.destination.Schemes[name]
		if chained && scheme != nil && scheme != t.scheme {
			scheme.Internal = true
			return TemplatePart{Scheme: scheme}, true
		}
		return TemplatePart{}, false
	})
	if err != nil {
		t.reader.fault(node, what+" cannot be read: "+err.Error(), valueRemedy)
		return nil
	}
	return template
}

const valueRemedy = `write a text with {{{name}}} or {{{/json/pointer}}}, such as "{{{token_type}}} {{{access_token}}}"`

// value reads x-keyrelay-value of a scheme.
func (t *templateReader) value(node *yaml.Node) *ValueTemplate {
	text, ok := t.reader.text(node, extensionPrefix+"value")
	if !ok {
		return nil
	}
	template := t.read(node, text, extensionPrefix+"value", false)
	if template != nil && len(template.Expressions()) == 0 {
		t.reader.fault(node, extensionPrefix+"value holds no expression", valueRemedy+"; a credential's own text belongs in a secret")
	}
	return template
}

// json reads a value whose texts, at any depth, are templates; nil where it is too large.
func (t *templateReader) json(node *yaml.Node, what string) *JSONTemplate {
	template, done := &JSONTemplate{}, 0
	text := t.reader.appendJSON([]byte{}, node, 0, maxJSONText, func(text []byte, scalar *yaml.Node) []byte {
		if scalar.ShortTag() != "!!str" || !strings.Contains(scalar.Value, "{{{") {
			t.reader.checkDoubled(scalar, what)
			return t.reader.appendScalar(text, scalar)
		}
		read := t.read(scalar, scalar.Value, what, true)
		template.Parts = append(template.Parts, JSONPart{Literal: string(text[done:])}, JSONPart{Template: read})
		done = len(text)
		return text
	})
	if text == nil {
		return nil
	}
	template.Parts = append(template.Parts, JSONPart{Literal: string(text[done:])})
	return template
}

// checkChains notes schemes whose credential needs one that there cannot be: its own,
// through others, or one without a text.
func (r *reader) checkChains() {
	for _, scheme := range r.destination.Schemes {
		for _, other := range Schemes(scheme.expressions(false)) {
			if !other.Kind.HasText() {
				r.fault(r.declared[scheme], "the credential of "+printable(other.Name)+", which a template names, is no text", "name a scheme of another type")
			}
		}
		if slices.ContainsFunc(scheme.MadeWith(), func(each *SecurityScheme) bool { return slices.Contains(each.needs(), scheme) }) {
			r.fault(r.declared[scheme], "the credential of "+printable(scheme.Name)+" needs itself, through the schemes that its templates name", "take one of them out")
		}
	}
}

// noteMembers lists with the reference of a scheme's secret the members that its
// templates name, so that their absence can be reported at the start.
func (r *reader) noteMembers(scheme *SecurityScheme) {
	for i := range r.destination.References {
		placed := &r.destination.References[i]
		if placed.Reference != scheme.Secret || scheme.SecretField != "" {
			continue
		}
		for _, part := range scheme.expressions(true) {
			if part.IsPointer && !slices.Contains(placed.Members, part.Pointer) {
				placed.Members = append(slices.Clip(placed.Members), part.Pointer)
			}
		}
	}
}
