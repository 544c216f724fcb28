package destination_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// yaml is a document called api.yaml.
func yaml(text string) txtar.File { return txtar.File{Name: "api.yaml", Data: []byte(text)} }

// find locates a URL and its operation.
func find(t testing.TB, set *destination.Set, method, outboundURL string) *destination.Operation {
	t.Helper()
	location := located(t, set, outboundURL)
	operation, err := location.Operation(method, location.Path)
	if err != nil {
		t.Fatalf("%s %s: %v", method, outboundURL, err)
	}
	return operation
}

// refused returns the refusal of an operation.
func refused(t *testing.T, set *destination.Set, method, outboundURL, path string) *gateway.Refusal {
	t.Helper()
	location := located(t, set, outboundURL)
	operation, err := location.Operation(method, path)
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) || !errors.Is(err, destination.ErrOperation) || operation != nil {
		t.Fatalf("%s %s: operation %v, error %v", method, path, operation, err)
	}
	return refusal
}

const routes = head + `
paths:
  /: {get: {}}
  /orders: {get: {}, post: {}, head: {}, options: {}}
  /orders/{id}: {get: {}, delete: {}}
  /orders/mine: {get: {}}
  /orders/{id}/lines/{line}: {put: {}}
  /orders/mine/lines: {get: {}}
  /report.{format}: {get: {}}
  /{a}-{b}: {get: {}}
  /{a}: {get: {}}
  /{a}/x-{b}.{c}: {get: {}}
  /{a}/y{b}: {get: {}}
  /{a}/{b}y: {get: {}}
  /caf%C3%A9: {get: {}}
  /münchen: {get: {}}
  /orders?beta=true: {post: {}, put: {}}
  x-notes: none
`

func TestPathTemplates(t *testing.T) {
	set := load(t, yaml(routes))
	for request, want := range map[string]string{
		"GET ":                     "/",
		"GET /":                    "/",
		"POST /orders":             "/orders",
		"GET /orders/7":            "/orders/{id}",
		"GET /orders/{id}":         "/orders/{id}",
		"DELETE /orders/a%2Fb":     "/orders/{id}",
		"GET /orders/mine":         "/orders/mine",
		"GET /orders/%6dine":       "/orders/mine",
		"PUT /orders/7/lines/8":    "/orders/{id}/lines/{line}",
		"PUT /orders/mine/lines/8": "/orders/{id}/lines/{line}",
		"GET /orders/mine/lines":   "/orders/mine/lines",
		"GET /report.pdf":          "/report.{format}",
		"GET /report.":             "/{a}",
		"GET /a-b":                 "/{a}-{b}",
		"GET /a-b-c":               "/{a}-{b}",
		"GET /--":                  "/{a}",
		"GET /---":                 "/{a}-{b}",
		"GET /-b":                  "/{a}",
		"GET /z/x-1.2":             "/{a}/x-{b}.{c}",
		"GET /z/y1y":               "/{a}/{b}y",
		"GET /z/y1":                "/{a}/y{b}",
		"GET /caf%c3%a9":           "/caf%C3%A9",
		"GET /m%C3%BCnchen":        "/münchen",
	} {
		method, path, _ := strings.Cut(request, " ")
		location := located(t, set, "https://api.example.com/v2")
		got, err := location.Operation(method, "/v2"+path)
		if err != nil || got.Path != want || got.Method != method {
			t.Errorf("%s is %+v (%v), want %s", request, got, err, want)
		}
	}
}

