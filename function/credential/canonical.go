package credential

import (
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/retrieval"
)

// canonicalPairs are the parameters of a query or a form as signatures are made over them.
func canonicalPairs(query string) (pairs []string) {
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			pairs = append(pairs, canonicalPair(unescapeQuery(name), unescapeQuery(value)))
		}
	}
	return pairs
}

func canonicalPair(name, value string) string {
	return retrieval.EscapeQuery(name) + "=" + retrieval.EscapeQuery(value)
}

func unescapeQuery(text string) string {
	return destination.Unescape(strings.ReplaceAll(text, "+", " "))
}

// joinSorted joins pairs by their names and then their values. "=" sorts behind "-" and
// digits, which a longer name may go on with, and so it does not separate them.
func joinSorted(pairs []string) string {
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, valueA, _ := strings.Cut(a, "=")
		nameB, valueB, _ := strings.Cut(b, "=")
		if byName := strings.Compare(nameA, nameB); byName != 0 {
			return byName
		}
		return strings.Compare(valueA, valueB)
	})
	return strings.Join(pairs, "&")
}
