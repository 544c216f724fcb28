package destination

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/rawjson"
)

// The defaults of what a document may leave out.
const (
	defaultTimeout          = 25 * time.Second
	defaultAuxiliaryTimeout = 10 * time.Second
	defaultBatchConcurrency = 8
	defaultBatchMax         = 1_000
)

// The largest values that a document may hold. maxTimeout is the longest that a
// Lambda function runs; maxLifetime is a year. maxDeliveryHours leaves a day of the 14 for
// which a queue of Amazon SQS keeps a message at most,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const (
	maxDeliveryHours    = 13 * 24
	maxTimeout          = 900
	maxLifetime         = 365 * 24 * 3600
	maxBatchConcurrency = 100
	maxBatch            = 10_000 // more than can be sent one by one before any gateway's time is up
)

// The media types that the rest of a record can be sent as.
const (
	jsonType      = "application/json"
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
)

// document reads one document, whose mappings are sound or have been reported already. Faults
// and warnings are noted in the reader.
func (r *reader) document(sound bool) {
	d := &Destination{Name: nameOf(r.file), Schemes: map[string]*SecurityScheme{}, file: filepath.Base(r.file)}
	d.secretPrefix = cmp.Or(r.config.SecretPrefix, DefaultSecretPrefix)
	r.destination = d
	if !sound || !r.version() {
		return
	}
	d.Title = d.Name
	if title := r.member(r.member(r.root, "info"), "title"); title != nil && title.Kind == yaml.ScalarNode && title.Value != "" {
		d.Title = title.Value
	}
	r.checkExtensions(r.root, documentLevel)
	r.checkMisspelt(r.root, documentLevel, "servers", "security", "components", "paths", "webhooks")
	r.checkMisspelt(r.member(r.root, "components"), "components", "securitySchemes", "parameters", "pathItems", "requestBodies", "schemas")
	d.Network = r.network()
	d.CA = r.reference(r.root, "ca")
	d.AnyRecordType = r.oneOf(r.member(r.root, extensionPrefix+"record-type"), extensionPrefix+"record-type", "json", "any") == "any"
	d.Pace = r.pace()
	d.Variables = r.reference(r.root, "variables")
	d.Callers = r.callers()
	shared := r.settings(r.root, Operation{Destination: d, Timeout: defaultTimeout, BatchConcurrency: defaultBatchConcurrency, BatchMax: defaultBatchMax, DeliverWithin: DefaultDeliverWithin})
	d.AuxiliaryTimeout = defaultAuxiliaryTimeout
	if r.member(r.root, extensionPrefix+"timeout") != nil {
		d.AuxiliaryTimeout = shared.Timeout
	}
	r.servers = r.serverList(r.member(r.root, "servers"))
	r.schemes()
	off := r.sharedSecurity(&shared)
	d.Session = r.session()
	named := r.named(r.member(r.root, "security"))
	if len(named) == 0 {
		named = slices.SortedFunc(maps.Values(d.Schemes), func(a, b *SecurityScheme) int { return cmp.Compare(a.Name, b.Name) })
	}
	shared.Placeholders = placeholders(named)
	r.operations(shared, off)
	r.checkUnused()
	r.checkElsewhere(r.root)
}

