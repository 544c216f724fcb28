package credential

import (
	"encoding/base64"
	"slices"
	"strings"

	"keyrelay/function/gateway"
	"keyrelay/function/mask"
	"keyrelay/function/rawjson"
)

// Mask replaces every copy of what Apply puts into a request in the answer, and returns the
// schemes that it found. It changes the answer's header and body in place. See package mask
// for what is found.
func (c *Credential) Mask(response *gateway.Response) []string {
	parts := c.parts
	if len(parts) > 1 { // the longest first: one of them may begin with another
		parts = slices.SortedStableFunc(slices.Values(parts), func(a, b *part) int { return b.masker.Longest() - a.masker.Longest() })
	}
	var found []string
	for _, part := range parts {
		if part.masker.Mask(response) {
			found = append(found, part.scope.Scheme.Name)
		}
	}
	return found
}

// maxCarried is the size of the longest text that is looked into, as most servers take no
// longer header, and maxTexts how many of the texts in it are looked for: each costs an answer
// as much as another credential would, and it may be a token endpoint that chose them.
const (
	maxCarried = 8 << 10
	maxTexts   = 16
)

// withCarried adds to the secrets of a text what a server takes out of it and may tell
// by itself: the operator may have stored a whole header, or JSON.
func withCarried(secrets []string, text string) []string {
	if len(text) > maxCarried {
		return secrets
	}
	added := 0
	for _, each := range carried(text) {
		if len(each) >= mask.MinLength && added < maxTexts && !slices.Contains(secrets, each) {
			secrets = append(secrets, each)
			added++
		}
	}
	return secrets
}

// carried are the values inside a text: behind a word such as Bearer (RFC 9110 section
// 11.4), in the base64 of Basic, behind the name of the only parameter, and the texts in
// JSON at any depth. Of several parameters none is taken: a name among them can be guessed.
func carried(text string) []string {
	if document, sound := rawjson.Pointer("").Find([]byte(text)); sound && rawjson.IsContainer(document) {
		return textsIn(nil, document)
	}
	if word, rest, found := strings.Cut(text, " "); found && !strings.ContainsAny(rest, " ,;") {
		pair, err := base64.StdEncoding.DecodeString(rest)
		if strings.EqualFold(word, "Basic") && err == nil {
			return []string{string(pair), rest}
		}
		return append(carried(rest), rest)
	}
	if name, value, found := strings.Cut(text, "="); found && name != "" && !strings.ContainsAny(text, " ,;&") {
		return []string{strings.Trim(value, `"`)}
	}
	return nil
}

// textsIn adds the texts in a sound JSON value, the names of members excepted.
func textsIn(texts []string, value []byte) []string {
	if !rawjson.IsContainer(value) {
		if text, _ := rawjson.Plain(value); value[0] == '"' {
			texts = append(texts, text)
		}
		return texts
	}
	for element := range rawjson.Elements(value) {
		texts = textsIn(texts, element)
	}
	return texts
}
