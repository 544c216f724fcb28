package credential

import (
	"maps"
	"net/http"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// Apply puts the credential into the request, last, and replaces any copy of its fields:
// first what placeholders ask for, then what the operation asks for. The value slices that
// it puts into the header are shared: do not write into them.
func (c *Credential) Apply(request *http.Request) {
	for _, fill := range c.fills {
		if fill.Field == "" {
			c.part(fill.Parts[0].Scheme).apply(request)
		} else {
			setField(request.Header, fill.Field, []string{c.filled(fill)})
		}
	}
	for _, part := range c.parts[:c.attached] {
		if part.apply != nil {
			part.apply(request)
		}
		if part.applyTo != nil {
			part.applyTo(request, c.operation)
		}
	}
	for _, part := range c.parts[:c.attached] {
		if part.sign != nil {
			part.sign(request)
		}
	}
}

// asterisks stand where a credential would be.
const asterisks = "***"

// Redacted returns a Credential whose every value is ***, for a dry run: Apply puts it
// where the real one would go. No secret is read for it. A client certificate is not shown;
// a signature is shown as the field that would hold it.
func Redacted(outbound *plan.Plan) *Credential {
	made := &Credential{fills: outbound.Fills, operation: outbound.Operation}
	for _, requirement := range outbound.Operation.Security {
		made.parts = append(made.parts, redacted(requirement.Scheme))
	}
	made.attached = len(made.parts)
	for _, fill := range outbound.Fills {
		for _, part := range fill.Parts {
			if part.Scheme != nil && made.part(part.Scheme) == nil {
				made.parts = append(made.parts, redacted(part.Scheme))
			}
		}
	}
	return made
}

func redacted(scheme *destination.SecurityScheme) *part {
	made := &part{scope: retrieval.Scope{Scheme: scheme}, text: func() string { return asterisks }}
	if scheme.In == "query" {
		made.apply = attachQuery(scheme.Field, asterisks)
	} else {
		made.attach(scheme, asterisks)
	}
	return made
}

// filled is the text of a header field with its placeholders replaced.
func (c *Credential) filled(fill plan.Fill) string {
	text := ""
	for _, part := range fill.Parts {
		if part.Scheme == nil {
			text += part.Literal
		} else {
			text += destination.WithoutWord(text, c.part(part.Scheme).text())
		}
	}
	return text
}

// checkFill refuses to fill a header with what a header cannot carry, such as a
// query key with a line break in it. That a scheme has a text at all is for plan to see.
func (c *Credential) checkFill(fill plan.Fill) error {
	for _, each := range fill.Parts {
		if each.Scheme == nil || fill.Field == "" {
			continue
		}
		if problem := retrieval.HeaderProblem(c.part(each.Scheme).text()); problem != "" {
			return secret.Unusable(each.Scheme.Secret, problem)
		}
	}
	return nil
}

// attach sets what puts a credential where its scheme puts it.
func (p *part) attach(scheme *destination.SecurityScheme, text string) {
	name := scheme.Field
	switch scheme.In {
	case "header":
		field, values := http.CanonicalHeaderKey(name), []string{text}
		p.apply = func(request *http.Request) { setField(request.Header, field, values) }
	case "query":
		p.apply = attachQuery(name, retrieval.EscapeQuery(text))
	case "cookie":
		pair := name + "=" + text
		p.apply = func(request *http.Request) { setCookie(request.Header, name, pair) }
	case "body":
		p.applyTo = func(request *http.Request, operation *destination.Operation) {
			setInBody(request, operation.BodyType, name, text)
		}
	case "path":
		p.applyTo = func(request *http.Request, operation *destination.Operation) {
			setInPath(request.URL, operation.Path, name, text)
		}
	}
}

// attachQuery returns what adds a query parameter and removes any that servers could
// take for it, those between semicolons too.
// The value is percent-encoded already.
func attachQuery(name, value string) func(*http.Request) {
	pair := retrieval.EscapeQuery(name) + "=" + value
	return func(request *http.Request) {
		kept := without(request.URL.RawQuery, "&;", func(sent string) bool { return sameParameter(destination.ParameterName(sent), name) })
		request.URL.RawQuery = appended(kept, "&", pair)
	}
}

// setField sets a header field and removes every other spelling of its name:
// other letter cases, and "_" for "-", which CGI and WSGI take for the same.
func setField(header http.Header, field string, values []string) {
	maps.DeleteFunc(header, func(name string, _ []string) bool { return name != field && gateway.SameHeaderName(name, field) })
	header[field] = values
}

// setCookie adds a cookie to the Cookie field and removes any that servers could take for
// it (RFC 6265 section 4.2.1): some undo escapes in names.
func setCookie(header http.Header, name, pair string) {
	var sent []string
	for field, values := range header {
		if gateway.SameHeaderName(field, "Cookie") {
			sent = append(sent, values...)
			delete(header, field)
		}
	}
	kept := without(strings.Join(sent, "; "), ";", func(cookie string) bool {
		sentName, _, _ := strings.Cut(cookie, "=")
		return strings.TrimSpace(sentName) == name || strings.TrimSpace(destination.ParameterName(cookie)) == name
	})
	header["Cookie"] = []string{appended(strings.TrimSpace(kept), "; ", pair)}
}

// without removes items from a list; the others stay as they are, byte for byte,
// each behind its own separator, which is any of those given.
func without(list, separators string, removed func(string) bool) string {
	var kept strings.Builder
	separator, some := "", false
	for rest, more := list, true; more; {
		item, end := rest, strings.IndexAny(rest, separators)
		if more = end >= 0; more {
			item = rest[:end]
		}
		if !removed(item) {
			if some {
				kept.WriteString(separator)
			}
			kept.WriteString(item)
			some = true
		}
		if more {
			separator, rest = rest[end:end+1], rest[end+1:]
		}
	}
	return kept.String()
}

// sameParameter reports whether servers could read one parameter's name as another:
// they ignore letter case, end it at a NUL, take white space and brackets off its front and
// a bracket for the beginning of an array's index, and write "_" for what their languages do
// not allow in names.
func sameParameter(sent, name string) bool {
	sent, _, _ = strings.Cut(strings.TrimSpace(sent), "\x00")
	if strings.IndexByte(name, '[') < 0 {
		bare := strings.TrimLeft(sent, "[]")
		if at := strings.IndexAny(bare, "[]"); at >= 0 {
			bare = bare[:at]
		}
		if sameFolded(bare, name) {
			return true
		}
	}
	return sameFolded(sent, name)
}

func sameFolded(a, b string) bool {
	underscored := func(c rune) rune {
		if c == '.' || c == ' ' || c == '[' {
			return '_'
		}
		return c
	}
	return strings.EqualFold(strings.Map(underscored, a), strings.Map(underscored, b))
}

func appended(list, separator, item string) string {
	if list == "" {
		return item
	}
	return list + separator + item
}
