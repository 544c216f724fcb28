package credential

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// Refused reports whether the answer means that the credential was refused, by
// the x-keyrelay-refresh-on rules of its schemes; nil rules stand for a 401.
func (c *Credential) Refused(status int, body []byte) bool {
	for _, part := range c.parts {
		rules := part.scope.Scheme.RefreshOn
		if rules == nil && status == http.StatusUnauthorized {
			return true
		}
		if slices.ContainsFunc(rules, func(rule destination.RefreshRule) bool { return applies(rule, status, body) }) {
			return true
		}
	}
	return false
}

func applies(rule destination.RefreshRule, status int, body []byte) bool {
	if rule.Status != status {
		return false
	}
	if !rule.ByBody {
		return true
	}
	found, ok := rule.Pointer.Find(body)
	return ok && sameJSON(found, rule.Equals)
}

// sameJSON compares two JSON values: texts by what they say, others by how they
// are written, white space aside.
func sameJSON(a, b []byte) bool {
	if textA, ok := rawjson.Plain(a); ok {
		textB, ok := rawjson.Plain(b)
		return ok && textA == textB && (a[0] == '"') == (b[0] == '"')
	}
	var compactA, compactB bytes.Buffer
	return json.Compact(&compactA, a) == nil && json.Compact(&compactB, b) == nil && bytes.Equal(compactA.Bytes(), compactB.Bytes())
}

// Mask replaces every copy in the answer of what Apply puts into a request, and names
// the schemes it found. It changes the answer's header and body in place. See package
// mask for what is found.
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
