package destination

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// session reads x-keyrelay-session; nil when it is absent.
func (r *reader) session() *Session {
	const what = extensionPrefix + "session"
	node := r.member(r.root, what)
	if node == nil || !r.mapping(node, what) {
		return nil
	}
	session := &Session{}
	r.onlyKnown(node, what, "field", "introspectionUrl", "security", "jwksUri", "issuer", "audience", "scope", "secret", "cacheSeconds")
	session.Field, _ = r.required(node, "field", what, "write the name of the record's field that holds the session token")
	session.CacheFor = r.seconds(node, "cacheSeconds", true, maxLifetime)
	r.sessionCheck(session, node)
	return session
}

// whereGiven reads a text that may be absent, and may not be empty.
func (r *reader) whereGiven(node *yaml.Node, name, what, remedy string) string {
	if r.member(node, name) == nil {
		return ""
	}
	text, _ := r.required(node, name, what, remedy)
	return text
}

// sessionCheck reads how a session's token is checked: by exactly one of three methods.
func (r *reader) sessionCheck(session *Session, node *yaml.Node) {
	const what = extensionPrefix + "session"
	methods := slices.DeleteFunc([]string{"introspectionUrl", "jwksUri", "secret"}, func(name string) bool { return r.member(node, name) == nil })
	if len(methods) != 1 {
		r.fault(node, what+" does not name one method to check a token", "write exactly one of: introspectionUrl, jwksUri, secret")
		return
	}
	switch methods[0] {
	case "introspectionUrl":
		r.introspection(session, node)
		return
	case "jwksUri":
		session.JWKSURL = r.url(node, "jwksUri", what)
		session.Issuer, _ = r.required(node, "issuer", what, "write the iss that valid tokens have")
		session.Audience, _ = r.required(node, "audience", what, "write the aud that valid tokens have")
	case "secret":
		session.Secret = r.placedReference(r.member(node, "secret"), "secret")
		r.meansNothing(node, "jwksUri", "issuer", "audience")
	}
	r.meansNothing(node, "introspectionUrl", "security", "scope")
}

// introspection reads the call that checks a session's token (RFC 7662), and what its answer has to say.
func (r *reader) introspection(session *Session, node *yaml.Node) {
	const what = extensionPrefix + "session"
	session.IntrospectionURL = r.url(node, "introspectionUrl", what)
	var call Operation
	security := r.member(node, "security")
	r.security(&call, security)
	session.IntrospectionSecurity = call.Security
	r.checkIntrospection(security, call.Security)
	for _, scheme := range r.named(security) {
		scheme.Internal = true
	}
	session.Issuer = r.whereGiven(node, "issuer", what, "write the iss that valid tokens have, or remove it")
	session.Audience = r.whereGiven(node, "audience", what, "write the aud that valid tokens have, or remove it")
	if scope := r.whereGiven(node, "scope", what, "write the scopes that valid tokens have, or remove it"); scope != "" {
		session.Scopes = strings.Fields(scope)
	}
}

// checkIntrospection notes what only outbound calls have: client certificates, and a record whose field chooses.
func (r *reader) checkIntrospection(node *yaml.Node, security []Requirement) {
	for _, requirement := range security {
		if requirement.Scheme.Kind == MutualTLS {
			r.fault(node, "the call that checks a session presents no client certificate", "name a scheme of another type than mutualTLS")
		}
		if len(requirement.Scheme.Choosers()) > 0 {
			r.fault(node, "the call that checks a session has no record whose field could choose a credential", "name a scheme whose secret has no {field} in its pointer")
		}
	}
}

// meansNothing notes members that say something about an absent one.
func (r *reader) meansNothing(node *yaml.Node, absent string, names ...string) {
	for _, name := range names {
		if at := r.member(node, name); at != nil {
			r.fault(at, name+" means nothing without "+absent, "remove it, or write "+absent)
		}
	}
}
