package destination

import (
	"errors"
	"fmt"
	"strings"
)

// A ValueTemplate is a text with {{{name}}} or {{{/json/pointer}}} expressions
// over the members of a secret or of a retrieval's answer.
type ValueTemplate struct {
	Parts []TemplatePart
}

// A TemplatePart is a literal text or, where IsPointer is set, the value that
// Pointer finds.
type TemplatePart struct {
	Literal   string
	Pointer   Pointer
	IsPointer bool
}

// ParseValueTemplate reads a template. {{{name}}} means the pointer /name. The
// error does not hold the text.
func ParseValueTemplate(text string) (*ValueTemplate, error) {
	template := &ValueTemplate{}
	for text != "" {
		literal, expression, rest, err := cutExpression(text)
		if err != nil {
			return nil, err
		}
		if literal != "" {
			template.Parts = append(template.Parts, TemplatePart{Literal: literal})
		}
		if expression == "" {
			break
		}
		pointer := pointerTo(expression)
		if expression[0] == '/' {
			if pointer, err = ParsePointer(expression); err != nil {
				return nil, err
			}
		}
		template.Parts = append(template.Parts, TemplatePart{Pointer: pointer, IsPointer: true})
		text = rest
	}
	return template, nil
}

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
		return "", "", "", errors.New("between {{{ and }}} stands no name")
	case strings.ContainsAny(expression, "{}") || strings.HasPrefix(rest, "}"):
		return "", "", "", errors.New("between {{{ and }}} stands a brace")
	}
	return literal, expression, rest, nil
}

// Fill replaces each expression by the value that it finds in a JSON document: a
// string by its text, a number, true or false by its literal. The error names the
// first expression that finds nothing, null, an object or an array; it never
// holds a value.
func (t *ValueTemplate) Fill(document []byte) (string, error) {
	var filled strings.Builder
	for _, part := range t.Parts {
		if !part.IsPointer {
			filled.WriteString(part.Literal)
			continue
		}
		value, ok := part.Pointer.Find(document)
		if !ok {
			return "", fmt.Errorf("{{{%s}}} finds nothing", part.Pointer)
		}
		switch value[0] {
		case '"':
			filled.WriteString(unquote(value))
		case '{', '[', 'n':
			return "", fmt.Errorf("{{{%s}}} finds no text, number or truth value", part.Pointer)
		default:
			filled.Write(value)
		}
	}
	return filled.String(), nil
}
