package secret

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// Lacks is Unusable of a secret that is a JSON object and has not all members that it
// needs, or another value where content is nil. What it has, usual names and no values, is
// for the log and the start.
func Lacks(reference destination.Reference, content []byte, problem string, needed ...string) *gateway.Refusal {
	refusal := Unusable(reference, problem)
	refusal.Note = join(refusal.Note, has(content, needed)+mistaken(content, needed))
	return refusal
}

// Needed are the members of a secret that expressions of templates ask for.
func Needed(expressions []destination.TemplatePart) (names []string) {
	for _, part := range expressions {
		if tokens := part.Pointer.Tokens(); part.IsPointer && len(tokens) > 0 {
			names = append(names, tokens[0])
		}
	}
	return names
}

// lacksPointed is Lacks of a secret in which a reference's pointer finds nothing: most
// often its members stand one level too high.
func lacksPointed(reference destination.Reference, content []byte) *gateway.Refusal {
	refusal := Unusable(reference, "has no value at its pointer. Add that member to the secret, or fix the part of the reference from # on.")
	refusal.Cause = ErrAbsent
	tokens := reference.Pointer.Tokens()
	hint := has(content, tokens[:1])
	if near := mistaken(content, tokens[:1]); near != "" || hint == "" {
		hint += near
	} else if len(tokens) == 1 {
		hint += " Where that is what it should hold, wrap it: " + wrapped(tokens[0], content) + "."
	}
	refusal.Note = join(refusal.Note, hint)
	return refusal
}

// wrapped is the shape of a secret whose members are those of a member of its own.
func wrapped(token string, content []byte) string {
	names, others := named(content, []string{token})
	for i, name := range names {
		names[i] = `"` + name + `": …`
	}
	if others > 0 {
		names = append(names, "…")
	}
	return `{"` + token + `": {` + strings.Join(names, ", ") + "}}"
}

// wrapping is the shape of a secret that has a value at a pointer.
func wrapping(pointer rawjson.Pointer) string {
	shape := `"…"`
	for _, token := range slices.Backward(pointer.Tokens()) {
		shape = "{" + strconv.Quote(token) + ": " + shape + "}"
	}
	return shape
}

// has says which members a secret has; empty where it has none to be told.
func has(content []byte, needed []string) string {
	names, others := named(content, needed)
	counted, end := strconv.Itoa(others), "s"
	if others == 1 {
		end = ""
	}
	switch {
	case others > 0 && len(names) == 0:
		return "It has " + counted + " member" + end + " with names that are not told."
	case others > 0:
		names = append(names, counted+" other"+end)
	case len(names) == 0:
		return ""
	}
	return "It has " + Listed(names) + "."
}

// mistaken says which members were most likely meant to be needed ones that are missing.
func mistaken(content []byte, needed []string) (hint string) {
	names, _ := named(content, needed)
	for _, missing := range needed {
		at := slices.IndexFunc(names, func(name string) bool { return !slices.Contains(needed, name) && alike(name, missing) })
		if at >= 0 && !slices.Contains(names, missing) {
			hint += " Perhaps " + names[at] + " is meant by " + missing + "."
		}
	}
	return hint
}

// Near reports whether the name of a secret was most likely meant to be another: the
// same but for its folder or an ending, or a few letters.
func Near(written, meant string) bool {
	last := func(name string) string {
		name = path.Base(name)
		return strings.TrimSuffix(name, path.Ext(name))
	}
	return last(written) == last(meant) || alike(last(written), last(meant))
}

// alike reports whether two names differ by a prefix, an ending, marks or a few letters.
func alike(a, b string) bool {
	const least = 3
	if written := words(a); len(written) > 1 && !slices.ContainsFunc(written, func(word string) bool { return !slices.Contains(words(b), word) }) {
		return true // secret_key is secret_access_key
	}
	a, b = destination.Letters(a), destination.Letters(b)
	if min(len(a), len(b)) < least {
		return false
	}
	_, edits := destination.Nearest(a, b)
	return strings.Contains(a, b) || strings.Contains(b, a) || edits <= len(b)/least
}

// words are what a name is made of, in small letters.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return strings.ContainsRune("-_.", c) })
}

// Listed joins names to what stands in a sentence.
func Listed(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// join puts sentences one behind the other.
func join(sentences ...string) string {
	return strings.TrimSpace(strings.Join(sentences, " "))
}

// named are the members of a secret whose names may be told, as a person reads them: the
// whole pointer of what lies deeper. others is how many there are besides.
func named(content []byte, needed []string) (names []string, others int) {
	for _, pointer := range rawjson.Outline(content) {
		tokens := pointer.Tokens()
		switch {
		case slices.ContainsFunc(tokens, func(name string) bool { return !isUsual(name) && !isNear(name, needed) }):
			others++
		case len(tokens) == 1:
			names = append(names, tokens[0])
		default:
			names = append(names, string(pointer))
		}
	}
	return names, others
}

// isNear reports whether a name is a needed one, or so near that it can be no key: a key
// that was pasted as a name may have a needed one in it.
func isNear(name string, needed []string) bool {
	return slices.ContainsFunc(needed, func(one string) bool {
		return name == one || len(name) <= 2*len(one) && !strings.ContainsAny(name, "0123456789") && alike(name, one)
	})
}

// HasUsualNames reports whether each name on the way to a value is made of usual words. Any
// other name can be a credential itself, such as a key that was pasted where a name belongs,
// and is not for the log.
func HasUsualNames(pointer rawjson.Pointer) bool {
	return !slices.ContainsFunc(pointer.Tokens(), func(name string) bool { return !isUsual(name) })
}

// isUsual reports whether a name is made of usual words, or is the first element of an array.
func isUsual(name string) bool { return name == "0" || usualNames().MatchString(name) }

// usualNames are made of the words for credentials, their lives and what stands around them.
// It is compiled when the first secret or answer lacks something.
var usualNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:access|account|api|app|at|attributes|audience|auth|authentication|authorization|aws|base|bearer|body|cert|certificate|chain|` +
		`client|code|consumer|content|credentials?|csrf|customer|data|date|domain|email|endpoint|environment|errors?|exp|expiration|expires?|expiry|grant|group|` +
		`host|id|in|instance|issuer|items?|jwt|key|kid|life|lifetime|login|message|name|oauth|org|organization|pass|passphrase|password|payload|pem|port|private|` +
		`project|public|realm|refresh|region|response|results?|role|scope|seconds|secret|security|server|service|session|sid|signature|signing|site|status|` +
		`subject|subscription|success|tenant|ticket|time|tokens?|ttl|type|until|url|user|valid|validity|value|variables|version|webhook|xsrf|[-_.])+$`)
})
