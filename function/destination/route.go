package destination

import (
	"cmp"
	"slices"
	"strings"
)

// decodePath undoes the percent escapes of a path or a segment. What is not an
// escape stays as it is.
func decodePath(path string) string {
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

// A route is a segment of the path templates that are reached through a server,
// and what follows it.
type route struct {
	// literals are the next segments without expressions, escapes undone.
	literals map[string]*route
	// patterns are the next segments with expressions, the most literal first.
	patterns []pattern
	// template is the path template that ends here; empty when none does.
	template string
	// operations are those of the template.
	operations []*Operation
}

// A pattern is a segment of a path template with at least one expression.
type pattern struct {
	// literals are the texts around the expressions: one more than there are expressions.
	literals []string
	next     *route
}

// add makes the route of a path template. The template begins with "/".
func (r *route) add(template string) *route {
	for segment := range strings.SplitSeq(template[1:], "/") {
		r = r.next(splitSegment(segment))
	}
	return r
}

// next returns the route behind a segment, made where there is none yet.
func (r *route) next(literals []string) *route {
	if len(literals) == 1 {
		if r.literals == nil {
			r.literals = map[string]*route{}
		}
		if r.literals[literals[0]] == nil {
			r.literals[literals[0]] = &route{}
		}
		return r.literals[literals[0]]
	}
	position := 0
	for _, each := range r.patterns {
		if slices.Equal(each.literals, literals) {
			return each.next
		}
		if before(each.literals, literals) {
			position++
		}
	}
	made := pattern{literals, &route{}}
	r.patterns = slices.Insert(r.patterns, position, made)
	return made.next
}

// splitSegment returns the texts around the expressions of a segment, escapes undone.
func splitSegment(segment string) []string {
	var literals []string
	for {
		literal, rest, found := strings.Cut(segment, "{")
		literals = append(literals, decodePath(literal))
		if !found {
			return literals
		}
		_, segment, _ = strings.Cut(rest, "}")
	}
}

// find returns the route that an escaped path ends at: a literal segment before
// one with expressions, as OpenAPI 3.1 asks of concrete and templated paths. path is empty or begins with "/".
func (r *route) find(path string) *route {
	if path == "" {
		if r.template == "" {
			return nil
		}
		return r
	}
	segment, rest := path[1:], ""
	if end := strings.IndexByte(segment, '/'); end >= 0 {
		segment, rest = segment[:end], segment[end:]
	}
	segment = decodePath(segment)
	if next := r.literals[segment]; next != nil {
		if found := next.find(rest); found != nil {
			return found
		}
	}
	for i := range r.patterns {
		if r.patterns[i].matches(segment) {
			if found := r.patterns[i].next.find(rest); found != nil {
				return found
			}
		}
	}
	return nil
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

// before orders patterns: more literal text first, then as they are written.
func before(a, b []string) bool {
	if order := cmp.Compare(len(strings.Join(b, "")), len(strings.Join(a, ""))); order != 0 {
		return order < 0
	}
	return slices.Compare(a, b) < 0
}
