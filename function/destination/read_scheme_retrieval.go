package destination

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// The members by which Itential extends security schemes and what stands in them.
const (
	itentialPrefix     = "x-itential-"
	itentialRetrieval  = itentialPrefix + "dynamic-retrieval"
	itentialParameters = itentialPrefix + "parameters"
	itentialUseIn      = itentialPrefix + "use-in"
	itentialVariable   = itentialPrefix + "variable"
)

// retrieval reads x-itential-dynamic-retrieval,
// https://docs.itential.com/docs/dynamic-api-key-retrieval-integration-models.
func (r *reader) retrieval(scheme *SecurityScheme, node *yaml.Node, kind string) {
	const what = itentialRetrieval
	r.checkMeant(node, "this security scheme", itentialRetrieval, itentialParameters)
	object := r.member(node, what)
	if object == nil || !r.mapping(object, what) {
		return
	}
	if kind != "" && kind != "apiKey" || scheme.Kind == AWSSignatureV4 {
		r.fault(object, what+" stands on an apiKey scheme only", "write type: apiKey, in: header, name: Authorization, and "+extensionPrefix+`value: "`+r.tokenTemplate(scheme, object)+`"`)
		return
	}
	if scheme.Kind == StaticKey {
		scheme.Kind = RetrievedKey
	}
	r.own[scheme] = object
	r.checkMeant(object, what, "method", "url", "responsePointer")
	method, at := r.required(object, "method", what, "write one of: GET, POST, PUT, PATCH, DELETE")
	if at != nil && !slices.Contains(gateway.Methods(), strings.ToUpper(method)) {
		r.fault(at, "the method of "+what+" is not known", "write one of: GET, POST, PUT, PATCH, DELETE")
	}
	scheme.Retrieval = &Retrieval{Method: strings.ToUpper(method), URL: r.url(object, "url", what)}
	pointer := r.member(object, "responsePointer")
	if pointer == nil && scheme.ResponseHeader+scheme.ResponseCookie != "" {
		return
	}
	if pointer == nil {
		r.fault(object, what+" has no responsePointer", `write the JSON Pointer of the key in the answer, or "" for the whole answer`)
		return
	}
	scheme.Retrieval.ResponsePointer, _ = r.pointer(pointer, "responsePointer")
}

// tokenTemplate is the value that an http scheme with a retrieval was meant to have: its
// word, and what its responsePointer finds.
func (r *reader) tokenTemplate(scheme *SecurityScheme, object *yaml.Node) string {
	pointer := r.member(object, "responsePointer")
	if pointer == nil || !strings.HasPrefix(pointer.Value, "/") {
		return cmp.Or(scheme.Word, "Bearer") + " {{{access_token}}}"
	}
	return cmp.Or(scheme.Word, "Bearer") + " {{{" + printable(pointer.Value) + "}}}"
}

// parameters reads x-itential-parameters,
// https://docs.itential.com/itential-platform/admin-essentials/integrations/auth/openapi-extensions.
func (r *reader) parameters(scheme *SecurityScheme, node *yaml.Node, templates *templateReader) {
	list := r.member(node, itentialParameters)
	for _, item := range r.items(list, itentialParameters) {
		if item = r.follow(item); item != nil && r.mapping(item, "this parameter") {
			read := r.retrievalParameter(item, templates)
			scheme.Parameters = append(scheme.Parameters, read)
			r.checkUsed(scheme, item, read)
		}
	}
	if len(scheme.Parameters) > 0 && scheme.Kind != Unsupported && scheme.uses() == nil {
		r.warnAtStart(list, itentialParameters+" is never used: this security scheme has no call that they go into",
			"write "+itentialRetrieval+" beside it, or remove it")
	}
}

// uses are the words of x-itential-use-in that name a call which is made for a scheme's
// credential: the retrieval of a key, a token request, the exchange of a code, one with a refresh token.
func (s *SecurityScheme) uses() []string {
	switch {
	case s.Retrieval != nil:
		return []string{"key"}
	case s.Kind == OAuth2 || s.Kind == OpenIDConnect:
		return []string{"token", "code", "refresh"}
	}
	return nil
}

