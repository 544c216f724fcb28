package destination

// A Reference names a secret: "secretsmanager:NAME-OR-ARN", "env:NAME" or
// "file:PATH", with an optional "#/json/pointer" (RFC 6901) into a JSON secret.
// It is comparable, so it serves as a key. The zero Reference names nothing.
type Reference struct {
	// Provider is "secretsmanager", "env" or "file".
	Provider string
	// Name is the secret's name or ARN, the variable's name or the file's path.
	Name string
	// Pointer selects a value inside a JSON secret; empty means the whole secret.
	Pointer Pointer
}

// A PlacedReference is a Reference and where a document names it. Where the
// document names none, Place is that of the scheme that needs it.
type PlacedReference struct {
	Reference
	Place
}

// A Place is a position in a document. Line and Column count from 1.
type Place struct {
	File         string
	Line, Column int
}
