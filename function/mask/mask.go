// Package mask takes a credential out of an answer that echoes it.
//
//	masker := mask.New(secret) // once for each credential
//	if masker.Mask(response) {
//		// the answer held the secret; *** stands there now
//	}
package mask

import (
	"slices"

	"keyrelay/function/gateway"
)

// hidden stands where a credential was. It is shorter than any pattern, so that
// an answer is masked in place.
const hidden = "***"

// A Masker finds many patterns in one pass, by the algorithm of Sun Wu and Udi
// Manber, "A fast algorithm for multi-pattern searching", 1994: it looks at two
// bytes and mostly skips the rest of a window.
type Masker struct {
	// patterns are what is looked for, the longest first.
	patterns func() []string
	// window is the length of the shortest pattern, and maxWindow at most.
	window int
	// shift says how far the window may move when it ends with two bytes.
	shift [1 << 16]uint8
}

// maxWindow keeps the building of a masker cheap where every pattern is long.
const maxWindow = 64

// New returns a Masker for every encoding of the secrets. One that is too short to
// be told from ordinary text is left alone; where all are, the Masker is nil.
func New(secrets ...string) *Masker {
	patterns := patternsOf(secrets)
	if len(patterns) == 0 {
		return nil
	}
	slices.SortFunc(patterns, func(a, b string) int { return len(b) - len(a) })
	m := &Masker{patterns: func() []string { return patterns }}
	m.window = min(len(patterns[len(patterns)-1]), maxWindow)
	for i := range m.shift {
		m.shift[i] = uint8(m.window - 1)
	}
	for _, pattern := range patterns {
		for end := 2; end <= m.window; end++ {
			at := block(pattern[end-2], pattern[end-1])
			m.shift[at] = min(m.shift[at], uint8(m.window-end))
		}
	}
	return m
}

func block(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// Mask replaces every pattern in the answer's header values and body, in place,
// and reports whether there was any. A nil Masker finds nothing.
func (m *Masker) Mask(response *gateway.Response) bool {
	if m == nil {
		return false
	}
	body, found := maskText(m, response.Body)
	response.Body = body
	for _, values := range response.Header {
		for i, value := range values {
			if start, _ := next(m, value, 0); start >= 0 {
				masked, _ := maskText(m, []byte(value))
				values[i], found = string(masked), true
			}
		}
	}
	return found
}

// maskText replaces every pattern, in place.
func maskText(m *Masker, text []byte) ([]byte, bool) {
	start, end := next(m, text, 0)
	if start < 0 {
		return text, false
	}
	masked := text[:start]
	for start >= 0 {
		masked = append(masked, hidden...)
		from := end
		start, end = next(m, text, from)
		if start < 0 {
			masked = append(masked, text[from:]...)
		} else {
			masked = append(masked, text[from:start]...)
		}
	}
	return masked, true
}

// next finds the first pattern at or after from, and where several begin there
// the longest; start is -1 where there is none.
func next[T string | []byte](m *Masker, text T, from int) (start, end int) {
	for at := from + m.window; at <= len(text); {
		if shift := int(m.shift[block(text[at-2], text[at-1])]); shift > 0 {
			at += shift
			continue
		}
		start = at - m.window
		for _, pattern := range m.patterns() {
			if len(pattern) <= len(text)-start && string(text[start:start+len(pattern)]) == pattern {
				return start, start + len(pattern)
			}
		}
		at++
	}
	return -1, 0
}
