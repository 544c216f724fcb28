package destination

import (
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// Nearest returns the known name that a written one is nearest to, and how many letters
// would have to be changed, added, taken out or swapped with the next to make it that one.
// What Letters leaves out does not count. Of names as near the first counts.
func Nearest(written string, known ...string) (name string, edits int) {
	const compared = 100 // bytes, which is more than any known name has
	written = Letters(written[:min(len(written), compared)])
	for _, each := range known {
		right := Letters(each)
		if name != "" && (len(right)-len(written) >= edits || len(written)-len(right) >= edits) {
			continue
		}
		if distance := distance(written, right); name == "" || distance < edits {
			name, edits = each, distance
		}
	}
	return name, edits
}

// Letters returns a name without what is often mistaken in it: letter case, hyphens,
// underscores and dots.
func Letters(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c == '.' {
			return -1
		}
		return unicode.ToLower(c)
	}, name)
}

// distance is the optimal string alignment distance of two texts.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			substitution := last[j]
			if a[i] != b[j] {
				substitution++
			}
			row[j+1] = min(substitution, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// near returns the known name that a wrong one was most likely meant to be; empty where it
// is one of them, or near none. The longer a name is, the more of its letters may be wrong.
func near(written string, known ...string) (meant string) {
	if slices.Contains(known, written) {
		return ""
	}
	meant, edits := Nearest(written, known...)
	letters := len(Letters(strings.TrimPrefix(meant, itentialPrefix)))
	if edits > min(letters/3, 1+letters/6) {
		return ""
	}
	return meant
}

// checkMeant notes members that were meant to be one of the known. Others may be a vendor's own.
func (r *reader) checkMeant(node *yaml.Node, what string, known ...string) {
	for _, each := range r.members(node, what) {
		if meant := near(each.key.Value, known...); meant != "" {
			r.fault(each.key, printable(each.key.Value)+" is not known in "+what, "write "+meant+", or remove it")
		}
	}
}

// checkMisspelt notes the members that were meant to be a known one which the mapping does
// not have. OpenAPI has no other members but x-*. At the document itself it is a fault,
// since all its requests would be others than those that were meant.
func (r *reader) checkMisspelt(node *yaml.Node, of string, known ...string) {
	if node = resolve(node); node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for _, each := range r.members(node, of) {
		name := each.key.Value
		meant := near(name, known...)
		if meant == "" || strings.HasPrefix(name, "x-") || r.member(node, meant) != nil {
			continue
		}
		problem := printable(name) + " is no member of " + of + " in OpenAPI"
		if of == documentLevel {
			r.fault(each.key, problem, "write "+meant)
		} else {
			r.warnAtStart(each.key, problem+", and is not read", "write "+meant)
		}
	}
}
