package destination

import (
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

// schemes reads components.securitySchemes.
func (r *reader) schemes() {
	node := r.member(r.member(r.root, "components"), "securitySchemes")
	for _, each := range r.members(node, "securitySchemes") {
		scheme := &SecurityScheme{Name: each.key.Value, Destination: r.destination.Name}
		r.destination.Schemes[scheme.Name] = scheme
		if object := r.follow(each.value); object != nil {
			r.scheme(scheme, object, each.key)
		}
	}
}

// scheme fills one security scheme.
func (r *reader) scheme(scheme *SecurityScheme, node, key *yaml.Node) {
	const what = "this security scheme"
	if !r.mapping(node, what) {
		return
	}
	r.checkExtensions(node, schemeLevel)
	remedy := "write one of: apiKey, http, oauth2, openIdConnect, mutualTLS"
	_, at := r.required(node, "type", what, remedy)
	if at == nil {
		return
	}
	kind, _ := r.oneOf(at, "the type of "+what, "apiKey", "http", "oauth2", "openIdConnect", "mutualTLS")
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
		scheme.DiscoveryURL = r.url(node, "openIdConnectUrl", what)
	case "mutualTLS":
		scheme.Kind = MutualTLS
	default:
		return
	}
	if scheme.In == "" && scheme.Kind != MutualTLS && scheme.Kind != Unsupported {
		scheme.In, scheme.Field = "header", "Authorization"
	}
	r.retrieval(scheme, node, kind)
	r.parameters(scheme, node)
	r.life(scheme, node)
	r.secret(scheme, node, key)
	r.checkUse(scheme, node)
}

// apiKey reads where a key goes and whether it is signed or retrieved rather than kept.
func (r *reader) apiKey(scheme *SecurityScheme, node *yaml.Node) {
	if at := r.member(node, "in"); at == nil {
		r.fault(node, "this apiKey scheme does not say where the key goes", "write in: header, query or cookie")
	} else {
		scheme.In, _ = r.oneOf(at, "the in of this apiKey scheme", "header", "query", "cookie")
	}
	name, at := r.required(node, "name", "this apiKey scheme", "write the name of the header, query parameter or cookie")
	scheme.Field = name
	switch {
	case at == nil || scheme.In == "query" || scheme.In == "":
	case !gateway.ValidHeaderName(name):
		r.fault(at, "the name is none that a "+scheme.In+" can have", "write letters, digits and hyphens")
	case scheme.In == "header" && hopField(name):
		r.fault(at, "this header belongs to the connection, a credential cannot go there", "write the header that the API documents")
	case scheme.In == "header":
		scheme.Field = textproto.CanonicalMIMEHeaderKey(name)
	}
	signer, _ := r.text(r.member(node, "x-amazon-apigateway-authtype"), "x-amazon-apigateway-authtype")
	if strings.EqualFold(signer, "awsSigv4") {
		scheme.Kind, scheme.In, scheme.Field = AWSSignatureV4, "header", "Authorization"
	}
}

// hopField reports whether a header field is part of how a message is framed or
// routed (RFC 9110 section 7.6.1, RFC 9112 section 6).
func hopField(name string) bool {
	fields := []string{"Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Te", "Trailer", "Keep-Alive"}
	return slices.Contains(fields, textproto.CanonicalMIMEHeaderKey(name))
}

// httpScheme reads a scheme of HTTP authentication. Only basic and bearer can be
// made from a secret without the API's help.
func (r *reader) httpScheme(scheme *SecurityScheme, node *yaml.Node) {
	name, _ := r.required(node, "scheme", "this http scheme", "write scheme: basic or scheme: bearer")
	switch strings.ToLower(name) {
	case "basic":
		scheme.Kind = Basic
	case "bearer":
		scheme.Kind = Bearer
	case "": // a fault has been noted
	default:
		scheme.Kind = Unsupported
	}
}

// flow picks the oauth2 flow that needs no person.
func (r *reader) flow(scheme *SecurityScheme, node *yaml.Node) {
	flows := r.member(node, "flows")
	if flows == nil {
		r.fault(node, "this oauth2 scheme has no flows", "write flows: with clientCredentials or password")
		return
	}
	grant, flow := "client_credentials", r.member(flows, "clientCredentials")
	if flow == nil {
		grant, flow = "password", r.member(flows, "password")
	}
	if flow == nil {
		scheme.Kind = Unsupported
		return
	}
	scheme.Flow = &Flow{GrantType: grant, TokenURL: r.url(flow, "tokenUrl", "this oauth2 flow")}
	for _, each := range r.members(r.member(flow, "scopes"), "scopes") {
		scheme.Flow.Scopes = append(scheme.Flow.Scopes, each.key.Value)
	}
	slices.Sort(scheme.Flow.Scopes)
}

// url reads a member that must be there and be an absolute URL by the rules of server URLs.
func (r *reader) url(parent *yaml.Node, name, what string) *url.URL {
	text, node := r.required(parent, name, what, "write the whole URL, from https:// on")
	if node == nil {
		return nil
	}
	if _, ok := r.endpoint(text, node, name); !ok {
		return nil
	}
	parsed, err := url.Parse(text)
	if err != nil {
		r.fault(node, name+" is no URL", "write the whole URL, from https:// on")
		return nil
	}
	return parsed
}

// life reads how a scheme's credential is made and how long it lives.
func (r *reader) life(scheme *SecurityScheme, node *yaml.Node) {
	if at := r.member(node, extensionPrefix+"value"); at != nil {
		scheme.Value = r.valueTemplate(at)
	}
	if at := r.member(node, extensionPrefix+"lifetime"); at != nil {
		if lifetime, ok := r.seconds(at, extensionPrefix+"lifetime", true, maxLifetime); ok {
			scheme.Lifetime = new(time.Duration)
			*scheme.Lifetime = lifetime
		}
	}
	if at := r.member(node, extensionPrefix+"expires-in"); at != nil {
		pointer, ok := r.pointer(at, extensionPrefix+"expires-in")
		if ok && pointer == "" {
			r.fault(at, extensionPrefix+"expires-in points to the whole answer", "write a pointer such as /expires_in")
		}
		scheme.ExpiresIn = pointer
	}
	scheme.RefreshOn = r.refreshOn(node)
	scheme.RequestContentType = "application/json"
	contentType := r.member(node, extensionPrefix+"request-content-type")
	if text, ok := r.oneOf(contentType, extensionPrefix+"request-content-type", "application/json", "application/x-www-form-urlencoded"); ok {
		scheme.RequestContentType = text
	}
	method := r.member(node, extensionPrefix+"client-authentication")
	text, _ := r.oneOf(method, extensionPrefix+"client-authentication", "client_secret_basic", "client_secret_post")
	scheme.ClientSecretPost = text == "client_secret_post"
}
