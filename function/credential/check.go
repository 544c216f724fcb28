package credential

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// Check makes the credential of every scheme whose secrets are on this machine, up to the
// point where a call would be made, and reports secrets that lack what their kind of
// credential needs. It reads no secret of Secrets Manager and makes no call. The error is
// of type destination.Faults.
func Check(ctx context.Context, set *destination.Set, secrets *secret.Store) error {
	store := New(secrets, noCall, nil)
	var faults destination.Faults
	for _, checked := range set.Destinations() {
		for _, name := range slices.Sorted(maps.Keys(checked.Schemes)) {
			if fault, found := checkScheme(ctx, store, checked, checked.Schemes[name], false); found && !slices.Contains(faults, fault) {
				faults = append(faults, fault)
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults
}

// CheckScheme checks one scheme as Check does, and reads its secrets of Secrets Manager
// too. found is false if there is no fault.
func CheckScheme(ctx context.Context, d *destination.Destination, scheme *destination.SecurityScheme, secrets *secret.Store) (fault destination.Fault, found bool) {
	return checkScheme(ctx, New(secrets, noCall, nil), d, scheme, true)
}

func checkScheme(ctx context.Context, store *Store, d *destination.Destination, scheme *destination.SecurityScheme, managed bool) (fault destination.Fault, found bool) {
	security := []destination.Requirement{{Scheme: scheme}}
	if scheme.Beside != nil {
		security = append(security, destination.Requirement{Scheme: scheme.Beside})
	}
	if !isHere(d, security, managed) {
		return fault, false
	}
	_, err := store.GetFor(ctx, d, security)
	return unusable(d, scheme, err)
}

// noCall makes no call. Its refusal is none of a secret's.
func noCall(context.Context, *destination.Destination, *http.Request, *tls.Certificate, int) (*upstream.Answer, error) {
	return nil, &gateway.Refusal{Reason: upstream.ErrRefused, Detail: "No call is made."}
}

// isHere reports whether all secrets that credentials are made with are on this machine,
// or managed, in Secrets Manager, and none is for a record to choose.
func isHere(d *destination.Destination, security []destination.Requirement, managed bool) bool {
	for _, requirement := range security {
		for _, scheme := range requirement.Scheme.MadeWith() {
			variables := slices.ContainsFunc(scheme.Parameters, func(p destination.RetrievalParameter) bool { return p.Variable != "" })
			if scheme.Kind == destination.Unsupported || scheme.SecretField != "" || !managed && scheme.Secret.Provider == "secretsmanager" ||
				!managed && variables && d.Variables.Provider == "secretsmanager" || scheme.Kind == destination.AWSSignatureV4 && scheme.Secret.Provider == "" {
				return false
			}
		}
	}
	return true
}

// unusable is the fault of a scheme whose own secret an error is about.
func unusable(d *destination.Destination, scheme *destination.SecurityScheme, err error) (fault destination.Fault, found bool) {
	for _, placed := range d.References {
		problem, remedy, own := secret.Problem(placed.Reference, err)
		named := placed.Scheme == scheme.Name || scheme.Source != nil && placed.Scheme == scheme.Source.Name
		if own && (named || placed.Reference == d.Variables) {
			return destination.Fault{Place: placed.Place, Problem: "the secret " + placed.String() + " of the security scheme " + scheme.Name + " " + problem, Remedy: remedy}, true
		}
	}
	return fault, false
}
