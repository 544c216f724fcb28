package destination_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
)

// An outcome is what must come of a folder of documents.
type outcome struct {
	// fault is what the error says; empty where the folder loads.
	fault string
	// warning is what the only warning, or each of those between "|", says.
	warning string
	// requests are "METHOD URL" with what becomes of them: "sent", "unusable" or "undeclared".
	requests map[string]string
}

// become says what becomes of a request.
func become(set *destination.Set, request string) string {
	method, outboundURL, _ := strings.Cut(request, " ")
	location, err := set.Locate(outboundURL)
	if err == nil {
		_, err = location.Operation(method, location.Path)
	}
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, destination.ErrUnusable):
		return "unusable"
	}
	return "undeclared"
}

// checkOutcome loads a folder and compares.
func checkOutcome(t *testing.T, folder string, want outcome) {
	t.Helper()
	set, err := destination.Load(folder, destination.Config{RealLambda: true})
	if want.fault != "" {
		if err == nil || !strings.Contains(err.Error(), want.fault) || !strings.Contains(err.Error(), ":") {
			t.Errorf("got %v, want the fault %q", err, want.fault)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var expected []string
	if want.warning != "" {
		expected = strings.Split(want.warning, "|")
	}
	got := set.Warnings()
	for i, each := range got {
		if i >= len(expected) || !strings.Contains(each.String(), expected[i]) || each.Line < 1 {
			t.Errorf("warning %d is %s, want %q", i, each, expected)
		}
	}
	if len(got) != len(expected) {
		t.Errorf("%d warnings, want %q", len(got), expected)
	}
	for request, becomes := range want.requests {
		if is := become(set, request); is != becomes {
			t.Errorf("%s is %s, want %s", request, is, becomes)
		}
	}
}

const v1 = "https://api.example.com/v1"

// corpusOutcomes are what must come of the cases of the shared test data, by their numbers.
func corpusOutcomes() map[string]outcome {
	sent := func(requests ...string) map[string]string {
		all := map[string]string{}
		for _, each := range requests {
			all[each] = "sent"
		}
		return all
	}
	return map[string]outcome{
		"01":  {requests: sent("POST "+v1+"/contacts", "GET "+v1+"/me")},
		"01b": {warning: "once rotated, is kept in memory only", requests: sent("POST "+v1+"/contacts", "GET "+v1+"/me")},
		"01c": {requests: sent("POST "+v1+"/contacts", "GET https://fine.example.com/x")},
		"02":  {requests: sent("GET "+v1+"/files/1", "POST "+v1+"/files/1")},
		"03":  {warning: "http:// on the public network", requests: sent("GET " + v1 + "/a")},
		"04":  {requests: sent("GET " + v1 + "/a")},
		"05":  {warning: "leaves the document", requests: map[string]string{"GET " + v1 + "/a": "unusable"}},
		"06":  {warning: "query or a fragment", requests: map[string]string{"GET " + v1 + "/a": "sent", "POST " + v1 + "/a": "unusable"}},
		"07":  {warning: "query or a fragment", requests: map[string]string{"POST " + v1 + "/a?action=x": "unusable"}},
		"08":  {requests: sent("POST " + v1 + "/Messages.json")},
		"09":  {requests: sent("GET "+v1+"/none-first", "GET "+v1+"/none-last")},
		"10":  {requests: sent("GET " + v1 + "/a")},
		"10b": {requests: sent("GET " + v1 + "/a")},
		"11":  {requests: sent("GET " + v1 + "/a")},
		"12":  {fault: "overlay"},
		"13":  {fault: "declares no servers"},
		"14":  {requests: sent("GET https://your-tenant.example.com/v1/a")},
		"15":  {requests: sent("GET https://eu.example.com:8443/v2/a", "GET https://us.example.com/v2/a")},
		"16":  {fault: "without braces"},
		"17":  {requests: map[string]string{"GET https://path.example.com/p/a": "sent", "POST https://op.example.com/a": "sent", "GET " + v1 + "/a": "undeclared"}},
		"18":  {requests: sent("GET " + v1 + "/a")},
		"19":  {requests: map[string]string{"POST " + v1 + "/new": "undeclared"}},
		"20": {warning: "in of this parameter is not known|no request with this method|style of a parameter in: cookie is not known",
			requests: map[string]string{"GET " + v1 + "/a": "unusable", "GET " + v1 + "/b": "unusable"}},
		"20b": {requests: sent("GET " + v1 + "/a")},
		"21":  {fault: "swagger2openapi"},
		"22":  {requests: sent("GET "+v1+"/a", "GET "+v1+"/b", "GET "+v1+"/c")},
		"23":  {fault: "stands twice"},
		"24":  {fault: "stands twice"},
		"25":  {warning: "required is neither true nor false", requests: map[string]string{"GET " + v1 + "/a": "unusable"}},
		"26":  {warning: "never forwards", requests: sent("GET "+v1+"/s/a/b/c", "GET "+v1+"/o", "GET "+v1+"/c", "POST "+v1+"/dig", "POST "+v1+"/colon/1:cancel", "GET "+v1+"/trailing/")},
		"27":  {warning: "style of a parameter in: query is not known", requests: map[string]string{"GET " + v1 + "/a": "unusable"}},
		"28":  {warning: "in of this parameter is not known", requests: map[string]string{"POST " + v1 + "/a": "unusable", "POST " + v1 + "/b": "unusable"}},
		"29":  {warning: "is not declared", requests: map[string]string{"GET " + v1 + "/a": "unusable"}},
		"30":  {requests: sent("GET " + v1 + "/a")},
		"31":  {warning: "braces", requests: map[string]string{"GET " + v1 + "/a/1": "undeclared"}},
		"32":  {requests: map[string]string{"GET " + v1 + "/a": "undeclared"}},
		"33":  {requests: sent("GET " + v1 + "/a")},
		"34":  {warning: "white space around it", requests: sent("GET " + v1 + "/a")},
		"35":  {warning: "fragment|relative|not an absolute https URL", requests: sent("GET https://api.example.com/v2/a", "GET https://[2001:db8::1]/v5/a")},
		"36":  {requests: sent("POST https://api.example.com/crm/contacts", "POST https://api.example.com/crm/deals")},
	}
}

// The cases of the shared test data have the outcomes that their README says.
func TestCorpusCases(t *testing.T) {
	const root = "../../../shared/corpus/openapi/cases"
	folders, err := os.ReadDir(root)
	if err != nil {
		t.Skip("skipped: the shared test data is not on this machine")
	}
	outcomes := corpusOutcomes()
	for _, folder := range folders {
		number, _, _ := strings.Cut(folder.Name(), "-")
		want, known := outcomes[number]
		if !known {
			t.Errorf("nothing is expected of %s", folder.Name())
			continue
		}
		t.Run(folder.Name(), func(t *testing.T) { checkOutcome(t, filepath.Join(root, folder.Name()), want) })
	}
}

// vendorCases are documents of the kinds that vendors publish, written for this test.
func vendorCases() map[string]struct {
	documents []txtar.File
	outcome
} {
	type files = []txtar.File
	named := func(name, text string) txtar.File { return txtar.File{Name: name, Data: []byte(text)} }
	return map[string]struct {
		documents []txtar.File
		outcome
	}{
		"sandbox and live, the token's URL relative": {files{named("pay.json", `{"openapi":"3.0.3","servers":[{"url":"https://sandbox.example.com"},{"url":"https://live.example.com"}],
			"security":[{"Oauth2":["a"]}],"paths":{"/v2/orders":{"post":{}}},
			"components":{"securitySchemes":{"Oauth2":{"type":"oauth2","flows":{"clientCredentials":{"tokenUrl":"/v1/oauth2/token","scopes":{"a":"A"}}}}}}}`)},
			outcome{requests: map[string]string{"POST https://sandbox.example.com/v2/orders": "sent", "POST https://live.example.com/v2/orders": "sent"}}},
		"one server for many documents, some of them webhooks": {files{
			named("contacts.json", `{"openapi":"3.0.1","servers":[{"url":"https://api.example.com"}],"paths":{"/crm/contacts":{"get":{}}}}`),
			named("deals.json", `{"openapi":"3.0.1","servers":[{"url":"https://api.example.com/"}],"paths":{"/crm/deals":{"get":{}},"/crm/contacts":{"post":{}}}}`),
			named("hooks.json", `{"openapi":"3.1.0","servers":[{"url":"https://api.example.com"}],"webhooks":{"new":{"post":{}}}}`),
			named("events.json", `{"openapi":"3.1.0","webhooks":{"new":{"post":{}}}}`)},
			outcome{requests: map[string]string{"GET https://api.example.com/crm/contacts": "sent", "POST https://api.example.com/crm/contacts": "sent",
				"GET https://api.example.com/crm/deals": "sent", "POST https://api.example.com/new": "undeclared"}}},
		"versions of one API by their prefixes": {files{
			named("v70.yaml", "openapi: 3.1.0\nservers: [{url: 'https://checkout.example.com/v70'}]\npaths: {/payments: {post: {operationId: pay}}}"),
			named("v71.yaml", "openapi: 3.1.0\nservers: [{url: 'https://checkout.example.com/v71'}]\npaths: {/payments: {post: {operationId: pay}}}")},
			outcome{requests: map[string]string{"POST https://checkout.example.com/v70/payments": "sent", "POST https://checkout.example.com/v71/payments": "sent"}}},
		"a server for each path, none for the document": {files{named("sms.json", `{"openapi":"3.0.1","paths":{
			"/2010/Messages.json":{"servers":[{"url":"https://api.example.com"}],"post":{}},"/v1/Lost":{"get":{}}}}`)},
			outcome{warning: "no server that can be used", requests: map[string]string{"POST https://api.example.com/2010/Messages.json": "sent", "GET https://api.example.com/v1/Lost": "undeclared"}}},
		"a file name that is no secret's": {files{named("Conversations Inbox & Messages~v3.json", `{"openapi":"3.0.1","servers":[{"url":"https://api.example.com"}],"security":[{"key":[]}],
			"components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"K"}}}}`)},
			outcome{requests: map[string]string{"GET https://api.example.com/a": "sent"}}},
		"parts in other files": {files{named("split.yaml", `
openapi: 3.0.3
servers: [{url: "https://api.example.com"}]
paths:
  /a: {$ref: ./paths/a.yaml}
  /b: {get: {parameters: [{$ref: "./parameters.yaml#/page"}]}, put: {}}
  /c: {post: {requestBody: {$ref: "bodies/c.yaml"}}}
`)}, outcome{warning: "leaves the document", requests: map[string]string{"DELETE https://api.example.com/a": "unusable", "GET https://api.example.com/b": "unusable",
			"PUT https://api.example.com/b": "sent", "POST https://api.example.com/c": "unusable"}}},
		"actions told apart by the query": {files{named("aws.yaml", `
openapi: 3.0.3
servers: [{url: "https://api.example.com"}]
paths: {"/?Action=List": {get: {}}, "/?Action=Put": {post: {}}, "/#Other": {get: {}}}
`)}, outcome{warning: "query or a fragment", requests: map[string]string{"GET https://api.example.com/?Action=List": "unusable"}}},
		"one version behind another's back": {files{
			named("a.yaml", "openapi: 3.0.3\nservers: [{url: 'https://api.example.com'}]\npaths: {/a: {get: {}}}"),
			named("b.yaml", "openapi: 3.0.3\nservers: [{url: 'https://api.example.com'}]\npaths: {/a: {get: {}}}")},
			outcome{fault: "the operation GET /a is declared by a.yaml too"}},
	}
}

// Documents of the kinds that vendors publish have the same outcomes in every clone.
func TestVendorCases(t *testing.T) {
	for name, each := range vendorCases() {
		t.Run(name, func(t *testing.T) { checkOutcome(t, write(t, each.documents...), each.outcome) })
	}
}
