package destination

import (
	"errors"
	"path/filepath"
	"strings"

	"keyrelay/function/rawjson"
)

// A Reference names a secret: "secretsmanager:NAME-OR-ARN", "env:NAME" or
// "file:PATH", with an optional "#/json/pointer" (RFC 6901) into a JSON secret.
// It is comparable, so it serves as a key. The zero Reference names nothing.
type Reference struct {
	// Provider is "secretsmanager", "env" or "file".
	Provider string
	// Name is the secret's name or ARN, the variable's name or the file's path.
	Name string
	// Pointer selects a value inside a JSON secret; empty means the whole secret.
	Pointer rawjson.Pointer
}

// Choose replaces {field} in the pointer with a member's name, as one token.
func (r Reference) Choose(field, member string) Reference {
	tokens := r.Pointer.Tokens()
	r.Pointer = ""
	for _, token := range tokens {
		if token == "{"+field+"}" {
			token = member
		}
		r.Pointer += rawjson.PointerTo(token)
	}
	return r
}

// A PlacedReference is a Reference and where a document names it. If the document names
// none, Place is that of the scheme that needs it.
type PlacedReference struct {
	Reference
	Place
	// Scheme is the name of the security scheme whose secret it is; empty for any other.
	Scheme string
	// Members are the pointers into the secret that templates use.
	Members []rawjson.Pointer
}

// A Place is a position in a document. Line and Column count from 1.
type Place struct {
	File         string
	Line, Column int
}

// secretNameSymbols are what a name in Secrets Manager may hold besides letters
// and digits, https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html,
// the colon of an ARN, and the "!" of secrets that other AWS services manage.
const secretNameSymbols = "/_+=.@-:!"

// ParseReference reads a secret reference. The error does not hold the text,
// which may be a secret that was written in the wrong place.
func ParseReference(text string) (Reference, error) {
	provider, rest, found := strings.Cut(text, ":")
	if !found || provider != "secretsmanager" && provider != "env" && provider != "file" {
		return Reference{}, errors.New("a secret reference begins with secretsmanager:, env: or file: and goes on with a name")
	}
	name, fragment, pointed := strings.Cut(rest, "#")
	pointer, err := rawjson.ParsePointer(fragment)
	switch {
	case err != nil:
		return Reference{}, err
	case pointed && pointer == "":
		return Reference{}, errors.New("after # stands a JSON Pointer such as /api_key")
	}
	if valid, rule := secretNames(provider); name == "" || len(name) > 4096 || strings.ContainsFunc(name, func(c rune) bool { return !valid(c) }) {
		return Reference{}, errors.New("after " + provider + ": stands " + rule)
	}
	return Reference{Provider: provider, Name: name, Pointer: pointer}, nil
}

// belongsToProcess says what a reference names that is the process's own, which a
// document must not pass to an API: files that the kernel makes up, such as
// /proc/self/environ, and the variables of AWS and of keyrelay. It is empty for any other.
func (r Reference) belongsToProcess() string {
	switch r.Provider {
	case "file":
		name := filepath.ToSlash(filepath.Clean("/" + r.Name))
		for _, folder := range []string{"/proc", "/sys", "/dev"} {
			if name == folder || strings.HasPrefix(name, folder+"/") {
				return "a file below " + folder
			}
		}
	case "env":
		for _, prefix := range []string{"AWS_", "KEYRELAY_"} {
			if strings.HasPrefix(strings.ToUpper(r.Name), prefix) {
				return "a variable " + prefix + "*"
			}
		}
	}
	return ""
}

// secretNames says which characters a name has that a provider can keep a secret under.
func secretNames(provider string) (valid func(rune) bool, rule string) {
	switch provider {
	case "file":
		return func(c rune) bool { return !isControl(c) }, "the path of a file"
	case "env":
		return func(c rune) bool { return isAlphanumeric(c) || c == '_' }, "the name of a variable: letters, digits and _"
	}
	return inSecretsManager, "a secret's name or ARN: letters, digits and " + secretNameSymbols + " only"
}

func inSecretsManager(c rune) bool {
	return isAlphanumeric(c) || strings.ContainsRune(secretNameSymbols, c)
}

// defaultReference returns secretsmanager:PREFIX/FILE#/MEMBER.
func (d *Destination) defaultReference(member string) Reference {
	return Reference{"secretsmanager", d.secretPrefix + secretName(d.Name), rawjson.PointerTo(member)}
}

// secretName returns a document's name as Secrets Manager allows it: every other
// character is a hyphen.
func secretName(name string) string {
	return strings.Map(func(c rune) rune {
		if inSecretsManager(c) {
			return c
		}
		return '-'
	}, name)
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Public returns the reference as a caller may see it: without a file's path, and
// without an ARN, which holds an account's id.
func (r Reference) Public() string {
	switch {
	case r.Provider == "file":
		return "of a file"
	case strings.HasPrefix(r.Name, "arn:"):
		return "of an ARN"
	}
	return r.String()
}

// String returns the reference as a document writes it; empty for the zero Reference.
func (r Reference) String() string {
	switch {
	case r == Reference{}:
		return ""
	case r.Pointer == "":
		return r.Provider + ":" + r.Name
	}
	return r.Provider + ":" + r.Name + "#" + string(r.Pointer)
}
