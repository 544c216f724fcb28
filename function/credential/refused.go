package credential

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// Refused reports whether the answer means that the credential was refused, by
// the x-keyrelay-refresh-on rules of its schemes; nil rules stand for a 401.
func (c *Credential) Refused(response *gateway.Response) bool {
	for _, part := range c.parts {
		rules := part.want.scheme.RefreshOn
		if rules == nil && response.Status == http.StatusUnauthorized {
			return true
		}
		if slices.ContainsFunc(rules, func(rule destination.RefreshRule) bool { return applies(rule, response) }) {
			return true
		}
	}
	return false
}

func applies(rule destination.RefreshRule, response *gateway.Response) bool {
	if rule.Status != response.Status {
		return false
	}
	if !rule.ByBody {
		return true
	}
	found, ok := rule.Pointer.Find(response.Body)
	return ok && sameJSON(found, rule.Equals)
}

// sameJSON compares two JSON values: texts by what they say, others by how they
// are written, white space aside.
func sameJSON(a, b []byte) bool {
	if textA, ok := scalarText(a); ok {
		textB, ok := scalarText(b)
		return ok && textA == textB && (a[0] == '"') == (b[0] == '"')
	}
	var compactA, compactB bytes.Buffer
	return json.Compact(&compactA, a) == nil && json.Compact(&compactB, b) == nil && bytes.Equal(compactA.Bytes(), compactB.Bytes())
}

// Mask replaces every copy of the credential in the answer, and of the secrets
// that it is made of, and names the schemes it found. It changes the answer's
// header values and body in place.
func (c *Credential) Mask(response *gateway.Response) []string {
	var found []string
	for _, part := range c.parts {
		if part.mask(response) {
			found = append(found, part.want.scheme.Name)
		}
	}
	return found
}
