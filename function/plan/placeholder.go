package plan

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// maxPlaceholders is how many placeholders a request may hold: each can stand for
// 64 KB, and no API asks for its credential that often.
const maxPlaceholders = 16

// A Fill is a place in the outbound request that waits for credentials: each
// {{{name}}} in it is replaced by the credential of that security scheme.
type Fill struct {
	// Field is the canonical name of a header field, which Header does not hold. It is
	// empty if the only part is a scheme whose credential goes into the URL's query; the
	// query does not hold that parameter either.
	Field string
	Parts []FillPart
}

// A FillPart is a literal text or, if Scheme is not nil, that scheme's credential.
type FillPart struct {
	Literal string
	Scheme  *destination.SecurityScheme
}

// fillQuery takes the parameters whose value is a placeholder out of a query. Any
// other place in the URL could carry a credential to where it does not belong.
func (b *builder) fillQuery(query string) (rest string, err error) {
	if !strings.Contains(query, "{{{") {
		return query, nil
	}
	var kept []string
	for parameter := range strings.SplitSeq(query, "&") {
		if !strings.Contains(parameter, "{{{") {
			kept = append(kept, parameter)
			continue
		}
		const place = "The outbound URL"
		key, value, _ := strings.Cut(parameter, "=")
		name, isPlaceholder := strings.CutPrefix(value, "{{{")
		name, closed := strings.CutSuffix(name, "}}}")
		if isPlaceholder && !closed && !strings.Contains(name, "}}}") {
			return "", errUnclosed(place)
		}
		if !isPlaceholder || !closed {
			return "", errPlaceholder(place, "holds a placeholder that is not the whole value of a query parameter. Write ?NAME={{{scheme}}}, with the parameter's name that the scheme itself has.")
		}
		scheme, err := b.namedScheme(place, name)
		if err != nil {
			return "", err
		}
		if scheme.In != "query" || decodeQuery(key) != scheme.Field {
			return "", errPlaceholder(place, "holds the placeholder of a security scheme in a query parameter that is not the scheme's own. Write it there, or in a header.")
		}
		b.Fills = append(b.Fills, Fill{Parts: []FillPart{{Scheme: scheme}}})
	}
	return strings.Join(kept, "&"), nil
}

// fillHeader takes over the caller's header fields of these names, which hold placeholders.
func (b *builder) fillHeader(header http.Header, names []string) error {
	slices.Sort(names)
	count := len(b.Fills)
	for _, name := range names {
		for _, value := range header[name] {
			count += strings.Count(value, "{{{")
		}
		if count > maxPlaceholders {
			return errPlaceholder(headerPlace(names[0]), "and those like it hold more than 16 placeholders. Send fewer.")
		}
	}
	for _, name := range names {
		if len(header[name]) > 1 {
			return errPlaceholder(headerPlace(name), "holds a placeholder and is sent more than once. Send it once.")
		}
		fill := Fill{Field: name}
		if err := b.parse(&fill, header[name][0]); err != nil {
			return err
		}
		b.Fills = append(b.Fills, fill)
	}
	return nil
}

// parse finds the placeholders of a header field's value.
func (b *builder) parse(fill *Fill, value string) error {
	for rest := value; ; {
		literal, after, found := strings.Cut(rest, "{{{")
		if literal != "" {
			fill.Parts = append(fill.Parts, FillPart{Literal: literal})
		}
		if !found {
			return nil
		}
		name, after, closed := strings.Cut(after, "}}}")
		if !closed {
			return errUnclosed(headerPlace(fill.Field))
		}
		scheme, err := b.namedScheme(headerPlace(fill.Field), name)
		if err != nil {
			return err
		}
		before := value[:len(value)-len(rest)+len(literal)]
		if !mayHold(fill.Field, scheme) && (after != "" || !isWord(before) || isRepeated(fill.Field)) {
			return errPlaceholder(headerPlace(fill.Field), "holds a placeholder where it may not stand. Write it in Authorization, in Cookie or in the security scheme's own header; in another one it stands alone or behind one word.")
		}
		fill.Parts = append(fill.Parts, FillPart{Scheme: scheme})
		rest = after
	}
}