func nameOf(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// otherFormats are those that are taken for OpenAPI documents, by a member that each has at its root.
var otherFormats = []struct{ member, what, remedy string }{
	{"overlay", "an overlay", "name it as the document that it is for, with .overlay before its ending: orders.overlay.yaml beside orders.yaml"},
	{"asyncapi", "an AsyncAPI document", "write an OpenAPI document with the servers of the API, and its paths where they matter"},
	{"item", "a Postman collection", "export it as OpenAPI, or paste one of its requests as a curl command into the workbench of make run, which makes a document of it"},
	{"resources", "an export of Insomnia", "export it as OpenAPI, or paste one of its requests as a curl command into the workbench of make run, which makes a document of it"},
	{"log", "a recording of a browser", "paste one of its requests as a curl command into the workbench of make run, which makes a document of it"},
}

func (r *reader) version() bool {
	if swagger := r.member(r.root, "swagger"); swagger != nil {
		r.fault(swagger, "the document is Swagger 2.0", "convert it to OpenAPI 3: npx swagger2openapi --patch --outfile NEW.yaml FILE, or https://converter.swagger.io")
		return false
	}
	node := r.member(r.root, "openapi")
	if node == nil {
		for _, other := range otherFormats {
			if node := r.member(r.root, other.member); node != nil {
				r.fault(node, "this is "+other.what+", and no OpenAPI document", other.remedy)
				return false
			}
		}
		r.fault(r.root, "the document does not say its OpenAPI version", `write openapi: 3.1.1 at the top; what is no OpenAPI document, such as a secret, belongs into another folder`)
		return false
	}
	text := node.Value + "."
	if node.Kind != yaml.ScalarNode || len(text) < 4 || !slices.Contains([]string{"3.0.", "3.1.", "3.2."}, text[:4]) {
		r.fault(node, "the document is not OpenAPI 3.0, 3.1 or 3.2", "write openapi: 3.1.1 and what belongs to it")
		return false
	}
	return true
}

func (r *reader) network() Network {
	node := r.member(r.root, extensionPrefix+"network")
	text := r.oneOf(node, extensionPrefix+"network", "public", "private", "loopback")
	if node != nil && text == "" {
		return Loopback // one that is misspelt has this fault, and its URLs no other
	}
	network, _ := ParseNetwork(text)
	switch widest := r.config.Widest; {
	case network == Loopback && r.config.RealLambda:
		r.fault(node, "the network loopback is open to nobody in AWS Lambda, where it holds the runtime's own API",
			"write public or private, or leave this document out of the deployment")
	case widest != nil && network > *widest:
		r.fault(node, "the network "+text+" is wider than documents may ask for here, which is "+widest.String(),
			"write "+widest.String()+", leave this document out, or set KEYRELAY_NETWORKS, in AWS the template's parameter Networks, to "+text)
	}
	return network
}

// callers reads x-keyrelay-callers; nil when it is absent.
func (r *reader) callers() (names []string) {
	const what = extensionPrefix + "callers"
	list := r.member(r.root, what)
	if list != nil && (isNull(list) || list.Kind == yaml.SequenceNode && len(list.Content) == 0) {
		r.fault(list, what+" names nobody", "write the names of callers, such as [osmos], or remove it to let in all")
	}
	for _, item := range r.items(list, what) {
		name, ok := r.text(item, "this name of "+what)
		if ok && name == "" {
			r.fault(item, "this name of "+what+" is empty", "write the name of a caller, or remove it")
		}
		names = append(names, name)
	}
	return names
}

// reference reads an extension that holds a secret reference; zero when it is absent.
func (r *reader) reference(parent *yaml.Node, name string) Reference {
	return r.placedReference(r.member(parent, extensionPrefix+name), extensionPrefix+name)
}

// placedReference reads a secret reference and lists it with its place.
func (r *reader) placedReference(node *yaml.Node, what string) Reference {
	text, ok := r.text(node, what)
	if !ok {
		return Reference{}
	}
	reference, err := ParseReference(text)
	if err != nil {
		r.fault(node, what+" is not a secret reference: "+err.Error(), "write secretsmanager:NAME, env:NAME or file:PATH, and #/member to take one member")
		return Reference{}
	}
	if problem := reference.belongsToProcess(); problem != "" {
		r.fault(node, what+" names "+problem+", which no document may read", "put the secret into Secrets Manager, a file or a variable of its own")
	}
	r.refer(reference, node)
	return reference
}

func (r *reader) refer(reference Reference, node *yaml.Node) {
	r.destination.References = append(r.destination.References, PlacedReference{Reference: reference, Place: r.place(node)})
}

func (r *reader) pointer(node *yaml.Node, what string) (rawjson.Pointer, bool) {
	text, ok := r.text(node, what)
	if !ok {
		return "", false
	}
	pointer, err := rawjson.ParsePointer(text)
	if err != nil {
		r.fault(node, what+" is not a JSON Pointer: "+err.Error(), "write a pointer such as /credentials/key")
		return "", false
	}
	return pointer, true
}

// settings reads the extensions that a document and an operation share, over what holds without them.
func (r *reader) settings(node *yaml.Node, settings Operation) Operation {
	const batch, concurrency, most, bodyType = extensionPrefix + "batch", extensionPrefix + "batch-concurrency", extensionPrefix + "batch-max", extensionPrefix + "body-type"
	settings.Timeout = cmp.Or(r.seconds(node, extensionPrefix+"timeout", false, maxTimeout), settings.Timeout)
	switch r.oneOf(r.member(node, batch), batch, "whole", "split") {
	case "whole":
		settings.Batch = Whole
	case "split":
		settings.Batch = Split
	}
	settings.BatchConcurrency = cmp.Or(r.integer(r.member(node, concurrency), concurrency, 1, maxBatchConcurrency), settings.BatchConcurrency)
	settings.BatchMax = cmp.Or(r.integer(r.member(node, most), most, 1, maxBatch), settings.BatchMax)
	r.delivery(node, &settings)
	if body := r.member(node, extensionPrefix+"body"); body != nil {
		settings.Body = r.bodyTemplate(body)
	}
	settings.BodyType = cmp.Or(r.oneOf(r.member(node, bodyType), bodyType, jsonType, formType, multipartType), settings.BodyType)
	return settings
}

func (r *reader) bodyTemplate(node *yaml.Node) *BodyTemplate {
	text, ok := r.json(node)
	if !ok {
		return nil
	}
	compiler := bodyCompiler{reader: r}
	compiler.value(node)
	return &BodyTemplate{JSON: text, Parts: compiler.parts}
}

// delivery reads how records are delivered that are accepted now and sent later.
func (r *reader) delivery(node *yaml.Node, settings *Operation) {
	const what, hours = extensionPrefix + "delivery", extensionPrefix + "delivery-hours"
	at := r.member(node, what)
	switch r.oneOf(at, what, "now", "later") {
	case "now":
		settings.Later = false
	case "later":
		settings.Later = true
		r.destination.Later = append(r.destination.Later, r.place(at))
		if r.config.NoQueue {
			r.fault(at, what+": later needs a queue, and there is none",
				"set KEYRELAY_QUEUE and KEYRELAY_DEAD_QUEUE, which the template's parameter Later=true does, or remove it")
		}
	}
	written := r.integer(r.member(node, hours), hours, 1, maxDeliveryHours)
	settings.DeliverWithin = cmp.Or(time.Duration(written)*time.Hour, settings.DeliverWithin)
}

// pace reads x-keyrelay-rate as the time between two deliveries; 0 when it is absent.
func (r *reader) pace() time.Duration {
	const what = extensionPrefix + "rate"
	node := r.member(r.root, what)
	text, ok := r.text(node, what)
	if !ok {
		return 0
	}
	count, unit, _ := strings.Cut(text, "/")
	number, err := strconv.ParseUint(count, 10, 32)
	per := map[string]time.Duration{"s": time.Second, "min": time.Minute}[unit]
	if err != nil || number == 0 || number > 100_000 || per == 0 {
		r.fault(node, what+" is no rate", "write how many records the API takes, such as 10/s or 100/min")
		return 0
	}
	return per / time.Duration(number)
}
