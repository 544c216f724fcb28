package retrieval

import (
	"context"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// An inputs says where the values of a retrieval's parameters come from.
type inputs struct {
	scope Scope
	// version is what that members is of; nil if the scheme names no secret.
	version *secret.Version
	// members and variables are JSON objects, or empty.
	members, variables secret.Secret
	// whole is a secret that is a text, where a template asks for it; nil otherwise.
	whole secret.Secret
	// post says that the client authenticates in the form, unencoded that it does so by
	// HTTP basic without the encoding of RFC 6749 section 2.3.1.
	post, unencoded bool
	// code is what a token request redeems; nil for none.
	code *authorizationCode
	// others are the texts of the credentials that templates ask for.
	others map[*destination.SecurityScheme]Other
	// discovers says that the call is the one that finds the token endpoint.
	discovers bool
	// certificate is the client certificate to present; the zero Other for none.
	certificate Other
}

// nothing is what the members are where the scheme names no secret of members.
func nothing() []byte { return nil }

// place is where the document has the URL of the call. It stands for the endpoint in what
// a caller is told, who learns no host.
func (in *inputs) place() string {
	scheme := in.scope.Scheme
	switch flow := scheme.Flow; {
	case scheme.Retrieval != nil:
		return "the url of its x-itential-dynamic-retrieval"
	case in.discovers:
		return "its openIdConnectUrl"
	case flow == nil:
		return "the token_endpoint of its openIdConnectUrl"
	case in.refreshToken() != "" && flow.RefreshURL.String() != flow.TokenURL.String():
		return "its refreshUrl"
	}
	return "its tokenUrl"
}

// secret names the scheme's secret as far as a caller may know it.
func (in *inputs) secret() string {
	reference := in.scope.Scheme.Secret
	if reference.Public() != reference.String() {
		return "the secret " + reference.Public() + " that its x-keyrelay-secret names"
	}
	return "the secret " + reference.Public()
}

// expressions are what the templates of a scheme's parameters and JWT ask for.
func expressions(scheme *destination.SecurityScheme) []destination.TemplatePart {
	var all []destination.TemplatePart
	for _, parameter := range scheme.Parameters {
		all = append(all, parameter.Value.Expressions()...)
	}
	if scheme.JWT != nil {
		all = append(append(all, scheme.JWT.Header.Expressions()...), scheme.JWT.Claims.Expressions()...)
	}
	return all
}

// needed are the schemes whose credentials a scheme's retrieval is made with.
func needed(scheme *destination.SecurityScheme) []*destination.SecurityScheme {
	return destination.Schemes(expressions(scheme))
}

// readInputs reads the secrets that a retrieval takes its values from.
func (r *Retriever) readInputs(ctx context.Context, scope Scope) (inputs, error) {
	in := inputs{scope: scope, members: nothing, others: map[*destination.SecurityScheme]Other{}}
	var err error
	if scope.Scheme.Secret != (destination.Reference{}) {
		if err = r.readSecret(ctx, &in); err != nil {
			return in, err
		}
	}
	for _, other := range needed(scope.Scheme) {
		if in.others[other], err = r.others(ctx, scope.of(other), Other{}); err != nil {
			return in, err
		}
	}
	if scope.Certificate != nil {
		if in.certificate, err = r.others(ctx, scope.of(scope.Certificate), Other{}); err != nil {
			return in, err
		}
	}
	if slices.ContainsFunc(scope.Scheme.Parameters, func(p destination.RetrievalParameter) bool { return p.Variable != "" }) {
		_, in.variables, err = r.readObject(ctx, scope.Destination.Variables)
	}
	return in, err
}

// readSecret reads the scheme's own secret: a JSON object, or a text for {{{.}}}.
func (r *Retriever) readSecret(ctx context.Context, in *inputs) (err error) {
	if slices.ContainsFunc(expressions(in.scope.Scheme), func(part destination.TemplatePart) bool { return part.Whole }) {
		in.version, in.whole, err = r.readAs(ctx, in.scope.Secret(), func(read secret.Value) bool { return !read.IsJSON },
			"is JSON and no text, which {{{.}}} of "+in.scope.Scheme.Name+" stands for. Store the bare text, or name its members.")
	} else {
		in.version, in.members, err = r.readObject(ctx, in.scope.Secret())
	}
	return err
}

// readObject reads a secret that has to be a JSON object.
func (r *Retriever) readObject(ctx context.Context, reference destination.Reference) (*secret.Version, secret.Secret, error) {
	return r.readAs(ctx, reference, func(read secret.Value) bool { return rawjson.IsObject(read.Bytes()) },
		"is no JSON object. Store one whose members are the values that the retrieval sends.")
}

// readAs reads a secret that has to fit; otherwise says what is wrong with it. The version
// is returned also where it does not fit.
func (r *Retriever) readAs(ctx context.Context, reference destination.Reference, fits func(secret.Value) bool, otherwise string) (*secret.Version, secret.Secret, error) {
	got, err := r.secrets.Get(ctx, reference)
	if err != nil {
		return nil, nil, err
	}
	read, err := got.Value.Select(reference)
	if err != nil {
		return got.Value, nil, err
	}
	problem := read.Malformed()
	if problem == "" && !fits(read) {
		problem = otherwise
	}
	if problem != "" {
		return got.Value, nil, secret.Unusable(reference, problem)
	}
	return got.Value, read.Bytes, nil
}

// rereadInputs reads the secret of a retrieval past the cache, and has the credentials
// renewed that it was made with; changed is false if all is what it was.
func (r *Retriever) rereadInputs(ctx context.Context, in inputs) (again inputs, changed bool) {
	if in.version != nil {
		got, err := r.secrets.Renew(ctx, in.scope.Secret(), in.version)
		changed = err == nil && got.Value != in.version
	}
	for other, refused := range in.others {
		had, err := r.others(ctx, in.scope.of(other), refused)
		changed = changed || err == nil && had != refused
	}
	if in.certificate.Certificate != nil {
		had, err := r.others(ctx, in.scope.of(in.scope.Certificate), in.certificate)
		changed = changed || err == nil && had != in.certificate
	}
	if !changed {
		return in, false
	}
	again, err := r.readInputs(ctx, in.scope)
	return again, err == nil
}

func (in *inputs) find(part destination.TemplatePart) ([]byte, bool) {
	switch {
	case part.Scheme != nil:
		return rawjson.Encode(in.others[part.Scheme].Text), true
	case part.Whole:
		return rawjson.Encode(string(in.whole())), true
	}
	if value, ok := in.code.find(part); ok {
		return value, true
	}
	return destination.FindIn(in.members())(part)
}

// findBare finds what a template asks for outside a header: of a credential in Authorization,
// what follows the word there, such as Bearer (RFC 9110 section 11.4).
func (in *inputs) findBare(part destination.TemplatePart) ([]byte, bool) {
	if part.Scheme == nil {
		return in.find(part)
	}
	text := in.others[part.Scheme].Text
	if _, bare, worded := strings.Cut(text, " "); worded && part.Scheme.Field == "Authorization" {
		text = bare
	}
	return rawjson.Encode(text), true
}

// member returns a member of the scheme's secret that OAuth has: a text, a number or a truth value.
func (in *inputs) member(name string) (text string, ok bool) {
	_, found, ok := in.findOwn(name)
	if !ok {
		return "", false
	}
	return rawjson.Plain(found)
}

// findOwn finds a member of the scheme's secret that OAuth has, with its name as it is written.
func (in *inputs) findOwn(name string) (written string, value []byte, ok bool) {
	return secret.Value{Bytes: in.members, IsJSON: true}.Find(name)
}

// needed is a member without which there is no retrieval.
func (in *inputs) needed(name string) (string, error) {
	text, ok := in.member(name)
	if !ok || text == "" {
		return "", secret.Lacks(in.scope.Scheme.Secret, in.members(), "has no member "+name+", which the retrieval for "+in.scope.Scheme.Name+" sends. Add it.", name)
	}
	return text, nil
}

// value returns the JSON value of a parameter: its template, else a variable, else a member of the
// secret, else the document's default.
func (in *inputs) value(parameter destination.RetrievalParameter) ([]byte, error) {
	if parameter.Value != nil {
		find := in.find
		if parameter.In != "header" {
			find = in.findBare
		}
		value, err := parameter.Value.Fill(find)
		if err != nil {
			err = in.unusable("lacks a member that x-keyrelay-value of "+parameter.Name+" names, or holds no text there: "+err.Error()+". Add it to the secret, or fix the template.",
				secret.Needed(parameter.Value.Expressions())...)
		}
		return value, err
	}
	source, name, reference := in.members, parameter.Name, in.scope.Scheme.Secret
	if parameter.Variable != "" {
		source, name, reference = in.variables, parameter.Variable, in.scope.Destination.Variables
	}
	if found, ok := rawjson.PointerTo(name).Find(source()); ok && found[0] != 'n' {
		return found, nil
	}
	if parameter.Default != nil {
		return parameter.Default, nil
	}
	if reference == (destination.Reference{}) {
		return nil, &gateway.Refusal{
			Reason: secret.ErrUnavailable,
			Detail: "The parameter " + parameter.Name + " of the security scheme " + in.scope.Scheme.Name + " of " + in.scope.Destination.Name + " has no value. Name a secret that holds it with x-keyrelay-secret, or give it a default.",
		}
	}
	return nil, secret.Lacks(reference, source(), "has no member "+name+", which the retrieval for "+in.scope.Scheme.Name+" sends. Add it.", name)
}

// unusable is about the scheme's own secret, or the document if there is none.
func (in *inputs) unusable(problem string, needed ...string) error {
	if in.scope.Scheme.Secret == (destination.Reference{}) {
		return &gateway.Refusal{Reason: secret.ErrUnavailable, Detail: "The retrieval for " + in.scope.Scheme.Name + " of " + in.scope.Destination.Name + ", which has no secret, " + problem}
	}
	return secret.Lacks(in.scope.Scheme.Secret, in.members(), problem, needed...)
}
