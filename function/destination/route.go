package destination

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// Unescape decodes the percent escapes of a part of a URL. What is not an escape stays as
// it is, which is how lenient servers read it.
func Unescape(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		value, ok := unhex(path[i:])
		if !ok {
			decoded = append(decoded, path[i])
			continue
		}
		decoded = append(decoded, value)
		i += 2
	}
	return string(decoded)
}

// cutPrefix returns what of an escaped path follows a decoded prefix. The prefix
// ends on a segment's boundary. Escapes are undone while comparing, because a
// downstream does so too: /%76%32 is /v2. A slash inside a segment (%2F) is never
// a boundary.
func cutPrefix(path, prefix string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(path, prefix); ok {
		return rest, rest == "" || rest[0] == '/'
	}
	i := 0
	for j := range len(prefix) {
		if i == len(path) {
			return "", false
		}
		c, width := path[i], 1
		if value, escaped := unhex(path[i:]); escaped && value != '/' {
			c, width = value, 3
		}
		if c != prefix[j] {
			return "", false
		}
		i += width
	}
	rest = path[i:]
	return rest, rest == "" || rest[0] == '/'
}

// A node is a segment of the path templates that are reached through a server,
// and what follows it.
type node struct {
	// literals are the next segments without expressions, escapes undone.
	literals map[string]*node
	// folded holds the literals by what servers may take for them.
	folded map[string][]*node
	// patterns are the next segments with expressions, the most literal first.
	patterns []pattern
	// entries are the operations whose path ends here.
	entries []entry
	// off says why nothing is known of the operations of a path that ends here.
	off *Fault
}

// An entry is an operation in its place.
type entry struct {
	*Operation
	place Place
	// id is the operationId.
	id string
	// off says why the operation is switched off; nil if it is not.
	off *Fault
}

// publishes reports whether a vendor publishes an operation in another document of
// its own too: both have an operationId, as published ones do, and nothing that an
// operator writes differs. Some vendors' documents overlap, under other names even.
func (e entry) publishes(other entry) bool {
	mine, theirs := e.Operation, other.Operation
	return e.id != "" && other.id != "" && e.Destination.agrees(other.Destination) &&
		mine.Timeout == theirs.Timeout && mine.Batch == theirs.Batch && mine.BatchConcurrency == theirs.BatchConcurrency && mine.BatchMax == theirs.BatchMax &&
		reflect.DeepEqual(mine.Body, theirs.Body)
}

// named lists the secrets of an operation's schemes that its document names, sorted.
func (e entry) named() (named []string) {
	e.Requires(func(scheme *SecurityScheme) bool {
		if scheme.Secret != e.Destination.defaultReference(scheme.Name) && scheme.Secret != (Reference{}) {
			named = append(named, scheme.Secret.String())
		}
		return false
	})
	slices.Sort(named)
	return slices.Compact(named)
}

// agrees reports whether two documents send with the same settings and for the same callers.
func (d *Destination) agrees(other *Destination) bool {
	return d.Network == other.Network && d.CA == other.CA && d.AuxiliaryTimeout == other.AuxiliaryTimeout && d.AnyRecordType == other.AnyRecordType &&
		reflect.DeepEqual(d.Session, other.Session) && reflect.DeepEqual(d.Callers, other.Callers)
}

// operation returns the operation for a method, or why it is switched off; both are nil
// where it is not declared.
func (n *node) operation(method string) (*Operation, *Fault) {
	off := n.off
	for _, each := range n.entries {
		if each.Method != method {
			continue
		}
		if off = each.off; off == nil {
			return each.Operation, nil
		}
	}
	return nil, off
}

func (n *node) methods() []string {
	methods := make([]string, 0, len(n.entries))
	for _, each := range n.entries {
		if each.off == nil {
			methods = append(methods, each.Method)
		}
	}
	slices.Sort(methods)
	return methods
}

// A pattern is a segment of a path template with at least one expression.
type pattern struct {
	// literals are the texts around the expressions: one more than there are expressions.
	literals []string
	next     *node
}

// add makes the node at which a path template ends. The template begins with "/".
func (n *node) add(template string) *node {
	for segment := range strings.SplitSeq(template[1:], "/") {
		n = n.next(splitSegment(segment))
	}
	return n
}

// next returns the node behind a segment, made if there is none yet.
func (n *node) next(literals []string) *node {
	if len(literals) == 1 {
		if n.literals == nil {
			n.literals, n.folded = map[string]*node{}, map[string][]*node{}
		}
		if n.literals[literals[0]] == nil {
			made := &node{}
			n.literals[literals[0]] = made
			n.folded[fold(literals[0])] = append(n.folded[fold(literals[0])], made)
		}
		return n.literals[literals[0]]
	}
	at, found := slices.BinarySearchFunc(n.patterns, literals, pattern.compare)
	if !found {
		n.patterns = slices.Insert(n.patterns, at, pattern{literals, &node{}})
	}
	return n.patterns[at].next
}

