package credential

import (
	"keyrelay/function/destination"
	"keyrelay/function/plan"
	"keyrelay/function/retrieval"
)

// asterisks stand where a credential would be.
const asterisks = "***"

// Redacted returns a Credential whose every value is ***, for a dry run: Apply puts it
// where the real one would go. No secret is read for it. A client certificate is not shown;
// a signature is shown as the field that would hold it.
func Redacted(outbound *plan.Plan) *Credential {
	made := &Credential{fills: outbound.Fills, operation: outbound.Operation}
	for _, requirement := range outbound.Operation.Security {
		made.parts = append(made.parts, redacted(requirement.Scheme))
	}
	made.attached = len(made.parts)
	for _, fill := range outbound.Fills {
		for _, part := range fill.Parts {
			if part.Scheme != nil && made.part(part.Scheme) == nil {
				made.parts = append(made.parts, redacted(part.Scheme))
			}
		}
	}
	return made
}

func redacted(scheme *destination.SecurityScheme) *part {
	made := &part{scope: retrieval.Scope{Scheme: scheme}, text: func() string { return asterisks }}
	if scheme.In == "query" {
		made.apply = attachQuery(scheme.Field, asterisks)
	} else {
		made.attach(scheme, asterisks)
	}
	return made
}