// checkUsed notes a parameter that goes into no call, and a use that is misspelled.
func (r *reader) checkUsed(scheme *SecurityScheme, node *yaml.Node, parameter RetrievalParameter) {
	uses, at := scheme.uses(), r.member(node, itentialUseIn)
	for i, use := range parameter.UseIn {
		if meant := near(use, "key", "token", "code", "refresh"); meant != "" {
			r.fault(resolve(at.Content[min(i, len(at.Content)-1)]), printable(use)+" is no use of "+itentialUseIn, "write "+meant)
			return
		}
	}
	if uses == nil || slices.ContainsFunc(parameter.UseIn, func(use string) bool { return slices.Contains(uses, use) }) {
		return
	}
	problem := "the parameter " + printable(parameter.Name) + " is never used: it has no " + itentialUseIn
	if at != nil {
		problem = "the parameter " + printable(parameter.Name) + " is never used: " + itentialUseIn + " names no call that is made for this security scheme"
	} else {
		at = node
	}
	r.warnAtStart(at, problem, "write "+itentialUseIn+": ["+uses[0]+"]")
}

func (r *reader) retrievalParameter(node *yaml.Node, templates *templateReader) RetrievalParameter {
	r.checkExtensions(node, parameterLevel)
	const what = "this parameter"
	r.checkMeant(node, itentialParameters, "name", "in", "schema", itentialUseIn, itentialVariable)
	var parameter RetrievalParameter
	var at *yaml.Node
	parameter.Name, at = r.required(node, "name", what, "write the name of the query parameter, header or body member")
	if in := r.member(node, "in"); in == nil {
		r.fault(node, what+" does not say where it goes", "write in: query, header or body")
	} else {
		parameter.In = r.oneOf(in, "the in of "+what, "query", "header", "body")
	}
	if at != nil {
		r.checkFieldName(at, parameter.Name, parameter.In)
	}
	for _, use := range r.items(r.member(node, itentialUseIn), itentialUseIn) {
		if text, ok := r.text(use, "this item"); ok {
			parameter.UseIn = append(parameter.UseIn, text)
		}
	}
	variable := r.member(node, itentialVariable)
	parameter.Variable, _ = r.text(variable, itentialVariable)
	if schema := r.member(node, "schema"); schema != nil {
		if value := r.member(r.follow(schema), "default"); value != nil {
			parameter.Default, _ = r.json(value)
		}
	}
	if value := r.member(node, extensionPrefix+"value"); value != nil {
		parameter.Value = templates.json(value, extensionPrefix+"value")
	}
	if parameter.Variable != "" && r.destination.Variables == (Reference{}) {
		// A vendor's document works as it is: its variables are kept beside the secrets of its schemes.
		r.destination.Variables = r.defaultReference("variables", variable)
	}
	return parameter
}

// life reads how a scheme's credential is made and how long it lives.
func (r *reader) life(scheme *SecurityScheme, node *yaml.Node, templates *templateReader) {
	if at := r.member(node, extensionPrefix+"value"); at != nil {
		scheme.Value = templates.value(at)
	}
	if r.member(node, extensionPrefix+"lifetime") != nil {
		scheme.Lifetime = new(r.seconds(node, extensionPrefix+"lifetime", true, maxLifetime))
	}
	scheme.ExpiresIn = r.partPointer(r.member(node, extensionPrefix+"expires-in"), extensionPrefix+"expires-in", "/expires_in")
	scheme.RefreshOn = r.refreshOn(node)
	const contentType, authentication = extensionPrefix + "request-content-type", extensionPrefix + "client-authentication"
	written := r.oneOf(r.member(node, contentType), contentType, jsonType, formType)
	scheme.RequestContentType = cmp.Or(written, jsonType)
	scheme.JSONTokenRequest = written == jsonType && (scheme.Kind == OAuth2 || scheme.Kind == OpenIDConnect)
	method := r.oneOf(r.member(node, authentication), authentication, "client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt")
	if method != "client_secret_basic" {
		scheme.ClientAuthentication = method
	}
}

// refreshOn reads x-keyrelay-refresh-on; a 401 (RFC 9110 section 15.5.2) where it is absent.
func (r *reader) refreshOn(node *yaml.Node) []RefreshRule {
	const what = extensionPrefix + "refresh-on"
	list := r.member(node, what)
	if list == nil {
		return []RefreshRule{{Status: 401}}
	}
	if isNull(list) {
		r.fault(list, what+" is not a list", "write a list of statuses, [] for never")
	}
	rules := []RefreshRule{}
	for _, item := range r.items(list, what) {
		rules = append(rules, r.refreshRule(item))
	}
	return rules
}

// refreshRule reads a status, or {status, pointer, equals}.
func (r *reader) refreshRule(node *yaml.Node) RefreshRule {
	const item, what = "this item", "this status of " + extensionPrefix + "refresh-on"
	if node.Kind != yaml.MappingNode {
		return RefreshRule{Status: r.integer(node, what, 200, 599)}
	}
	names := []string{"status", "pointer", "equals"}
	r.onlyKnown(node, item, names...)
	for _, name := range names {
		if r.member(node, name) == nil {
			r.fault(node, item+" has no "+name, "write "+strings.Join(names, ", "))
		}
	}
	rule := RefreshRule{ByBody: true, Status: r.integer(r.member(node, "status"), what, 200, 599)}
	rule.Pointer, _ = r.pointer(r.member(node, "pointer"), "pointer")
	if equals := r.member(node, "equals"); equals != nil {
		rule.Equals, _ = r.json(equals)
	}
	return rule
}

