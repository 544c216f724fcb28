package destination

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// security reads a list of security requirements and sets what is attached of it:
// one of the alternatives whose schemes can all be filled. An empty list, and {}, ask for none.
func (r *reader) security(operation *Operation, node *yaml.Node) {
	items := r.items(node, "security")
	var fillable [][]Requirement
	var wrong []Fault
	var unfilled []string
	for _, item := range items {
		var alternative []Requirement
		found := r.tolerate(func() { alternative = r.alternative(item) })
		wrong = append(wrong, found...)
		if len(found) == 0 && !slices.ContainsFunc(alternative, func(q Requirement) bool { return q.Scheme.Kind == Unsupported }) {
			fillable = append(fillable, alternative)
		}
		for _, each := range alternative {
			if name := printable(each.Scheme.Name); each.Scheme.Kind == Unsupported && !slices.Contains(unfilled, name) {
				unfilled = append(unfilled, name)
			}
		}
	}
	switch {
	case len(fillable) > 0 && r.tolerated != nil:
		r.warn("an alternative of security", wrong...)
	case len(wrong) > 0:
		r.note(wrong...)
	case len(fillable) == 0 && len(items) > 0:
		r.fault(node, "keyrelay can fill none of these security requirements: it makes no credential for "+strings.Join(unfilled, ", "),
			"write an alternative with apiKey, http basic or bearer, oauth2 with a tokenUrl, openIdConnect or mutualTLS")
	}
	operation.Security, operation.Alternatives = r.choose(node, fillable)
}

// sharedSecurity reads the document's own security. If a scheme that it names is
// wrong, that is what is reported.
func (r *reader) sharedSecurity(shared *Operation) *Fault {
	node := r.member(r.root, "security")
	wrong := r.tolerate(func() { r.security(shared, node) })
	if len(wrong) == 0 {
		return nil
	}
	named := r.named(node)
	for _, warning := range r.warnings {
		if slices.ContainsFunc(named, func(s *SecurityScheme) bool { return warning.Off == schemeWords+s.Name }) {
			return &warning.Fault
		}
	}
	return &wrong[0]
}

// choose decides among alternatives, as far as the document does: for the first
// whose schemes all name their secret. Otherwise it depends on which secrets exist.
func (r *reader) choose(node *yaml.Node, fillable [][]Requirement) ([]Requirement, *Alternatives) {
	lists := slices.DeleteFunc(slices.Clone(fillable), func(list []Requirement) bool { return len(list) == 0 })
	anonymous := len(lists) < len(fillable)
	if len(lists) == 0 {
		return nil, nil
	}
	unnamed := func(q Requirement) bool { return !r.namesSecret[q.Scheme] }
	own := slices.IndexFunc(lists, func(list []Requirement) bool { return !slices.ContainsFunc(list, unnamed) })
	switch {
	case len(fillable) == 1:
		return lists[0], nil
	case own >= 0:
		r.decide(node, words(lists[own])+": the first alternative whose schemes all have "+extensionPrefix+"secret")
		return lists[own], nil
	}
	options := make([]string, len(lists))
	for i, each := range lists {
		options[i] = words(each)
	}
	if anonymous {
		lists, options = append(lists, nil), append(options, "nothing")
	}
	r.decide(node, strings.Join(options, ", else ")+": the first whose secrets exist, found out at first use")
	return lists[0], &Alternatives{lists}
}

func words(list []Requirement) string {
	names := make([]string, len(list))
	for i, each := range list {
		names[i] = printable(each.Scheme.Name)
	}
	return strings.Join(names, " with ")
}

// decide notes how alternatives are decided.
func (r *reader) decide(node *yaml.Node, text string) {
	d := r.destination
	at := slices.IndexFunc(d.Choices, func(c Choice) bool { return c.Text == text })
	if at < 0 {
		at = len(d.Choices)
		d.Choices = append(d.Choices, Choice{Place: r.place(node), Text: text})
	}
	d.Choices[at].Count++
}

func (r *reader) alternative(node *yaml.Node) (requirements []Requirement) {
	for _, each := range r.members(node, "this security requirement") {
		scheme := r.destination.Schemes[each.key.Value]
		if scheme == nil {
			r.unknownScheme(each.key)
			continue
		}
		r.attached[scheme] = true
		requirement := Requirement{Scheme: scheme}
		for _, scope := range r.items(each.value, "the scopes of this security requirement") {
			if text, ok := r.text(scope, "this scope"); ok {
				requirement.Scopes = append(requirement.Scopes, text)
				r.checkScope(scope, scheme)
			}
		}
		requirements = append(requirements, requirement)
	}
	all := slices.Clone(requirements)
	requirements = slices.DeleteFunc(requirements, func(q Requirement) bool { return r.isRepeated(q, all) })
	r.checkPlaces(node, requirements)
	return requirements
}

