package destination

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyrelay/function/rawjson"
)

// A ValueTemplate is a text with expressions, over the members of a secret or of a
// retrieval's answer: {{{name}}} or {{{/json/pointer}}}, {{{.}}} for a secret that is a
// text, {{{scheme}}} for the credential of another security scheme, {{{base64 …}}} for
// the base64 (RFC 4648 section 4) of any of these.
type ValueTemplate struct {
	Parts []TemplatePart
}

// A TemplatePart is a literal text or, if one of the other fields is set, an expression.
type TemplatePart struct {
	Literal string
	// Pointer is what IsPointer asks for.
	Pointer   rawjson.Pointer
	IsPointer bool
	// Whole asks for a secret that is a text.
	Whole bool
	// Scheme asks for the text of another scheme's credential.
	Scheme *SecurityScheme
	// Joined is another template, of x-keyrelay-values.
	Joined *ValueTemplate
	// Base64 encodes the expression's value.
	Base64 bool
}

func (p TemplatePart) isExpression() bool {
	return p.IsPointer || p.Whole || p.Scheme != nil || p.Joined != nil
}

// A Find finds the JSON value of an expression that is a pointer, Whole or a scheme.
type Find func(TemplatePart) (value []byte, ok bool)

// FindIn finds members in the first of the documents that has them.
func FindIn(documents ...[]byte) Find {
	return func(part TemplatePart) ([]byte, bool) {
		for _, document := range documents {
			if value, ok := part.Pointer.Find(document); ok && part.IsPointer {
				return value, true
			}
		}
		return nil, false
	}
}

// ParseValueTemplate reads a template. {{{name}}} means the pointer /name. The
// error does not hold the text.
func ParseValueTemplate(text string) (*ValueTemplate, error) {
	return parseTemplate(text, func(string) (TemplatePart, bool) { return TemplatePart{}, false })
}

// parseTemplate reads a template; named says what a name stands for that is no member's.
func parseTemplate(text string, named func(string) (TemplatePart, bool)) (*ValueTemplate, error) {
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
		part, err := parseExpression(expression, named)
		if err != nil {
			return nil, err
		}
		template.Parts = append(template.Parts, part)
		text = rest
	}
	return template, nil
}

func parseExpression(expression string, named func(string) (TemplatePart, bool)) (TemplatePart, error) {
	name, encoded := strings.CutPrefix(expression, "base64 ")
	part, known := named(name)
	switch {
	case known:
	case name == ".":
		part.Whole = true
	case strings.HasPrefix(name, "/"):
		pointer, err := rawjson.ParsePointer(name)
		if err != nil {
			return part, err
		}
		part.Pointer, part.IsPointer = pointer, true
	case strings.Contains(name, "/"):
		return part, errors.New("a pointer begins with /, and a / of a member's own name is written ~1 in it")
	default:
		part.Pointer, part.IsPointer = rawjson.PointerTo(name), true
	}
	part.Base64 = encoded
	return part, nil
}

// Fill replaces each expression with the value that find returns: a string with its text, a
// number, true or false with its literal. taken holds the values of the expressions. The
// error names the first expression whose value is missing, null, an object or an array; it
// never holds a value.
//
// A word that a scheme's credential follows is not doubled: "Bearer {{{token}}}"
// is "Bearer abc" also where the credential itself is "Bearer abc".
func (t *ValueTemplate) Fill(find Find) (text string, taken []string, err error) {
	var filled strings.Builder
	for _, part := range t.Parts {
		if !part.isExpression() {
			filled.WriteString(part.Literal)
			continue
		}
		value, within, err := part.fill(find)
		if err != nil {
			return "", nil, err
		}
		taken = append(append(taken, within...), value)
		if part.Scheme != nil {
			value = WithoutWord(filled.String(), value)
		}
		filled.WriteString(value)
	}
	return filled.String(), taken, nil
}

// fill is the text of an expression, and the values in it.
func (p TemplatePart) fill(find Find) (text string, taken []string, err error) {
	if p.Joined != nil {
		text, taken, err = p.Joined.Fill(find)
	} else {
		value, ok := find(p)
		if !ok {
			return "", nil, fmt.Errorf("{{{%s}}} finds nothing", p.name())
		}
		if text, ok = rawjson.Plain(value); !ok {
			return "", nil, fmt.Errorf("{{{%s}}} finds no text, number or truth value", p.name())
		}
	}
	if p.Base64 {
		taken = append(taken, text)
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text, taken, err
}

// name is the expression as a message quotes it.
func (p TemplatePart) name() string {
	if p.Whole {
		return "."
	}
	return string(p.Pointer)
}

// WithoutWord removes the first word of a credential's text, such as Bearer, if before
// already ends with that word, in any letter case.
func WithoutWord(before, text string) string {
	trimmed := strings.TrimRight(before, " \t")
	word, rest, found := strings.Cut(text, " ")
	last := len(trimmed) - len(word)
	if found && trimmed != before && last >= 0 && strings.EqualFold(trimmed[last:], word) && (last == 0 || strings.IndexByte(" \t,;=", trimmed[last-1]) >= 0) {
		return rest
	}
	return text
}

// Expressions returns the expressions of a template, including those of templates in it.
func (t *ValueTemplate) Expressions() []TemplatePart {
	var all []TemplatePart
	for _, part := range t.Parts {
		switch {
		case part.Joined != nil:
			all = append(all, part.Joined.Expressions()...)
		case part.isExpression():
			all = append(all, part)
		}
	}
	return all
}

// A JSONTemplate is a JSON value whose texts, at any depth, are templates.
type JSONTemplate struct {
	Parts []JSONPart
}

// A JSONPart is literal JSON text or, if Template is set, a text to be filled.
type JSONPart struct {
	Literal  string
	Template *ValueTemplate
}

// Fill returns the value with its texts filled. A text that is only a pointer's expression
// becomes the JSON value itself. The error is as from ValueTemplate.Fill.
func (t *JSONTemplate) Fill(find Find) (value []byte, err error) {
	for _, part := range t.Parts {
		value = append(value, part.Literal...)
		if part.Template == nil {
			continue
		}
		if only := part.Template.Parts; len(only) == 1 && only[0].IsPointer && !only[0].Base64 {
			found, ok := find(only[0])
			if !ok {
				return nil, fmt.Errorf("{{{%s}}} finds nothing", only[0].Pointer)
			}
			value = append(value, found...)
			continue
		}
		text, _, err := part.Template.Fill(find)
		if err != nil {
			return nil, err
		}
		value = append(value, rawjson.Encode(text)...)
	}
	return value, nil
}

// Expressions returns the expressions of the texts; nil for no template.
func (t *JSONTemplate) Expressions() []TemplatePart {
	if t == nil {
		return nil
	}
	var all []TemplatePart
	for _, part := range t.Parts {
		if part.Template != nil {
			all = append(all, part.Template.Expressions()...)
		}
	}
	return all
}

// Schemes returns the other schemes that expressions ask for, each once.
func Schemes(expressions []TemplatePart) []*SecurityScheme {
	var schemes []*SecurityScheme
	for _, part := range expressions {
		if part.Scheme != nil && !slices.Contains(schemes, part.Scheme) {
			schemes = append(schemes, part.Scheme)
		}
	}
	return schemes
}
