package destination

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one mistake in a document. It never holds a value that could be a secret, only
// names.
type Fault struct {
	Place
	// Problem says what is wrong.
	Problem string
	// Remedy says what to write instead.
	Remedy string
}

// String returns "file:line:column: problem; remedy", the form that editors and terminals
// turn into a link. A fault of the folder itself has no line.
func (f Fault) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s; %s", f.File, f.Problem, f.Remedy)
	}
	return fmt.Sprintf("%s:%d:%d: %s; %s", f.File, f.Line, f.Column, f.Problem, f.Remedy)
}

// Faults are all faults of all documents, by file, line and column. It is the
// error of Load.
type Faults []Fault

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the faults in the order of the documents. A fault that was found more
// than once at the same place is reported once.
func (f Faults) sorted() Faults {
	slices.SortFunc(f, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Problem, b.Problem),
			cmp.Compare(a.Remedy, b.Remedy),
		)
	})
	return slices.Compact(f)
}

// A Warning is a mistake in OpenAPI itself that turns off only what it is in: an operation,
// a server or a parameter.
type Warning struct {
	// Fault is the mistake, where it was met first.
	Fault
	// Off is what is turned off there, such as "GET /orders"; empty for nothing.
	Off string
	// Count is how often the document makes the mistake.
	Count int
	// AtStart says that the program logs it at its start too, because a request is probably
	// sent without its credential.
	AtStart bool
}

// String returns "file:line:column: problem; remedy" and what is turned off.
func (w Warning) String() string {
	switch {
	case w.Off == "":
		return w.Fault.String()
	case w.Count == 1:
		return fmt.Sprintf("%s (this switches off %s)", w.Fault, w.Off)
	}
	return fmt.Sprintf("%s (this switches off %s and %d more)", w.Fault, w.Off, w.Count-1)
}

// summarize returns one warning for each cause of a document, in the document's order.
func summarize(warnings []Warning) []Warning {
	at := map[[2]string]int{}
	var summary []Warning
	for _, each := range warnings {
		key := [2]string{each.Problem, each.Remedy}
		if i, met := at[key]; met {
			summary[i].Count++
			continue
		}
		at[key] = len(summary)
		summary = append(summary, each)
	}
	slices.SortStableFunc(summary, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return summary
}

// printable bounds a name that is shown in a fault.
func printable(name string) string {
	clean := strings.Map(func(c rune) rune {
		if isControl(c) {
			return '?'
		}
		return c
	}, name)
	if len(clean) > 80 {
		clean = strings.ToValidUTF8(clean[:80], "") + "..."
	}
	return clean
}