// response reads x-keyrelay-response: where a value is that is not in the answer's body.
func (r *reader) response(scheme *SecurityScheme, node *yaml.Node) {
	const what = extensionPrefix + "response"
	at := r.member(node, what)
	if at == nil || !r.mapping(at, what) {
		return
	}
	const remedy = "write {header: NAME} or {cookie: NAME}"
	header, cookie := r.member(at, "header"), r.member(at, "cookie")
	if len(at.Content) != 2 || header == nil && cookie == nil {
		r.fault(at, what+" does not name one place", remedy)
		return
	}
	scheme.ResponseHeader, _ = r.text(header, "header")
	if gateway.SameHeaderName(scheme.ResponseHeader, "Set-Cookie") {
		r.fault(header, what+" names Set-Cookie, which holds more than the value of a cookie", "write {cookie: NAME} with the cookie's own name")
	}
	scheme.ResponseCookie, _ = r.text(cookie, "cookie")
	if !gateway.ValidHeaderName(scheme.ResponseHeader + scheme.ResponseCookie) {
		r.fault(at, what+" names what no header or cookie is called", remedy)
	}
}

// writeBack reads x-keyrelay-write-back: the members of the secret that each answer replaces.
func (r *reader) writeBack(scheme *SecurityScheme, node *yaml.Node) {
	const what = extensionPrefix + "write-back"
	for _, each := range r.members(r.member(node, what), what) {
		scheme.WriteBack = append(scheme.WriteBack, WriteBack{each.key.Value, r.partPointer(each.value, what, "/access_token")})
	}
}

// partPointer reads a pointer to a part of an answer; empty where it is absent or a fault was noted.
func (r *reader) partPointer(node *yaml.Node, what, example string) rawjson.Pointer {
	pointer, ok := r.pointer(node, what)
	if ok && pointer == "" {
		r.fault(node, what+" points to the whole answer", "write a pointer such as "+example)
	}
	return pointer
}

// source reads x-keyrelay-retrieval: the scheme from whose answer this one is filled.
func (r *reader) source(scheme *SecurityScheme, node *yaml.Node, kind string) {
	const what = extensionPrefix + "retrieval"
	at := r.member(node, what)
	name, ok := r.text(at, what)
	if !ok {
		return
	}
	source := r.destination.Schemes[name]
	switch {
	case source == nil || source == scheme:
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(r.destination.Schemes)), func(each string) bool { return each == scheme.Name })
		r.fault(at, what+" names no other security scheme of this document: "+printable(name), "write "+cmp.Or(near(name, others...), "the name of a scheme that is retrieved"))
		scheme.Kind = RetrievedKey // what else it says would be right with the right name
	case kind != "apiKey" && kind != "" || r.member(node, itentialRetrieval) != nil:
		r.fault(at, what+" stands on an apiKey scheme without a retrieval of its own", "write it on one, or take it out")
	default:
		scheme.Kind, scheme.Source = RetrievedKey, source
		source.Sharing = append(source.Sharing, scheme)
	}
}

// checkSource notes what a scheme that is filled from another's answer lacks. What it
// takes that is not in the answer is in the other's secret.
func (r *reader) checkSource(scheme *SecurityScheme, node *yaml.Node) {
	if scheme.Source == nil {
		return
	}
	if !scheme.Source.Retrieved() {
		r.fault(node, printable(scheme.Source.Name)+", which "+extensionPrefix+"retrieval names, is not retrieved", "name a scheme that is")
	}
	if scheme.Source.Source != nil {
		r.fault(node, printable(scheme.Source.Name)+" is itself filled from another scheme's answer", "name that other scheme")
	}
	if at := r.member(node, extensionPrefix+"secret"); at != nil {
		r.fault(at, "this scheme is filled from the answer for "+printable(scheme.Source.Name)+", and reads no secret of its own", "write the secret on "+printable(scheme.Source.Name))
	}
	scheme.Secret, scheme.SecretField = scheme.Source.Secret, scheme.Source.SecretField
	r.namesSecret[scheme] = r.namesSecret[scheme.Source]
	if scheme.Value == nil && scheme.ResponseHeader == "" && scheme.ResponseCookie == "" {
		r.fault(node, "this scheme does not say what of the answer is its value", "write "+extensionPrefix+"value or "+extensionPrefix+"response")
	}
}
