package destination

import (
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// The defaults of what a document may leave out.
const (
	defaultTimeout          = 25 * time.Second
	defaultAuxiliaryTimeout = 10 * time.Second
	defaultBatchConcurrency = 8
)

// The largest values that a document may hold. maxTimeout is the longest that a
// Lambda function runs; maxLifetime is a year.
const (
	maxTimeout          = 900
	maxLifetime         = 365 * 24 * 3600
	maxBatchConcurrency = 100
)

// document reads one document. Faults are noted in the reader.
func (r *reader) document() *Destination {
	r.destination = &Destination{Name: nameOf(r.file), Schemes: map[string]*SecurityScheme{}, file: filepath.Base(r.file)}
	if !r.checkMappings(r.root, 0) || !r.version() {
		return r.destination
	}
	d := r.destination
	d.Title, _ = r.text(r.member(r.member(r.root, "info"), "title"), "title")
	if d.Title == "" {
		d.Title = d.Name
	}
	r.checkExtensions(r.root, documentLevel)
	d.Network = r.network()
	d.CA = r.reference(r.root, "ca")
	d.Variables = r.reference(r.root, "variables")
	shared := r.settings(r.root, Operation{Timeout: defaultTimeout, BatchConcurrency: defaultBatchConcurrency})
	d.AuxiliaryTimeout = defaultAuxiliaryTimeout
	if r.member(r.root, extensionPrefix+"timeout") != nil {
		d.AuxiliaryTimeout = shared.Timeout
	}
	r.schemes()
	shared.Security = r.security(r.member(r.root, "security"))
	d.Session = r.session()
	r.operations(shared)
	r.checkElsewhere(r.root)
	return d
}

// nameOf returns a file's name without its ending.
func nameOf(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// version reports whether the document is one of OpenAPI 3.0 or 3.1.
func (r *reader) version() bool {
	if swagger := r.member(r.root, "swagger"); swagger != nil {
		r.fault(swagger, "the document is Swagger 2", "convert it to OpenAPI 3.1")
		return false
	}
	node := r.member(r.root, "openapi")
	if node == nil {
		r.fault(r.root, "the document does not say its OpenAPI version", `write openapi: 3.1.1 at the top`)
		return false
	}
	text := node.Value + "."
	if node.Kind != yaml.ScalarNode || !strings.HasPrefix(text, "3.0.") && !strings.HasPrefix(text, "3.1.") {
		r.fault(node, "the document is not OpenAPI 3.0 or 3.1", "write openapi: 3.1.1 and what belongs to it")
		return false
	}
	return true
}

// network reads x-keyrelay-network.
func (r *reader) network() Network {
	node := r.member(r.root, extensionPrefix+"network")
	text, _ := r.oneOf(node, extensionPrefix+"network", "public", "private", "loopback")
	switch text {
	case "private":
		return Private
	case "loopback":
		if r.config.RealLambda {
			r.fault(node, "the network loopback is open to nobody in AWS Lambda, where it holds the runtime's own API",
				"write public or private, or leave this document out of the deployment")
		}
		return Loopback
	}
	return Public
}

// reference reads an extension that holds a secret reference; zero when it is absent.
func (r *reader) reference(parent *yaml.Node, name string) Reference {
	return r.placedReference(r.member(parent, extensionPrefix+name), extensionPrefix+name)
}

// placedReference reads a secret reference and lists it with its place.
func (r *reader) placedReference(node *yaml.Node, what string) Reference {
	if node == nil {
		return Reference{}
	}
	text, ok := r.text(node, what)
	if !ok {
		return Reference{}
	}
	reference, err := ParseReference(text)
	if err != nil {
		r.fault(node, what+" is no secret reference: "+err.Error(), "write secretsmanager:NAME, env:NAME or file:PATH, and #/member to take one member")
		return Reference{}
	}
	r.refer(reference, node)
	return reference
}

// refer lists a secret reference with its place.
func (r *reader) refer(reference Reference, node *yaml.Node) {
	r.destination.References = append(r.destination.References, PlacedReference{reference, r.place(node)})
}

// pointer reads a JSON Pointer.
func (r *reader) pointer(node *yaml.Node, what string) (Pointer, bool) {
	text, ok := r.text(node, what)
	if !ok {
		return "", false
	}
	pointer, err := ParsePointer(text)
	if err != nil {
		r.fault(node, what+" is no JSON Pointer: "+err.Error(), "write a pointer such as /credentials/key")
		return "", false
	}
	return pointer, true
}

// settings reads the extensions that a document and an operation share, over what holds without them.
func (r *reader) settings(node *yaml.Node, settings Operation) Operation {
	if timeout := r.member(node, extensionPrefix+"timeout"); timeout != nil {
		if value, ok := r.seconds(timeout, extensionPrefix+"timeout", false, maxTimeout); ok {
			settings.Timeout = value
		}
	}
	batch, _ := r.oneOf(r.member(node, extensionPrefix+"batch"), extensionPrefix+"batch", "whole", "split")
	switch batch {
	case "whole":
		settings.Batch = Whole
	case "split":
		settings.Batch = Split
	}
	if concurrency := r.member(node, extensionPrefix+"batch-concurrency"); concurrency != nil {
		if value, ok := r.integer(concurrency, extensionPrefix+"batch-concurrency", 1, maxBatchConcurrency); ok {
			settings.BatchConcurrency = value
		}
	}
	if body := r.member(node, extensionPrefix+"body"); body != nil {
		settings.Body = r.bodyTemplate(body)
	}
	return settings
}

// bodyTemplate reads x-keyrelay-body and checks its expressions.
func (r *reader) bodyTemplate(node *yaml.Node) *BodyTemplate {
	before := len(r.faults)
	template := &BodyTemplate{Place: r.place(node)}
	var ok bool
	if template.JSON, ok = r.json(node); ok {
		r.checkExpressions(node)
	}
	if len(r.faults) == before {
		compiler := bodyCompiler{reader: r}
		compiler.value(node)
		template.Parts = compiler.parts
	}
	return template
}

// checkExpressions notes every broken expression of a body template.
func (r *reader) checkExpressions(node *yaml.Node) {
	node = resolve(node)
	for i, child := range node.Content {
		if node.Kind != yaml.MappingNode || i%2 == 1 {
			r.checkExpressions(child)
		} else if strings.Contains(child.Value, "{{{") {
			r.fault(child, "an expression stands in a member's name", "write it as the member's value")
		}
	}
	if node.Kind != yaml.ScalarNode {
		return
	}
	for rest := node.Value; strings.Contains(rest, "{{{"); {
		_, expression, after, err := cutExpression(rest)
		if err == nil && expression != "?" {
			rest = after
			continue
		}
		problem := "between {{{ and }}} stands no name"
		if err != nil {
			problem = err.Error()
		}
		r.fault(node, "the template cannot be read: "+problem, "write {{{field}}}, or {{{field?}}} for a field that may be absent")
		return
	}
}
