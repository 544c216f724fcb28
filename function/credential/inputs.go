package credential

import (
	"context"
	"slices"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// An inputs says where the values of a retrieval's parameters come from.
type inputs struct {
	want want
	// secret is the version that members is of; nil where the scheme names no secret.
	secret *version
	// members and variables are JSON objects; nil where there are none.
	members, variables Secret
}

// readInputs reads the secrets that a retrieval takes its values from.
func (s *Store) readInputs(ctx context.Context, wanted want) (inputs, error) {
	in := inputs{want: wanted}
	var err error
	if wanted.scheme.Secret != (destination.Reference{}) {
		if in.secret, in.members, err = s.readObject(ctx, wanted.scheme.Secret); err != nil {
			return in, err
		}
	}
	if slices.ContainsFunc(wanted.scheme.Parameters, func(p destination.RetrievalParameter) bool { return p.Variable != "" }) {
		_, in.variables, err = s.readObject(ctx, wanted.destination.Variables)
	}
	return in, err
}

// readObject reads a secret that has to be a JSON object. The version is returned
// also where the secret is none.
func (s *Store) readObject(ctx context.Context, reference destination.Reference) (*version, Secret, error) {
	got, err := s.secrets.Get(ctx, keyOf(reference))
	if err != nil {
		return nil, nil, err
	}
	read, err := valueOf(reference, got.Value)
	if err == nil && !isObject(read.content) {
		err = unusable(reference, "is no JSON object. Store one whose members are the values that the retrieval sends.")
	}
	return got.Value, func() []byte { return read.content }, err
}

// member returns a member of the scheme's secret that is a text, a number or a truth value.
func (in *inputs) member(name string) (text string, ok bool) {
	found, ok := memberOf(in.members, name)
	if !ok {
		return "", false
	}
	return scalarText(found)
}

// needed is a member without which there is no retrieval.
func (in *inputs) needed(name string) (string, error) {
	text, ok := in.member(name)
	if !ok || text == "" {
		return "", unusable(in.want.scheme.Secret, "has no member "+name+", which the retrieval for "+in.want.scheme.Name+" sends. Add it.")
	}
	return text, nil
}

// value returns the JSON value of a parameter: a variable, else a member of the
// secret, else the document's default. private says that it comes from a secret.
func (in *inputs) value(parameter destination.RetrievalParameter) (found []byte, private bool, err error) {
	source, name, reference := in.members, parameter.Name, in.want.scheme.Secret
	if parameter.Variable != "" {
		source, name, reference = in.variables, parameter.Variable, in.want.destination.Variables
	}
	if found, ok := memberOf(source, name); ok {
		return found, !isIdentifier(parameter.Name), nil
	}
	if parameter.Default != nil {
		return parameter.Default, false, nil
	}
	if reference == (destination.Reference{}) {
		return nil, false, &gateway.Refusal{
			Reason: ErrSecretUnavailable,
			Detail: "The parameter " + parameter.Name + " of the security scheme " + in.want.scheme.Name + " of " + in.want.destination.Name + " has no value. Name a secret that holds it with x-keyrelay-secret, or give it a default.",
		}
	}
	return nil, false, unusable(reference, "has no member "+name+", which the retrieval for "+in.want.scheme.Name+" sends. Add it.")
}

// memberOf returns a member of a JSON object that is not null.
func memberOf(object Secret, name string) ([]byte, bool) {
	if object == nil {
		return nil, false
	}
	pointer := "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	found, ok := destination.Pointer(pointer).Find(object())
	return found, ok && found[0] != 'n'
}

// isIdentifier reports whether a parameter says who asks rather than proving it.
// Such a value is no secret and may well be part of an ordinary answer.
func isIdentifier(name string) bool {
	switch strings.ToLower(name) {
	case "client_id", "clientid", "username", "user", "email", "login", "grant_type", "scope", "audience", "resource":
		return true
	}
	return false
}
