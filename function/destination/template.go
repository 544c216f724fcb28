package destination

import (
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/rawjson"
)

// cutExpression splits a text around its first {{{expression}}}. expression is
// empty when the text holds none.
func cutExpression(text string) (literal, expression, rest string, err error) {
	literal, after, opened := strings.Cut(text, "{{{")
	if !opened {
		return text, "", "", nil
	}
	expression, rest, closed := strings.Cut(after, "}}}")
	switch {
	case !closed:
		return "", "", "", errors.New("{{{ is not closed by }}}")
	case expression == "":
		return "", "", "", errNoName()
	case strings.ContainsAny(expression, "{}") || strings.HasPrefix(rest, "}"):
		return "", "", "", errors.New("between {{{ and }}} stands a brace")
	}
	return literal, expression, rest, nil
}

func errNoName() error { return errors.New("between {{{ and }}} stands no name") }

// doubled finds {{name}}, which was most likely meant to be an expression. With white space
// inside the braces it is a text like any other.
var doubled = regexp.MustCompile(`(^|[^{])\{\{[^{} \t\r\n"',:;()[\]]+\}\}`)

// checkDoubled notes a template that holds {{name}}.
func (r *reader) checkDoubled(node *yaml.Node, what string) {
	if node.ShortTag() == "!!str" && doubled.MatchString(node.Value) {
		r.fault(node, what+" holds a name in two braces, which is no expression", "write {{{name}}}, or {{ name }} with spaces inside where the two braces are meant as they are")
	}
}

// A BodyPart is a part of a body template: JSON text, and the field of the record that
// follows it. The parts, one after another, are the body.
type BodyPart struct {
	// Literal is JSON text as it is sent.
	Literal string
	// Separate says that a comma goes before the literal unless the text so far ends in "{"
	// or "[": all members before this one may have been absent.
	Separate bool
	// Field is the record's field that follows the literal; empty for none.
	Field string
	// Text says that the field's value is inside a JSON string. Otherwise it is a whole
	// JSON value.
	Text bool
	// Optional says that the record may lack the field. Then nothing follows the literal if
	// Text is set, and otherwise the whole part is left out.
	Optional bool
}

// A bodyCompiler turns the nodes of a template into parts.
type bodyCompiler struct {
	reader *reader
	parts  []BodyPart
}

// literal appends text to the last part, or begins a new one after a field.
func (c *bodyCompiler) literal(text string) {
	if last := len(c.parts) - 1; last >= 0 && c.parts[last].Field == "" {
		c.parts[last].Literal += text
		return
	}
	c.parts = append(c.parts, BodyPart{Literal: text})
}

// field makes a field follow the last part's literal.
func (c *bodyCompiler) field(node *yaml.Node, expression string, text bool) {
	if expression == "?" {
		c.broken(node, errNoName())
	}
	c.literal("")
	last := &c.parts[len(c.parts)-1]
	last.Text = text
	last.Field, last.Optional = strings.CutSuffix(expression, "?")
}

func (c *bodyCompiler) broken(node *yaml.Node, err error) {
	c.reader.fault(node, "the template cannot be read: "+err.Error(), "write {{{field}}}, or {{{field?}}} for a field that may be absent")
}

func (c *bodyCompiler) value(node *yaml.Node) {
	switch node = resolve(node); node.Kind {
	case yaml.MappingNode:
		c.literal("{")
		var before siblings
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i]
			if strings.Contains(name.Value, "{{{") {
				c.reader.fault(name, "an expression stands in a member's name", "write it as the member's value")
			}
			c.child(&before, string(rawjson.Encode(name.Value))+":", node.Content[i+1])
		}
		c.literal("}")
	case yaml.SequenceNode:
		c.literal("[")
		var before siblings
		for _, item := range node.Content {
			c.child(&before, "", item)
		}
		c.literal("]")
	default:
		c.scalar(node)
	}
}

// siblings says what stands before a member or an element: anything, and
// anything that is there whatever the record holds.
type siblings struct{ some, certain bool }

// child compiles a member or an element with the comma before it.
func (c *bodyCompiler) child(before *siblings, name string, node *yaml.Node) {
	expression, whole := wholeExpression(resolve(node))
	optional := whole && strings.HasSuffix(expression, "?")
	separate := before.some && !before.certain
	if separate || optional {
		c.parts = append(c.parts, BodyPart{Separate: separate})
	}
	if before.certain {
		name = "," + name
	}
	c.literal(name)
	c.value(node)
	before.some = true
	before.certain = before.certain || !optional
}

func (c *bodyCompiler) scalar(node *yaml.Node) {
	c.reader.checkDoubled(node, extensionPrefix+"body")
	if expression, whole := wholeExpression(node); whole {
		c.field(node, expression, false)
		return
	}
	if node.ShortTag() != "!!str" || !strings.Contains(node.Value, "{{{") {
		c.literal(string(c.reader.appendScalar(nil, node)))
		return
	}
	c.literal(`"`)
	for rest := node.Value; rest != ""; {
		literal, expression, after, err := cutExpression(rest)
		if err != nil {
			c.broken(node, err)
			return
		}
		quoted := rawjson.Encode(literal)
		c.literal(string(quoted[1 : len(quoted)-1]))
		if expression != "" {
			c.field(node, expression, true)
		}
		rest = after
	}
	c.literal(`"`)
}

// wholeExpression returns the expression of a text that is nothing else.
func wholeExpression(node *yaml.Node) (expression string, whole bool) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		return "", false
	}
	literal, expression, rest, err := cutExpression(node.Value)
	return expression, err == nil && expression != "" && literal == "" && rest == ""
}