// A template that names an extension of a literal path is its own operation, and what else
// servers could take for that path is none.
func TestTemplatedExtension(t *testing.T) {
	set := load(t, yaml(head+`
paths:
  /report: {get: {}}
  /report.{format}: {get: {}}
  /export: {get: {}}
  /export{ending}: {get: {}}
  /export/{id}/rows: {get: {}}
  /{any}: {get: {}}
  /{any}.csv: {get: {}}
  /list: {get: {}}
  /a/: {get: {}}
  /a/{any}: {get: {}}
`))
	location := located(t, set, "https://api.example.com/v2")
	for path, want := range map[string]string{
		"/report.pdf": "/report.{format}", "/report.tar.gz": "/report.{format}", "/export.pdf": "/export{ending}", "/exports": "/export{ending}", "/orders.csv": "/{any}.csv",
		"/report;a": "", "/report.": "", "/REPORT": "", "/report%2F": "", "/Report.pdf": "", "/export.": "", "/export;.pdf": "", "/list.csv": "", "/list.pdf": "", "/export.pdf/1/rows": "", "/a/.pdf": "",
	} {
		got, err := location.Operation("GET", "/v2"+path)
		if found := err == nil; found != (want != "") || found && got.Path != want {
			t.Errorf("%s is %+v (%v), want %q", path, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "Many servers ignore capitals and an ending") && !strings.Contains(err.Error(), "The nearest one is ") {
			t.Errorf("%s: %v does not say why", path, err)
		}
	}
	if refusal := refused(t, set, "GET", "https://api.example.com/v2", "/v2/b/c"); strings.Contains(refusal.Detail, "Many servers") {
		t.Errorf("a path that resembles none is refused by %q", refusal.Detail)
	}
}

func TestNoOperation(t *testing.T) {
	set := load(t, yaml(routes))
	for request, allowed := range map[string][]string{
		"HEAD /orders":        {"GET", "POST"},
		"OPTIONS /orders":     {"GET", "POST"},
		"get /orders":         {"GET", "POST"},
		"DELETE /orders/mine": {"GET"},
		"POST /report.pdf":    {"GET"},
	} {
		method, path, _ := strings.Cut(request, " ")
		refusal := refused(t, set, method, "https://api.example.com/v2", "/v2"+path)
		same(t, request, allowed, refusal.Allowed)
	}
	for _, path := range []string{"/orders/", "/orders/7/lines", "/orders/7/lines/", "/orders//", "/z/x-", "/z/x-.2", "/z/x-1."} {
		refusal := refused(t, set, "GET", "https://api.example.com/v2", "/v2"+path)
		if len(refusal.Allowed) != 16 || refusal.Allowed[0] != "DELETE /orders/{id}" {
			t.Errorf("%s: allowed are %q", path, refusal.Allowed)
		}
	}
}

// A document without operations stands for all of them, "paths: {}" included.
func TestNoPaths(t *testing.T) {
	for _, paths := range []string{"", "paths: {}", "paths:", "paths: {x-none: 1}"} {
		set := load(t, yaml(head+paths))
		if got := find(t, set, "DELETE", "https://api.example.com/v2/any/path"); got.Method != "" || got.Path != "" {
			t.Errorf("%q gives %+v", paths, got)
		}
	}
}

// A record's field that fills an expression cannot lead the request, and one
// document's credential, below another document's server.
func TestFilledPathStaysAtItsDestination(t *testing.T) {
	set := load(t, yaml(`{openapi: 3.1.1, servers: [{url: "https://api.example.com"}]}`),
		txtar.File{Name: "admin.yaml", Data: []byte(`{openapi: 3.1.1, servers: [{url: "https://api.example.com/admin"}]}`)})
	for _, path := range []string{"/admin/users", "/admin", "/%61dmin/users"} {
		refused(t, set, "GET", "https://api.example.com/{area}/users", path)
	}
	location := located(t, set, "https://api.example.com/{area}/users")
	if _, err := location.Operation("GET", "/administrators/users"); err != nil {
		t.Error(err)
	}
}

// An operation that a vendor publishes in two documents is that of the first which
// names its secret, as long as nothing that the operator writes differs.
func TestPublishedTwice(t *testing.T) {
	const text = `
openapi: 3.1.1
servers: [{url: "https://api.example.com"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
paths: {"/events/{name}": {get: {operationId: getEvent, parameters: [{name: a, in: query}]}}}
`
	set := load(t, yaml(text), txtar.File{Name: "more.yaml", Data: []byte(strings.Replace(text, "{name}", "{event}", 1))})
	operation := find(t, set, "GET", "https://api.example.com/events/a")
	if got := operation.Security[0].Scheme.Secret.Name; operation.Destination.Name != "api" || got != "keyrelay/api" {
		t.Errorf("the operation is given %s of %s", got, operation.Destination.Name)
	}
	if warnings := set.Warnings(); len(warnings) != 1 || !strings.HasSuffix(warnings[0].File, "more.yaml") || warnings[0].Off != "GET /events/{event} here" {
		t.Errorf("the warnings are %v", warnings)
	}
	own := strings.Replace(text, "name: X-Key", "name: X-Key, x-keyrelay-secret: 'env:KEY'", 1)
	set = load(t, yaml(text), txtar.File{Name: "more.yaml", Data: []byte(own)})
	if got := find(t, set, "GET", "https://api.example.com/events/a"); got.Destination.Name != "more" {
		t.Errorf("the operation is that of %s", got.Destination.Name)
	}
	for change, fine := range map[string]bool{
		"getEvent getEvents": true, "operationId: note:": false, "query header": true, "X-Key X-Keys": true, "get: post:": true, "openapi x-keyrelay-network": false,
		"openapi x-keyrelay-timeout": false, "openapi x-keyrelay-batch": false, "env:KEY env:OTHER": false,
	} {
		before, after, _ := strings.Cut(change, " ")
		other := strings.Replace(own, before, after, 1)
		if before == "openapi" {
			other = own + after + ": " + map[string]string{"x-keyrelay-network": "private", "x-keyrelay-timeout": "3", "x-keyrelay-batch": "whole"}[after] + "\n"
		}
		_, err := destination.Load(write(t, yaml(own), txtar.File{Name: "more.yaml", Data: []byte(other)}), destination.Config{})
		if (err == nil) != fine {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// Documents that declare the same server are one set of operations, each with its own document.
func TestSideBySide(t *testing.T) {
	document := func(name, text string) txtar.File {
		return txtar.File{Name: name + ".yaml", Data: []byte("openapi: 3.1.1\nx-keyrelay-timeout: 0." + name[1:] + "\n" + text)}
	}
	set := load(t,
		document("a1", "servers: [{url: 'https://api.example.com'}]\npaths: {/crm/contacts: {post: {}}, '/crm/{kind}/{id}': {get: {}}, /v2/old: {get: {}, put: {}}}"),
		document("b2", "servers: [{url: 'https://api.example.com/'}]\npaths: {/crm/deals: {post: {}}, '/crm/{type}/{id}': {put: {}}, /crm/contacts/merge: {get: {}}}"),
		document("c3", "servers: [{url: 'https://api.example.com/v2'}]\npaths: {/new: {get: {}}, /old: {put: {}}}"),
		document("d4", "servers: [{url: 'https://api.example.com'}]\nwebhooks: {a: {}}"),
		document("e5", "servers: [{url: 'https://api.example.com/v2/open'}]"),
		document("f6", "servers: [{url: 'http://api.example.com'}]\nx-keyrelay-network: private\npaths: {/crm/contacts: {post: {}}}"),
	)
	for request, want := range map[string]string{
		"POST https://api.example.com/crm/contacts": "a1", "POST https://api.example.com/crm/deals": "b2",
		"GET https://api.example.com/crm/x/1": "a1", "PUT https://api.example.com/crm/x/1": "b2", "GET https://api.example.com/crm/contacts/merge": "b2",
		"GET https://api.example.com/v2/new": "c3", "PUT https://api.example.com/v2/old": "c3", "GET https://api.example.com/v2/old": "a1",
		"GET https://api.example.com/v2/open/old": "e5", "POST http://api.example.com/crm/contacts": "f6",
	} {
		method, outboundURL, _ := strings.Cut(request, " ")
		operation := find(t, set, method, outboundURL)
		if got := operation.Destination.Name; got != want || operation.Timeout.Seconds()*10 != float64(want[1]-'0') {
			t.Errorf("%s belongs to %s with a timeout of %s, want %s", request, got, operation.Timeout, want)
		}
	}
	if refusal := refused(t, set, "POST", "https://api.example.com/crm", "/crm/x/1"); !cmp.Equal(refusal.Allowed, []string{"GET", "PUT"}) {
		t.Errorf("allowed are %q", refusal.Allowed)
	}
	if refusal := refused(t, set, "POST", "https://api.example.com/crm", "/crm"); len(refusal.Allowed) != 7 {
		t.Errorf("allowed are %q", refusal.Allowed)
	}
	// What fills a path may choose among the documents of one server, but leads below no other one.
	location := located(t, set, "https://api.example.com/crm/{kind}")
	if operation, err := location.Operation("POST", "/crm/deals"); err != nil || operation.Destination.Name != "b2" {
		t.Errorf("filled with deals: %+v, %v", operation, err)
	}
	refused(t, set, "GET", "https://api.example.com/{area}/new", "/v2/new")
}
