package plan

import (
	"net/http"
	"strconv"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// maxPlaceholders is how many placeholders a request may hold: each can stand for
// 64 KB, and no API asks for its credential that often.
const maxPlaceholders = 16

// A Fill is a forwarded header field whose value holds {{{name}}} placeholders:
// package credential replaces each by the credential of that security scheme.
type Fill struct {
	// Field is the canonical header name; Header does not hold it.
	Field string
	Parts []FillPart
}

// A FillPart is a literal text or, where Scheme is not nil, that scheme's credential.
type FillPart struct {
	Literal string
	Scheme  *destination.SecurityScheme
}

// placeholders counts those in the caller's header fields of these names.
func placeholders(header http.Header, names []string) int {
	count := 0
	for _, name := range names {
		for _, value := range header[name] {
			count += strings.Count(value, "{{{")
		}
	}
	return count
}

// newFill finds the placeholders of one of the caller's header fields.
func newFill(api *destination.Destination, field string, values []string) (Fill, error) {
	if len(values) > 1 {
		return Fill{}, errPlaceholder(field, "holds a placeholder and is sent more than once. Send it once.")
	}
	fill := Fill{Field: field}
	value := values[0]
	for {
		literal, rest, found := strings.Cut(value, "{{{")
		if literal != "" {
			fill.Parts = append(fill.Parts, FillPart{Literal: literal})
		}
		if !found {
			return fill, nil
		}
		name, after, closed := strings.Cut(rest, "}}}")
		scheme := api.Schemes[name]
		if !closed || scheme == nil {
			return Fill{}, errPlaceholder(field, "holds a placeholder that names no security scheme of the destination. Write {{{name}}} with one of its schemes.")
		}
		if !hasText(scheme.Kind) {
			return Fill{}, errPlaceholder(field, "holds a placeholder whose security scheme has no text to put there. Name another scheme.")
		}
		fill.Parts = append(fill.Parts, FillPart{Scheme: scheme})
		value = after
	}
}

// hasText reports whether a credential of this kind is a text that can stand in a header.
func hasText(kind destination.Kind) bool {
	switch kind {
	case destination.MutualTLS, destination.AWSSignatureV4, destination.Unsupported:
		return false
	}
	return true
}

func errPlaceholder(field, why string) error {
	return &gateway.Refusal{Reason: ErrPlaceholder, Detail: "The header " + strconv.Quote(field) + " " + why}
}
