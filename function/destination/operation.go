package destination

import (
	"slices"

	"keyrelay/function/gateway"
)

// Operation finds the operation that a method and an escaped path (expressions
// filled, server prefix included) belong to. Where the document has no paths it
// is the one Operation that stands for all. A concrete path wins over a templated
// one, whatever its methods. The error is a *gateway.Refusal with the reason ErrOperation.
func (l *Location) Operation(method, path string) (*Operation, error) {
	// What filled the path may have led it below another document's server: its
	// credential is not this destination's.
	for _, each := range l.neighbours {
		if !each.origin(l.server) {
			continue
		}
		rest, ok := cutPrefix(path, each.prefix)
		if !ok {
			continue
		}
		if each.destination != l.Destination {
			return nil, l.noOperation("Filled with the record's fields, the path of the outbound URL lies below a server of another destination")
		}
		if each.routes == nil {
			return each.operation, nil
		}
		if found := each.routes.lookup(rest); found != nil {
			return l.method(found, method)
		}
	}
	return nil, l.noOperation("No path of the destination's document matches the outbound URL")
}

// lookup finds what of the path follows the server's prefix. Nothing is "/".
func (r *route) lookup(rest string) *route {
	if rest == "" {
		rest = "/"
	}
	return r.find(rest)
}

// method picks a path's operation.
func (l *Location) method(found *route, method string) (*Operation, error) {
	for _, each := range found.operations {
		if each.Method == method {
			return each, nil
		}
	}
	allowed := make([]string, 0, len(found.operations))
	for _, each := range found.operations {
		allowed = append(allowed, each.Method)
	}
	slices.Sort(allowed)
	return nil, &gateway.Refusal{
		Reason: ErrOperation,
		Detail: "The destination's document declares the path " + found.template + " without this method: " +
			"use a method listed in allowed, or have the operator declare it in " + l.Destination.file + ".",
		Allowed: allowed,
	}
}

// noOperation is the refusal of a path that the document does not declare.
func (l *Location) noOperation(problem string) error {
	allowed := l.Destination.declared
	return &gateway.Refusal{
		Reason:  ErrOperation,
		Detail:  problem + ": use an operation listed in allowed, or have the operator declare it in " + l.Destination.file + ".",
		Allowed: allowed[:min(len(allowed), maxAllowed)],
	}
}
