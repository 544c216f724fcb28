package destination

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