// checkPlaces warns of schemes that are asked for together and have one place: whoever
// wrote them so meant alternatives.
func (r *reader) checkPlaces(node *yaml.Node, requirements []Requirement) {
	for i, each := range requirements {
		one := each.Scheme
		for _, other := range requirements[i+1:] {
			if other := other.Scheme; one.In != "" && one.In == other.In && one.Field == other.Field {
				a, b := printable(one.Name), printable(other.Name)
				r.warnAtStart(node, a+" and "+b+" are asked for together and go into one place, in: "+one.In+", name: "+printable(one.Field)+", which holds one of them",
					"write them as alternatives, [{"+a+": []}, {"+b+": []}], or name only one")
			}
		}
	}
}

// checkScope warns of a scope that is nearly one of the flow's. Others are left alone, since
// many a document lists only some.
func (r *reader) checkScope(scope *yaml.Node, scheme *SecurityScheme) {
	if scheme.Flow == nil || len(scheme.Flow.Scopes) == 0 || slices.Contains(scheme.Flow.Scopes, scope.Value) {
		return
	}
	if nearest, edits := Nearest(scope.Value, scheme.Flow.Scopes...); edits <= 2 {
		r.warnAtStart(scope, "the flow has no scope "+printable(scope.Value), "write "+printable(nearest)+", or declare it under scopes")
	}
}

// isRepeated reports whether a requirement asks for the token of an implicit flow beside one
// of another flow: documents made from others describe one authorization by a scheme for
// each flow, and ask for all of them. The one that a program can retrieve fills the header.
func (r *reader) isRepeated(requirement Requirement, all []Requirement) bool {
	return r.implicit[requirement.Scheme] && !r.namesSecret[requirement.Scheme] &&
		slices.ContainsFunc(all, func(q Requirement) bool { return q.Scheme.Kind == OAuth2 })
}

// named lists the schemes that any alternative of security names. What is wrong with
// the list is reported by security.
func (r *reader) named(node *yaml.Node) (named []*SecurityScheme) {
	r.tolerate(func() {
		for _, alternative := range r.items(node, "security") {
			for _, each := range r.members(alternative, "this security requirement") {
				if scheme := r.destination.Schemes[each.key.Value]; scheme != nil && !slices.Contains(named, scheme) {
					named = append(named, scheme)
				}
			}
		}
	})
	return named
}

// placeholders lists the schemes that callers may ask for where security names these.
func placeholders(named []*SecurityScheme) []*SecurityScheme {
	return slices.DeleteFunc(named, func(s *SecurityScheme) bool { return s.Internal })
}

func (r *reader) unknownScheme(key *yaml.Node) {
	remedy := "declare it under components.securitySchemes"
	if like, _ := Nearest(key.Value, slices.Sorted(maps.Keys(r.destination.Schemes))...); like != "" {
		remedy += ", or write " + printable(like)
	}
	r.fault(key, "the security scheme "+printable(key.Value)+" is not declared", remedy)
}

// checkUnused notes schemes of the operator's own that no security names: a forgotten or
// misspelled security sends requests without them. An empty security of the document says
// that callers alone ask for them.
func (r *reader) checkUnused() {
	if security := r.member(r.root, "security"); security != nil && security.Kind == yaml.SequenceNode && len(security.Content) == 0 {
		return
	}
	used := map[*SecurityScheme]bool{}
	for scheme := range r.attached {
		for _, each := range scheme.MadeWith() {
			used[each] = true
		}
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(r.destination.Schemes)) {
		scheme := r.destination.Schemes[name]
		switch node := r.own[scheme]; {
		case used[scheme] || scheme.Internal:
		case node != nil:
			r.warnUnused(node, name)
		case len(used) == 0 && scheme.Kind != Unsupported:
			others = append(others, name)
		}
	}
	if len(others) > 0 { // where some are used, a vendor's document may have more of them
		r.warnUnused(r.declared[r.destination.Schemes[others[0]]], strings.Join(others, ", "))
	}
}

// warnUnused notes schemes that no security names.
func (r *reader) warnUnused(node *yaml.Node, names string) {
	names = printable(names)
	first, _, _ := strings.Cut(names, ",")
	r.warnAtStart(node, "no security names "+names+", so that no request is given its credential, unless a caller's placeholder asks for it",
		"write security: [{"+first+": []}] at the top or on an operation, or security: [] at the top where callers alone ask for it")
}
