package destination

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

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

// keepPlaced leaves out the alternatives that have a credential without a place in the
// path, and reports whether there were any, and whether one is left.
func (o *Operation) keepPlaced() (dropped, left bool) {
	lists := o.lists()
	placed := slices.DeleteFunc(slices.Clone(lists), func(security []Requirement) bool { return slices.ContainsFunc(security, o.lacksVariable) })
	if dropped, left = len(placed) < len(lists), len(placed) > 0; dropped && left {
		o.Security, o.Alternatives = placed[0], &Alternatives{placed}
	}
	return dropped, left
}

// lacksVariable reports whether a credential's place in the path is missing.
func (o *Operation) lacksVariable(requirement Requirement) bool {
	return requirement.Scheme.In == "path" && !strings.Contains(o.Path, "{"+requirement.Scheme.Field+"}")
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

// sigv4 reads x-keyrelay-sigv4: which service and region of AWS signatures are for.
func (r *reader) sigv4(scheme *SecurityScheme, node *yaml.Node, kind string) {
	const what = extensionPrefix + "sigv4"
	at := r.member(node, what)
	if at == nil || kind != "apiKey" || !r.mapping(at, what) {
		return
	}
	r.onlyKnown(at, what, "service", "region")
	scheme.Kind, scheme.In, scheme.Field = AWSSignatureV4, "header", "Authorization"
	scheme.Service, _ = r.required(at, "service", what, "write the service's name as signatures have it, such as s3, es or execute-api")
	scheme.Region, _ = r.text(r.member(at, "region"), "region")
}

// oauth1 reads x-keyrelay-oauth1: how an http scheme OAuth signs.
func (r *reader) oauth1(scheme *SecurityScheme, node *yaml.Node) {
	const what = extensionPrefix + "oauth1"
	if scheme.Kind != SignedOAuth1 {
		return
	}
	object := r.member(node, what)
	r.onlyKnown(object, what, "signatureMethod", "realm")
	method := r.oneOf(r.member(object, "signatureMethod"), "the signatureMethod of "+what, "HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT")
	realm, _ := r.text(r.member(object, "realm"), "realm")
	if strings.ContainsAny(realm, "\"\\") || !gateway.ValidHeaderValue(realm) {
		r.fault(r.member(object, "realm"), "the realm of "+what+" is none that a header can carry", "write it as the API documents it")
	}
	scheme.OAuth1 = OAuth1{cmp.Or(method, "HMAC-SHA1"), realm}
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
		pointer, ok := r.pointer(each.value, what)
		if ok && pointer == "" {
			r.fault(each.value, what+" points to the whole answer", "write a pointer such as /access_token")
		}
		scheme.WriteBack = append(scheme.WriteBack, WriteBack{each.key.Value, pointer})
	}
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
