package plan

import (
	"bytes"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// The operation is what is sent: a caller may not name a header field, or a query
// parameter, by which frameworks, gateways and proxies let a request say that it has
// another method, path, host, user or client address than it seems to have. The names
// were gathered from frameworks' and proxies' documentation and from the lists that
// testers of access control use; they come in families, so what counts is the words
// that they are made of.

// checkOverrides refuses such names among those that the caller gives.
func (b *builder) checkOverrides(query string, moves []move) error {
	for _, m := range moves {
		switch {
		case m.to == toHeader && overrides(b.Operation, m.name):
			return errHeaderName(m.field, m.name, "is a header by which servers can see another request than the operation, and the operation declares no such parameter. Choose another.")
		case m.to == toQuery && overridesInQuery(b.Operation, m.name):
			return refuse(ErrHeader, queryFieldsHeader+": "+gateway.Quoted(m.name)+" is a query parameter by which servers can see another method, path or user than the operation's, and the operation declares none of that name. Leave it in the record.", m.field)
		}
	}
	if name := overrideIn(query, func(name string) bool { return overridesInQuery(b.Operation, name) }); name != "" {
		return refuse(ErrURL, "The outbound URL has the query parameter "+gateway.Quoted(name)+", by which servers can see another method, path or user than the operation's, and the operation declares none of that name. Take it out, and send the method that you mean.")
	}
	return nil
}

func errSpread(field, name string) error {
	return refuse(ErrFieldNotScalar, "A member of the object would become the query parameter "+gateway.Quoted(name)+", by which servers can see another method, path or user than the operation's. Take it out of the field "+gateway.Quoted(field)+".", field)
}

// overrides reports whether servers could read a header field as such a name, unless
// the operation declares it, as a parameter or as the field of a scheme of its own.
func overrides(operation *destination.Operation, name string) bool {
	return isOverride(name) && !declares(operation, "header", name, gateway.SameHeaderName)
}

// overridesInQuery reports the same of a query parameter. Where the document has no
// paths, every method and path is the operation's.
func overridesInQuery(operation *destination.Operation, name string) bool {
	return operation.Path != "" && isQueryOverride(name) && !declares(operation, "query", name, func(a, b string) bool { return a == b })
}

func declares(operation *destination.Operation, in, name string, same func(a, b string) bool) bool {
	return slices.ContainsFunc(operation.Parameters, func(p destination.Parameter) bool { return p.In == in && same(p.Name, name) }) ||
		slices.ContainsFunc(operation.Placeholders, func(s *destination.SecurityScheme) bool { return s.In == in && same(s.Field, name) })
}

// overrideIn returns the first name in a query, or in a form of pairs, that is an override;
// empty if there is none. Some servers take semicolons for ampersands.
func overrideIn(pairs string, isOverride func(name string) bool) string {
	for pair := range strings.FieldsFuncSeq(pairs, func(r rune) bool { return r == '&' || r == ';' }) {
		if name := destination.ParameterName(pair); isOverride(name) {
			return name
		}
	}
	return ""
}

// isQueryOverride reports whether servers read a query parameter as the request's method,
// path or user: _method, X-HTTP-Method-Override, $httpMethod, _url, sudo and the like.
// A plain method or url is any API's own.
func isQueryOverride(name string) bool {
	var store [64]byte
	words, marked := queryWords(store[:0], name)
	switch string(words) {
	case "url", "uri", "route", "path", "controller", "method", "verb", "switchuser":
		return marked
	case "restroute", "psmethod", // WordPress, PrestaShop
		"sudo", "doas", "runas", "actas", "asuser", "asuserid", "onbehalfof", "impersonate", "impersonateuser", "impersonateuserid":
		return true
	}
	return bytes.Contains(words, []byte("httpmethod")) || bytes.Contains(words, []byte("methodoverride")) || bytes.Contains(words, []byte("overridemethod"))
}

// isFormOverride reports whether servers read the member of a form as the request's method,
// path or user. Those are few names, and what a document declares of a body is not known here,
// so http_method and payment_method_override are any API's own.
func isFormOverride(name string) bool {
	var store [64]byte
	words, marked := queryWords(store[:0], name)
	rest, hasX := bytes.CutPrefix(words, []byte("x"))
	switch string(rest) {
	case "method", "verb", "switchuser":
		return marked
	case "httpmethod":
		return marked || hasX
	}
	return slices.Contains([]string{"httpmethodoverride", "methodoverride", "overridemethod", "restroute", "psmethod"}, string(rest))
}

// queryWords appends a parameter's name as one word, and reports whether a mark stands before it.
func queryWords(words []byte, name string) (_ []byte, marked bool) {
	name, _, _ = strings.Cut(strings.TrimLeft(strings.TrimSpace(name), "[]"), "\x00") // a bracket begins no name
	words = gateway.FoldHeaderName(words, name)
	marked = bytes.HasPrefix(words, []byte("-"))
	return slices.DeleteFunc(words, func(c byte) bool { return c == '-' }), marked
}

// isOverride reports whether a header field's name belongs to one of the families.
func isOverride(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Type", "Idempotency-Key", "Traceparent", "User-Agent", "X-Request-Id":
		return false // in nearly every request, and of no family
	}
	var store [64]byte
	rest, hasX := bytes.CutPrefix(gateway.FoldHeaderName(store[:0], name), []byte("x-"))
	if isVariable(rest) {
		return true
	}
	var word, before []byte
	if hasX {
		before = []byte("x")
	}
	if http, found := bytes.CutPrefix(rest, []byte("http-")); found {
		rest, before = http, []byte("http")
	}
	// about says that a word names what a request is about, and plain that all others
	// only say whose it is: X-Base-Url is an override, X-Callback-Url is not.
	about, plain := false, true
	for first := true; len(rest) > 0; first = false {
		word, rest, _ = bytes.Cut(rest, []byte("-"))
		if isPair(before, word) {
			return true
		}
		switch before = word; classify(word) {
		case decisive:
			return true
		case decisiveFirst:
			if first {
				return true
			}
			plain = false
		case address:
			if first || len(rest) == 0 {
				return true
			}
			plain = false
		case subject:
			about = true
		case other:
			plain = false
		}
	}
	return about && plain
}