// namedScheme returns the scheme of a placeholder's name where the operation's security names it.
func (b *builder) namedScheme(place, name string) (*destination.SecurityScheme, error) {
	if b.Destination.Schemes[name] == nil {
		return nil, b.errScheme(place, b.misspelt(name)+" that names no security scheme of the destination")
	}
	at := slices.IndexFunc(b.Operation.Placeholders, func(s *destination.SecurityScheme) bool { return s.Name == name })
	if at < 0 {
		return nil, b.errScheme(place, "a placeholder, "+gateway.Quoted(name)+", whose security scheme the operation's security does not name")
	}
	scheme := b.Operation.Placeholders[at]
	if !scheme.Kind.HasText() {
		return nil, b.errScheme(place, "a placeholder, "+gateway.Quoted(name)+", whose security scheme has no text to put there")
	}
	for _, chooser := range scheme.Choosers() {
		if err := b.choose(destination.SecretField{Name: chooser.SecretField, Required: true}); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}

// errScheme refuses the placeholder of a scheme that cannot stand there, and lists those
// that can. Their names are no secret: a dry run of the operation shows them.
func (b *builder) errScheme(place, what string) error {
	var known []string
	for _, scheme := range b.Operation.Placeholders {
		if scheme.Kind.HasText() && len(known) < maxPlaceholders {
			known = append(known, "{{{"+scheme.Name+"}}}")
		}
	}
	remedy := "The operation's security names none that could; have the operator add one."
	if known != nil {
		remedy = "Write one of those that the operation's security names: " + strings.Join(known, ", ") + "; or have the operator add another."
	}
	return errPlaceholder(place, "holds "+what+". "+remedy)
}

// misspelt quotes a placeholder's name that is nearly a scheme's. Any other may hold what the
// caller put into the wrong place, which an answer does not repeat.
func (b *builder) misspelt(name string) string {
	const longest = 64
	known, edits := destination.Nearest(name, slices.Sorted(maps.Keys(b.Destination.Schemes))...)
	if len(name) <= longest && edits <= min(maxEdits, len(known)-1) {
		return "a placeholder, " + gateway.Quoted(name) + ","
	}
	return "a placeholder"
}

// checkBraces refuses a header field that holds the name of a scheme in two braces: it
// would go out as it is, or not at all where it stands in a field for credentials.
func (b *builder) checkBraces(header http.Header, names []string) error {
	place, scheme := "", ""
	for _, name := range names {
		for _, value := range header[name] {
			if found := b.inTwoBraces(value); found != "" && (place == "" || name < place) {
				place, scheme = name, found
			}
		}
	}
	if place == "" {
		return nil
	}
	return errPlaceholder(headerPlace(place), "holds "+gateway.Quoted("{{"+scheme+"}}")+", which is no placeholder. Write three braces: {{{"+scheme+"}}}.")
}

// inTwoBraces finds {{name}} in a value, where name is that of a security scheme. What
// else stands in two braces is for the API, whose templates may be written so.
func (b *builder) inTwoBraces(value string) (name string) {
	for {
		_, rest, opened := strings.Cut(value, "{{")
		if !opened {
			return ""
		}
		if strings.HasPrefix(rest, "{") {
			_, value, _ = strings.Cut(rest, "}}}")
			continue
		}
		written, after, closed := strings.Cut(rest, "}}")
		if name = trim(written); closed && b.Destination.Schemes[name] != nil {
			return name
		}
		value = after
		if !closed {
			return ""
		}
	}
}

// mayHold reports whether a credential may stand anywhere in a header field: it does
// so in any case in the fields for credentials, and in its scheme's own.
func mayHold(field string, scheme *destination.SecurityScheme) bool {
	return holdsCredentials(field) || scheme.In == "header" && gateway.SameHeaderName(field, scheme.Field)
}

// isWord reports whether what stands before a placeholder is nothing, or one word:
// the name of an authentication scheme (RFC 9110 section 11.1), for example. A URL is none.
func isWord(before string) bool {
	word := strings.TrimRight(before, " \t")
	return before == "" || word != before && gateway.ValidHeaderName(word)
}

// isRepeated reports whether servers are used to write a field's value into logs and pages.
func isRepeated(field string) bool {
	return gateway.SameHeaderName(field, "User-Agent") || gateway.SameHeaderName(field, "Referer") || gateway.SameHeaderName(field, "Origin")
}

func errUnclosed(place string) error {
	return errPlaceholder(place, "opens a placeholder with {{{ and does not close it. Write {{{name}}}, with three braces on either side.")
}

func headerPlace(field string) string { return "The header " + gateway.Quoted(field) }

func errPlaceholder(place, why string) error {
	return refuse(ErrPlaceholder, place+" "+why)
}
