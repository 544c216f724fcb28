package plan

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// checkPlace refuses a body that has no place for a credential which goes into it: it
// would be sent without. A form has one, and an absent body is made. What only some of the
// operation's alternatives put there is noted: which one is used, their secrets say.
func (b *builder) checkPlace() error {
	lists := [][]destination.Requirement{b.Operation.Security}
	if b.Operation.Alternatives != nil {
		lists = b.Operation.Alternatives.Lists
	}
	for _, security := range lists {
		at := slices.IndexFunc(security, func(r destination.Requirement) bool { return r.Scheme.In == "body" && !b.hasPlace(r.Scheme) })
		if at >= 0 {
			b.Placeless = append(b.Placeless, security[at].Scheme)
		}
	}
	if len(b.Placeless) == len(lists) {
		return b.CheckPlace(lists[0])
	}
	return nil
}

// CheckPlace refuses to attach what the body has no place for: security is the alternative
// that is used. The error is a *gateway.Refusal with the reason ErrRecord.
func (p *Plan) CheckPlace(security []destination.Requirement) error {
	at := slices.IndexFunc(security, func(r destination.Requirement) bool { return slices.Contains(p.Placeless, r.Scheme) })
	if at < 0 {
		return nil
	}
	found := "The body is no JSON object."
	if rawjson.IsObject(p.Body) {
		found = "On the way there the body has something other than an object, or a name twice."
	}
	scheme := security[at].Scheme
	return refuse(ErrRecord, "The credential of the security scheme "+scheme.Name+" goes into the body, as "+gateway.Quoted(scheme.Field)+". "+found+" Send an object that has a place for it.")
}

// hasPlace reports whether the body is a form, or JSON that the scheme's credential can be
// put into.
func (b *builder) hasPlace(scheme *destination.SecurityScheme) bool {
	mediaType, _, _ := mime.ParseMediaType(strings.Join(b.Header["Content-Type"], ","))
	if len(b.Body) == 0 || mediaType == formType || mediaType == "multipart/form-data" {
		return true
	}
	noJSON := []byte{0} // so that it is nowhere in the body yet
	return !bytes.Equal(b.Body, rawjson.WithMember(b.Body, destination.BodyPath(scheme.Field), noJSON))
}