// A wordKind says what a word tells of the name that it is in.
type wordKind int

const (
	other wordKind = iota
	// decisive words make a name an override wherever they stand.
	decisive
	// decisiveFirst do so at the beginning.
	decisiveFirst
	// address does so at either end.
	address
	// subject is what a request is about, and possessive whose that is.
	subject
	possessive
)

func classify(word []byte) wordKind {
	switch string(word) {
	case "override", "rewrite", "rewritten", "original", "originally", "originating", "orig", "remote", "authenticated", "principal", "userinfo", "msisdn",
		"impersonate", "impersonated", "impersonation", "sudo", "runas", "doas", "clientcert", "fdid", "realip", "socketip", "ipaddress", "vhost", "urlscheme", "proxyuser", "requesturi", "requestverb", "destinationurl",
		"mscrmcallerid", "callerobjectid", "proxied", "proxiedentitieschain", "proxiedentity", "obo", "authuser": // APIs that act for others
		return decisive
	case "proxy", "xproxy", "envoy", "ssl", "https", "cert", "cf", // proxies, and the certificate that they saw
		"middleware", "invoke", "matched", "replaced", "now", "iisnode", "waws", "arr", "accel", "sendfile", // frameworks and servers that rewrite
		"akamai", "appengine", "cloudscheduler", "cloudtasks", "dapr", "fd", "hasura", "l5d", "wl", // hosts, meshes and gateways
		"webauth", "authentik", "authelia", "pomerium", "tailscale", "shib", "mellon", "oidc", "sm", "iv", "oam", "osso", "vouch", "spiffe": // single sign-on
		return decisiveFirst
	case "ip":
		return address
	case "method", "verb", "uri", "url", "path", "host", "hostname", "port", "scheme", "proto", "addr", "user", "username":
		return subject
	case "http", "request", "requested", "real", "base", "full", "server", "source", "src", "target", "backend", "virtual", "gateway", "upstream", "req", "verified", "context", "local", "peer", "ajax", "unencoded",
		"destination", "origin", "ingress", "restli", "tunnel", "webdav", "credential", "presto", "trino", "sso", "saml", "ldap", "idp", "trusted", "effective", "acting", "delegate", "delegated", "switch", "logon", "disguised":
		return possessive
	}
	if bytes.HasPrefix(word, []byte("forward")) || bytes.Contains(word, []byte("clientip")) || bytes.Contains(word, []byte("clientaddr")) {
		return decisive
	}
	return other
}

func isPair(before, word []byte) bool {
	var store [64]byte
	switch string(append(append(append(store[:0], before...), '-'), word...)) {
	case "x-client", "http-method", "http-path",
		"request-method", "request-verb", "request-uri", "request-url", "request-path",
		"auth-request", "auth-type", "auth-subject", "auth-group", "auth-groups", "auth-role", "auth-roles",
		"consumer-username", "consumer-custom", "consumer-groups", "consumer-id", "anonymous-consumer",
		"credential-identifier", "jwt-assertion", "jwt-payload", "jwt-claim", "ip-authorization", "peer-certificate",
		"fastly-ssl", "fastly-ff", "fastly-client", "fastly-temp",
		"ms-token", "ms-proxy", // Azure's App Service
		"as-user", "as-admin", "assume-user", "switch-user", "api-username", "auth-assertion", "select-user", "select-admin", "act-as", "run-as", "behalf-of", // a user for whom an API acts
		"goog-iap",                                                                       // its Identity-Aware Proxy
		"copy-source", "copy-from", "rename-source", "object-manifest", "symlink-target", // another object
		"function-definition", "function-routing", // another function
		"couchdb-username", "couchdb-roles", "authentication-user", "admin-user",
		"tls-client", "tls-verified", "coming-from",
		"calling-line", // a telephone's
		"host-name", "user-name", "user-info", "user-group", "user-groups", "user-role", "user-roles",
		"client-address", "client-addr", "client-host", "client-port", "client-cert", "client-dn", "client-verify", "client-user":
		return true
	}
	return string(before) == "auth" && bytes.HasPrefix(word, []byte("user"))
}

// isVariable knows the variables of CGI (RFC 3875 section 4.1) and of servers that
// no single word tells.
func isVariable(folded []byte) bool {
	switch string(folded) {
	case "path-info", "path-translated", "script-name", "script-filename", "query-string", "querystring", "server-name", "server-port", "front-end-https", "https", "cf-url", "translate":
		return true
	}
	return false
}
