package retrieval

import (
	"context"
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// An inputs says where the values of a retrieval's parameters come from.
type inputs struct {
	scope Scope
	// version is what that members is of; nil where the scheme names no secret.
	version *secret.Version
	// members and variables are JSON objects; nil where there are none.
	members, variables secret.Secret
}

// readInputs reads the secrets that a retrieval takes its values from.
func (r *Retriever) readInputs(ctx context.Context, scope Scope) (inputs, error) {
	in := inputs{scope: scope}
	var err error
	if scope.Scheme.Secret != (destination.Reference{}) {
		if in.version, in.members, err = r.readObject(ctx, scope.Scheme.Secret); err != nil {
			return in, err
		}
	}
	if slices.ContainsFunc(scope.Scheme.Parameters, func(p destination.RetrievalParameter) bool { return p.Variable != "" }) {
		_, in.variables, err = r.readObject(ctx, scope.Destination.Variables)
	}
	return in, err
}

// readObject reads a secret that has to be a JSON object. The version is returned
// also where the secret is none.
func (r *Retriever) readObject(ctx context.Context, reference destination.Reference) (*secret.Version, secret.Secret, error) {
	got, err := r.secrets.Get(ctx, reference)
	if err != nil {
		return nil, nil, err
	}
	read, err := got.Value.Select(reference)
	if err == nil && !rawjson.IsObject(read.Bytes()) {
		err = secret.Unusable(reference, "is no JSON object. Store one whose members are the values that the retrieval sends.")
	}
	return got.Value, read.Bytes, err
}

// rereadInputs reads the secret of a retrieval past the cache; changed is false where
// it is what it was.
func (r *Retriever) rereadInputs(ctx context.Context, in inputs) (again inputs, changed bool) {
	if in.version == nil {
		return in, false
	}
	got, err := r.secrets.Renew(ctx, in.scope.Scheme.Secret, in.version)
	if err != nil || got.Value == in.version {
		return in, false
	}
	again, err = r.readInputs(ctx, in.scope)
	return again, err == nil
}

// member returns a member of the scheme's secret that is a text, a number or a truth value.
func (in *inputs) member(name string) (text string, ok bool) {
	found, ok := findMember(in.members, name)
	if !ok {
		return "", false
	}
	return rawjson.Plain(found)
}

// needed is a member without which there is no retrieval.
func (in *inputs) needed(name string) (string, error) {
	text, ok := in.member(name)
	if !ok || text == "" {
		return "", secret.Unusable(in.scope.Scheme.Secret, "has no member "+name+", which the retrieval for "+in.scope.Scheme.Name+" sends. Add it.")
	}
	return text, nil
}

// value returns the JSON value of a parameter: a variable, else a member of the
// secret, else the document's default.
func (in *inputs) value(parameter destination.RetrievalParameter) ([]byte, error) {
	source, name, reference := in.members, parameter.Name, in.scope.Scheme.Secret
	if parameter.Variable != "" {
		source, name, reference = in.variables, parameter.Variable, in.scope.Destination.Variables
	}
	if found, ok := findMember(source, name); ok {
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
	return nil, secret.Unusable(reference, "has no member "+name+", which the retrieval for "+in.scope.Scheme.Name+" sends. Add it.")
}

// findMember returns a member of a JSON object that is not null.
func findMember(object secret.Secret, name string) ([]byte, bool) {
	if object == nil {
		return nil, false
	}
	found, ok := rawjson.PointerTo(name).Find(object())
	return found, ok && found[0] != 'n'
}