// join adds the operations of another document's node. Of two that can both be used
// for the same method, choose says which one stays.
func (n *node) join(other *node, choose func(mine, theirs entry) entry) {
	for _, theirs := range other.entries {
		same := func(mine entry) bool { return mine.Method == theirs.Method && mine.off == nil && theirs.off == nil }
		if at := slices.IndexFunc(n.entries, same); at >= 0 {
			n.entries[at] = choose(n.entries[at], theirs)
			continue
		}
		n.entries = append(n.entries, theirs)
	}
	if n.off == nil {
		n.off = other.off
	}
	for literal, next := range other.literals {
		n.next([]string{literal}).join(next, choose)
	}
	for _, each := range other.patterns {
		n.next(each.literals).join(each.next, choose)
	}
}

// splitSegment returns the texts around the expressions of a segment, escapes undone.
func splitSegment(segment string) []string {
	var literals []string
	for {
		literal, rest, found := strings.Cut(segment, "{")
		literals = append(literals, Unescape(literal))
		if !found {
			return literals
		}
		_, segment, _ = strings.Cut(rest, "}")
	}
}

// find returns the node that an escaped path ends at: a literal segment before
// one with expressions, as OpenAPI 3.1 asks of concrete and templated paths. A path
// that servers could take for one with more literal segments ends nowhere: it would
// be sent as another operation than it is. One with an extension is no such path if a
// template says so, as report.{format} does beside report. path is empty or begins with "/".
func (n *node) find(path string) *node {
	if path == "" {
		if len(n.entries) == 0 && n.off == nil {
			return nil
		}
		return n
	}
	segment, rest := cutSegment(path)
	if next := n.literals[segment]; next != nil {
		if found := next.find(rest); found != nil {
			return found
		}
	}
	if len(n.patterns) == 0 {
		return nil
	}
	folded, stem := lenient(segment)
	if accept(n.folded[folded], rest) {
		return nil
	}
	resembles := accept(n.folded[stem], rest)
	for i := range n.patterns {
		each := &n.patterns[i]
		if !each.matches(segment) || resembles && (stem == "" || !strings.HasPrefix(fold(each.literals[0]), stem)) {
			continue
		}
		if found := each.next.find(rest); found != nil {
			return found
		}
	}
	return nil
}

// cutSegment returns a path's first segment, escapes undone, and what follows it.
func cutSegment(path string) (segment, rest string) {
	segment = path[1:]
	if end := strings.IndexByte(segment, '/'); end >= 0 {
		segment, rest = segment[:end], segment[end:]
	}
	return Unescape(segment), rest
}

// lenient returns what servers may take a segment for, with its extension and without.
func lenient(segment string) (folded, stem string) {
	folded = fold(segment)
	stem, _, _ = strings.Cut(folded, ".")
	return folded, stem
}

// accept reports whether servers could find an operation at a path behind one of some nodes.
func accept(nodes []*node, path string) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool { return n.accepts(path) })
}

// accepts reports whether servers could find an operation at a path.
func (n *node) accepts(path string) bool {
	if path == "" {
		return len(n.entries) > 0 || n.off != nil
	}
	segment, rest := cutSegment(path)
	folded, stem := lenient(segment)
	return accept(n.folded[folded], rest) || accept(n.folded[stem], rest) || slices.ContainsFunc(n.patterns, func(p pattern) bool { return p.matches(segment) && p.next.accepts(rest) })
}

// matches reports whether a segment is the pattern with each expression filled by at least one byte.
func (p *pattern) matches(segment string) bool {
	last := len(p.literals) - 1
	rest, ok := strings.CutPrefix(segment, p.literals[0])
	if !ok {
		return false
	}
	for _, literal := range p.literals[1:last] {
		if rest == "" {
			return false
		}
		at := strings.Index(rest[1:], literal)
		if at < 0 {
			return false
		}
		rest = rest[1+at+len(literal):]
	}
	return len(rest) > len(p.literals[last]) && strings.HasSuffix(rest, p.literals[last])
}

// compare orders patterns: more literal text first, then as they are written.
func (p pattern) compare(literals []string) int {
	return cmp.Or(cmp.Compare(len(strings.Join(literals, "")), len(strings.Join(p.literals, ""))), slices.Compare(p.literals, literals))
}
