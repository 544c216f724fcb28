package destination

import (
	"cmp"
	"crypto/sha256"
	"net/textproto"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

// schemeWords stand before a scheme's name in what is switched off.
const schemeWords = "the security scheme "

func (r *reader) schemes() {
	var list []member
	r.warn("all security schemes", r.tolerate(func() {
		list = r.members(r.follow(r.member(r.follow(r.member(r.root, "components")), "securitySchemes")), "securitySchemes")
	})...)
	for _, each := range list {
		scheme := &SecurityScheme{Name: each.key.Value}
		r.destination.Schemes[scheme.Name] = scheme
		r.declared[scheme] = each.value
	}
	for _, each := range list {
		r.scheme(r.destination.Schemes[each.key.Value], each)
	}
	for _, each := range list {
		r.checkSource(r.destination.Schemes[each.key.Value], each.value)
	}
	r.checkChains()
}

// scheme fills one security scheme. One that is not as OpenAPI says cannot be
// filled, and switches off the operations that ask for it.
func (r *reader) scheme(scheme *SecurityScheme, m member) {
	var node *yaml.Node
	var kind string
	wrong := r.tolerate(func() {
		if node = r.follow(m.value); node != nil && r.mapping(node, "this security scheme") {
			kind = r.kind(scheme, node)
		}
	})
	if len(wrong) > 0 {
		scheme.Kind = Unsupported
		r.warn(schemeWords+scheme.Name, wrong...)
	}
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	r.checkExtensions(node, schemeLevel)
	templates := r.templates(scheme, node)
	r.placeCredential(scheme, node)
	r.response(scheme, node)
	r.writeBack(scheme, node)
	r.sigv4(scheme, node, kind)
	r.oauth1(scheme, node)
	r.source(scheme, node, kind)
	r.retrieval(scheme, node, kind)
	r.parameters(scheme, node, templates)
	r.life(scheme, node, templates)
	r.jwt(scheme, node, templates)
	r.secret(scheme, node, m.key)
	r.noteMembers(scheme)
	r.checkUse(scheme, node)
	if scheme.Retrieved() {
		r.tolerate(func() {
			text, _ := r.json(node)
			scheme.Fingerprint = sha256.Sum256(text)
		})
	}
}

// kind reads what OpenAPI itself says of a scheme, and returns its type.
func (r *reader) kind(scheme *SecurityScheme, node *yaml.Node) string {
	const what = "this security scheme"
	_, at := r.required(node, "type", what, "write one of: apiKey, http, oauth2, openIdConnect, mutualTLS")
	if at == nil {
		return ""
	}
	kind := r.oneOf(at, "the type of "+what, "apiKey", "http", "oauth2", "openIdConnect", "mutualTLS")
	switch kind {
	case "apiKey":
		r.apiKey(scheme, node)
	case "http":
		r.httpScheme(scheme, node)
	case "oauth2":
		scheme.Kind = OAuth2
		r.flow(scheme, node)
	case "openIdConnect":
		scheme.Kind = OpenIDConnect
		scheme.DiscoveryURL = r.relativeURL(node, "openIdConnectUrl", what)
	case "mutualTLS":
		scheme.Kind = MutualTLS
	}
	if scheme.In == "" && kindRules()[scheme.Kind].authorization {
		scheme.In, scheme.Field = "header", "Authorization"
	}
	return kind
}

// apiKey reads where a key goes and whether it is signed or retrieved rather than kept.
func (r *reader) apiKey(scheme *SecurityScheme, node *yaml.Node) {
	if at := r.member(node, "in"); at == nil {
		r.fault(node, "this apiKey scheme does not say where the key goes", "write in: header, query or cookie")
	} else {
		scheme.In = r.oneOf(at, "the in of this apiKey scheme", "header", "query", "cookie")
	}
	name, at := r.required(node, "name", "this apiKey scheme", "write the name of the header, query parameter or cookie")
	scheme.Field = name
	switch {
	case at == nil || r.member(node, extensionPrefix+"in") != nil || !r.checkFieldName(at, name, scheme.In):
	case scheme.In == "header" && isReserved(name):
		r.fault(at, "this header belongs to the connection, a credential cannot go there", "write the header that the API documents")
	case scheme.In == "header":
		scheme.Field = textproto.CanonicalMIMEHeaderKey(name)
	}
	signer, _ := r.text(r.member(node, "x-amazon-apigateway-authtype"), "x-amazon-apigateway-authtype")
	if strings.EqualFold(signer, "awsSigv4") {
		scheme.Kind, scheme.In, scheme.Field = AWSSignatureV4, "header", "Authorization"
	}
}

// isReserved reports whether a header field is part of how a message is framed or
// routed, or is set by the relay itself.
func isReserved(name string) bool {
	return gateway.HopByHop(name) || gateway.SameHeaderName(name, "Host") || gateway.SameHeaderName(name, "Accept-Encoding")
}

// placeCredential reads x-keyrelay-in, which puts the credential of an apiKey scheme where
// OpenAPI has no word for.
func (r *reader) placeCredential(scheme *SecurityScheme, node *yaml.Node) {
	at := r.member(node, extensionPrefix+"in")
	place := r.oneOf(at, extensionPrefix+"in", "body", "path")
	if place == "" {
		return
	}
	scheme.In = place
	scheme.Field, _ = r.text(r.member(node, "name"), "name")
	if place == "path" && len(r.members(r.member(r.root, "paths"), "paths")) == 0 {
		r.fault(at, extensionPrefix+"in: path has no path to put the credential into", "write paths: with {"+printable(scheme.Field)+"} in their templates")
	}
	if place == "body" && strings.HasPrefix(scheme.Field, "/") {
		r.pointer(r.member(node, "name"), "the name of this scheme")
	}
}

// httpScheme reads a scheme of HTTP authentication. Those of the IANA registry that
// are more than a word and a text cannot be made without the API's help.
func (r *reader) httpScheme(scheme *SecurityScheme, node *yaml.Node) {
	name, _ := r.required(node, "scheme", "this http scheme", "write scheme: basic or scheme: bearer")
	switch strings.ToLower(name) {
	case "basic":
		scheme.Kind = Basic
	case "bearer":
		scheme.Kind, scheme.Word = Bearer, "Bearer"
	case "oauth":
		scheme.Kind, scheme.Word = SignedOAuth1, "OAuth"
	case "": // a fault has been noted
	case "digest", "dpop", "gnap", "hoba", "mutual", "negotiate", "ntlm", "privatetoken", "scram-sha-1", "scram-sha-256", "signature", "vapid":
		scheme.Kind = Unsupported // these need more than a text
	default:
		if strings.Contains(strings.ToLower(name), "hmac") {
			scheme.Kind = Unsupported // a signature: the key itself behind the word would be given away
			return
		}
		scheme.Kind, scheme.Word = Bearer, name
		if !gateway.ValidHeaderName(name) {
			r.fault(node, "the scheme of this http scheme is no word", "write it as it stands in the Authorization header, such as bearer")
		}
		if meant, edits := Nearest(name, "basic", "bearer", "digest"); edits <= 2 {
			r.warnAtStart(node, "the http scheme "+printable(name)+" is sent as it stands, and is near "+meant, "write scheme: "+meant+", unless the API has that very word")
		}
	}
}

// flow picks the oauth2 flow: one that needs no person if there is one.
func (r *reader) flow(scheme *SecurityScheme, node *yaml.Node) {
	flows := r.member(node, "flows")
	if flows == nil {
		r.fault(node, "this oauth2 scheme has no flows", "write flows: with clientCredentials, password or authorizationCode")
		return
	}
	grant, flow := "client_credentials", r.member(flows, "clientCredentials")
	if flow == nil {
		grant, flow = "password", r.member(flows, "password")
	}
	for _, name := range [...]string{"authorizationCode", "deviceAuthorization"} {
		if flow == nil {
			grant, flow = "authorization_code", r.member(flows, name)
		}
	}
	if flow == nil {
		scheme.Kind = Unsupported
		if r.member(flows, "implicit") != nil {
			scheme.Kind, scheme.Word = Bearer, "Bearer" // no program can ask for a token: the secret is one
			r.implicit[scheme] = true
		}
		r.unknownFlows(flows)
		return
	}
	const what = "this oauth2 flow"
	scheme.Flow = &Flow{GrantType: grant, TokenURL: r.relativeURL(flow, "tokenUrl", what)}
	scheme.Flow.RefreshURL = scheme.Flow.TokenURL
	if at := r.member(flow, "refreshUrl"); at != nil && at.Value != "" { // generated documents leave it empty
		scheme.Flow.RefreshURL = r.relativeURL(flow, "refreshUrl", what)
	}
	if grant == "authorization_code" {
		// keyrelay login alone opens it, and says what is wrong with it
		r.tolerate(func() { scheme.Flow.AuthorizationURL = r.relativeURL(flow, "authorizationUrl", what) })
	}
	for _, each := range r.members(r.member(flow, "scopes"), "scopes") {
		scheme.Flow.Scopes = append(scheme.Flow.Scopes, each.key.Value)
	}
	slices.Sort(scheme.Flow.Scopes)
}

// unknownFlows notes flows that OpenAPI does not know, with the one that is meant.
func (r *reader) unknownFlows(flows *yaml.Node) {
	swagger := map[string]string{"accessCode": "authorizationCode", "application": "clientCredentials"} // OpenAPI 2.0's names
	known := []string{"authorizationCode", "clientCredentials", "deviceAuthorization", "implicit", "password"}
	for _, each := range r.members(flows, "flows") {
		if name := each.key.Value; !slices.Contains(known, name) && !strings.HasPrefix(name, "x-") {
			nearest, _ := Nearest(name, known...)
			r.fault(each.key, "OpenAPI has no flow "+printable(name), "write "+cmp.Or(swagger[name], nearest))
		}
	}
}

// defaultReference refers to the secret that a document does not name.
func (r *reader) defaultReference(name string, node *yaml.Node) Reference {
	reference := r.destination.defaultReference(name)
	r.refer(reference, node)
	return reference
}

// secret reads the secret of a scheme; a scheme that needs one and names none has a default.
func (r *reader) secret(scheme *SecurityScheme, node, key *yaml.Node) {
	if at := r.member(node, extensionPrefix+"secret"); at != nil {
		scheme.Secret = r.placedReference(at, extensionPrefix+"secret")
		scheme.SecretField = r.secretField(at, scheme.Secret)
		r.namesSecret[scheme], r.own[scheme] = true, at
		consented := scheme.Flow != nil && scheme.Flow.GrantType == "authorization_code"
		if (consented || len(scheme.WriteBack) > 0) && scheme.Secret.Provider == "env" {
			r.warn("", Fault{r.place(at), "a refresh token in a variable of the environment, once rotated, is kept in memory only",
				"name a secret of Secrets Manager or a file, unless the API rotates none"})
		}
	} else if scheme.needsSecret() {
		scheme.Secret = r.defaultReference(scheme.Name, key)
	}
	if scheme.Secret != (Reference{}) { // which is the one that was listed last
		r.destination.References[len(r.destination.References)-1].Scheme = scheme.Name
	}
}

// secretField is the field that the pointer of a scheme's secret names as {field}; empty for none.
func (r *reader) secretField(node *yaml.Node, reference Reference) (field string) {
	for _, token := range reference.Pointer.Tokens() {
		name, opened := strings.CutPrefix(token, "{")
		name, closed := strings.CutSuffix(name, "}")
		switch {
		case !opened || !closed:
		case name == "" || field != "":
			r.fault(node, "the pointer of this secret does not name one field of the record", "write one {field} in it, as a whole name between slashes")
		default:
			field = name
		}
	}
	return field
}

// needsSecret reports whether a scheme cannot be filled without a secret. A
// retrieval needs one when a parameter of it has no other value.
func (s *SecurityScheme) needsSecret() bool {
	if s.Kind == RetrievedKey {
		return len(s.WriteBack) > 0 || slices.ContainsFunc(s.Parameters, func(p RetrievalParameter) bool {
			return slices.Contains(p.UseIn, "key") && p.needsSecret()
		})
	}
	return kindRules()[s.Kind].secret
}

// needsSecret reports whether a parameter has no value without a secret.
func (p *RetrievalParameter) needsSecret() bool {
	if p.Value == nil {
		return p.Variable == "" && p.Default == nil
	}
	return slices.ContainsFunc(p.Value.Expressions(), func(part TemplatePart) bool { return part.Scheme == nil })
}

// checkUse notes the extensions that mean nothing for a scheme of this kind.
func (r *reader) checkUse(scheme *SecurityScheme, node *yaml.Node) {
	if scheme.Kind == Unsupported || scheme.Retrieval == nil && r.member(node, itentialRetrieval) != nil {
		return // what they mean hangs on a mistake that was noted
	}
	rules := kindRules()
	uses := func(kind Kind, extension string) bool {
		return extension == "refresh-on" || slices.Contains(rules[kind].extensions, extension)
	}
	for _, each := range r.members(node, "this security scheme") {
		extension, ours := strings.CutPrefix(each.key.Value, extensionPrefix)
		levels := extensions()[extension]
		if !ours || !slices.Contains(levels, schemeLevel) || uses(scheme.Kind, extension) {
			continue
		}
		var kinds []string
		for kind, rule := range rules {
			if uses(Kind(kind), extension) {
				kinds = append(kinds, rule.words)
			}
		}
		r.fault(each.value, each.key.Value+" means nothing for this security scheme", "remove it, or write it on a scheme that is one of: "+strings.Join(kinds, ", "))
	}
}
