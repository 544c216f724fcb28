package relay

import "slices"

// Problems lists every problem, in the order of its status.
func Problems() []Problem { return slices.Clone(problems) }

// ProxyErrors lists the error types that Proxy-Status can have for the problem.
func (p Problem) ProxyErrors() []string {
	var types []string
	for _, cause := range p.causes {
		if !slices.Contains(types, cause.proxyError) {
			types = append(types, cause.proxyError)
		}
	}
	return types
}
