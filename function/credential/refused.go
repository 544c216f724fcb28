package credential

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
)

// Refused reports whether the answer means that the credential was refused, by
// the x-keyrelay-refresh-on rules of its schemes; nil rules stand for a 401. What a
// caller has altered does not count: it says nothing about the credential.
func (c *Credential) Refused(status int, body []byte) bool {
	for _, part := range c.parts {
		if part.refused(status, body) && c.carries(part) {
			return true
		}
	}
	return false
}

func (p *part) refused(status int, body []byte) bool {
	rules := p.scope.Scheme.RefreshOn
	if rules == nil {
		return status == http.StatusUnauthorized
	}
	return slices.ContainsFunc(rules, func(rule destination.RefreshRule) bool { return applies(rule, status, body) })
}

// carries reports whether the request carries a part as it is: attached, or filled in
// where nothing that the caller wrote around it can be why it is refused.
func (c *Credential) carries(p *part) bool {
	return slices.Contains(c.parts[:c.attached], p) ||
		slices.ContainsFunc(c.fills, func(fill plan.Fill) bool { return c.unaltered(fill, p) })
}

// unaltered reports whether a fill holds a part as it is. In the scheme's own field
// that is its text and nothing else; in another it stands by itself.
func (c *Credential) unaltered(fill plan.Fill, p *part) bool {
	scheme := p.scope.Scheme
	at := slices.IndexFunc(fill.Parts, func(f plan.FillPart) bool { return f.Scheme == scheme })
	switch {
	case at < 0:
		return false
	case fill.Field == "":
		return true
	case scheme.In == "header" && gateway.SameHeaderName(scheme.Field, fill.Field):
		return c.filled(fill) == p.text()
	}
	const before, behind = ` =,;"`, ` ,;"`
	begins := at == 0 || strings.LastIndexAny(fill.Parts[at-1].Literal, before) == len(fill.Parts[at-1].Literal)-1 && fill.Parts[at-1].Scheme == nil
	ends := at == len(fill.Parts)-1 || strings.IndexAny(fill.Parts[at+1].Literal, behind) == 0
	return begins && ends
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
