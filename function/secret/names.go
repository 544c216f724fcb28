package secret

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"keyrelay/function/rawjson"
)

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
