package credential

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
)

// Refused reports whether the answer means that the credential was refused, by the
// x-keyrelay-refresh-on rules of its schemes; nil rules stand for a 401. A 403 that says
// invalid_token (RFC 6750 section 3.1) also counts, unless a scheme's rules are empty. The
// refusal of a credential that a caller altered does not count.
func (c *Credential) Refused(status int, header http.Header, body []byte) bool {
	for _, part := range c.parts {
		if part.refused(status, header, body) && c.carries(part) {
			return true
		}
	}
	return false
}

func (p *part) refused(status int, header http.Header, body []byte) bool {
	rules := p.scope.Scheme.RefreshOn
	switch {
	case rules == nil && status == http.StatusUnauthorized:
		return true
	case status == http.StatusForbidden && (rules == nil || len(rules) > 0) && saysInvalidToken(header):
		return true
	}
	return slices.ContainsFunc(rules, func(rule destination.RefreshRule) bool { return applies(rule, status, body) })
}

func saysInvalidToken(header http.Header) bool {
	bare := strings.NewReplacer(`"`, "", " ", "", "\t", "") // white space may stand around "=" (RFC 9110 section 11.2)
	return slices.ContainsFunc(header["Www-Authenticate"], func(challenge string) bool {
		return strings.Contains(bare.Replace(strings.ToLower(challenge)), "error=invalid_token")
	})
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

// sameJSON compares two JSON values: texts by what they say, a number and a text of the
// same digits too, others by how they are written, white space aside.
func sameJSON(a, b []byte) bool {
	if textA, ok := rawjson.Plain(a); ok {
		textB, ok := rawjson.Plain(b)
		return ok && textA == textB && isTruth(a) == isTruth(b)
	}
	var compactA, compactB bytes.Buffer
	return json.Compact(&compactA, a) == nil && json.Compact(&compactB, b) == nil && bytes.Equal(compactA.Bytes(), compactB.Bytes())
}

// isTruth says that a value is true or false, and no text that says so.
func isTruth(value []byte) bool { return value[0] == 't' || value[0] == 'f' }

// Echoes reports whether a refusal in a successful answer may only repeat the request's own
// words, because the API returns the record. Then the request must not be sent again, since
// it was carried out.
func (c *Credential) Echoes(outbound *plan.Plan, status int, body []byte) bool {
	if status < 200 || status > 299 {
		return false
	}
	for _, part := range c.parts {
		if !c.carries(part) {
			continue
		}
		for _, rule := range part.scope.Scheme.RefreshOn {
			if applies(rule, status, body) && !says(outbound, rule) {
				return false
			}
		}
	}
	return true
}

// says reports whether a request holds a rule's value under a name like that of the rule's
// member: in its body at any depth, its query, its header or its path. A body that is not
// JSON need only hold the value.
func says(outbound *plan.Plan, rule destination.RefreshRule) bool {
	value, plain := rawjson.Plain(rule.Equals)
	if !rule.ByBody || !plain {
		return rule.ByBody && bytes.Contains(outbound.Body, rule.Equals)
	}
	name := ""
	for _, token := range rule.Pointer.Tokens() {
		if strings.Trim(token, "0123456789") != "" { // no place in an array
			name = bareName(token)
		}
	}
	if saysInHead(outbound, name, value) {
		return true
	}
	if document, ok := rawjson.Pointer("").Find(outbound.Body); ok {
		return saysIn(document, "", name, value)
	}
	text, err := url.QueryUnescape(string(outbound.Body))
	return strings.Contains(string(outbound.Body), value) || err == nil && strings.Contains(text, value)
}

// bareName is what APIs that give a name back may leave of it.
func bareName(name string) string {
	return destination.Letters(strings.NewReplacer("[", "", "]", "").Replace(name))
}

// saysInHead looks for the value in what stands before the body. Where no template names the
// parts of the path, it may be any of them.
func saysInHead(outbound *plan.Plan, name, value string) bool {
	for pair := range strings.FieldsFuncSeq(outbound.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		_, sent, _ := strings.Cut(pair, "=")
		if text, err := url.QueryUnescape(sent); err == nil && text == value && bareName(destination.ParameterName(pair)) == name {
			return true
		}
	}
	for field, values := range outbound.Header {
		if bareName(strings.TrimPrefix(field, "X-")) == name && slices.Contains(values, value) {
			return true
		}
	}
	template := outbound.Operation.Path
	names := func(variable string) bool {
		return bareName(strings.Trim(variable, "{}")) == name && variable[0] == '{'
	}
	return (template == "" || slices.ContainsFunc(strings.FieldsFunc(template, func(c rune) bool { return c == '/' }), names)) &&
		slices.ContainsFunc(strings.Split(outbound.URL.EscapedPath(), "/"), func(part string) bool { return destination.Unescape(part) == value })
}

// saysIn looks for the value in sound JSON that stands under a key.
func saysIn(document []byte, key, name, value string) bool {
	if text, plain := rawjson.Plain(document); plain {
		return (name == "" || bareName(key) == name) && text == value
	}
	for written, element := range rawjson.Members(document) {
		if written != nil {
			key, _ = rawjson.Plain(written)
		}
		if element[0] != 'n' && saysIn(element, key, name, value) {
			return true
		}
	}
	return false
}
