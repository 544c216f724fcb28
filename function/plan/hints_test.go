package plan_test

import (
	"strings"
	"testing"

	"keyrelay/function/plan"
)

// TestHints sees that what a caller writes in a form that works elsewhere is refused with
// the form that works here, by the names of its own record.
func TestHints(t *testing.T) {
	set := load(t, "testdata/destinations")
	const record = `{"warehouse": "B4", "tenant_id": 7, "note": "x"}`
	const people = `{"Last, First": "x", "note": "y", "properties": {"id": 1, "email": "z"}, "items": [{"sku": 1}, {"price": 2}]}`
	for name, test := range map[string]struct {
		header, value, record string
		reason                error
		told                  string
	}{
		"a pair the other way round":  {"X-Relay-Header-Fields", "X-Warehouse=warehouse", record, plan.ErrFieldMissing, "Write warehouse=X-Warehouse in X-Relay-Header-Fields: first the field, then its header."},
		"a pair in other letters":     {"X-Relay-Header-Fields", "X-Tenant=Tenant-Id", record, plan.ErrFieldMissing, "Write tenant_id=X-Tenant in X-Relay-Header-Fields"},
		"a header alone":              {"X-Relay-Header-Fields", "X-Warehouse", record, plan.ErrFieldMissing, "Write warehouse=X-Warehouse in X-Relay-Header-Fields"},
		"a header that no field has":  {"X-Relay-Header-Fields", "X-Region", record, plan.ErrFieldMissing, `Missing: "X-Region".`},
		"a field in a header's value": {"X-Warehouse", "{warehouse}", record, plan.ErrHeader, `The header "X-Warehouse" is "{warehouse}", and the record has a field of that name, but a header's value is sent as it is. Write warehouse=X-Warehouse in X-Relay-Header-Fields instead.`},
		"a field in two braces":       {"X-Warehouse", "{{ warehouse }}", record, plan.ErrHeader, `The header "X-Warehouse" is "{{ warehouse }}", and the record has a field of that name, but a header's value is sent as it is. Write warehouse=X-Warehouse in X-Relay-Header-Fields instead.`},
		"a field behind a dollar":     {"X-Warehouse", "${warehouse}", record, plan.ErrHeader, "Write warehouse=X-Warehouse in X-Relay-Header-Fields instead."},
		"braces that name no field":   {"X-Warehouse", "{depot}", record, nil, ""},
		"a field among other text":    {"X-Warehouse", "of {warehouse}", record, nil, ""},
		"a comma in a name":           {"X-Osmos-Query-Param-Fields", "note, Last, First", people, plan.ErrFieldMissing, `The record has "Last, First": put a name with a comma in quotes.`},
		"two commas in a name":        {"X-Relay-Header-Fields", "a,b,c=X-A", `{"a,b,c": 1, "a": 2}`, plan.ErrFieldMissing, `The record has "a,b,c"`},
		"a name too long to compare":  {"X-Osmos-Query-Param-Fields", "a,b", `{"a,b` + strings.Repeat(" ", 100) + `": 1}`, plan.ErrFieldMissing, `Missing: "a", "b".`},
		"one inside such a name":      {"X-Osmos-Query-Param-Fields", "a", `{"` + strings.Repeat(",", 100) + `": {"a": 1}}`, plan.ErrFieldMissing, `Missing: "a".`},
		"an escaped comma":            {"X-Osmos-Query-Param-Fields", `"Last, First"`, people, nil, ""},
		"a part of such a name":       {"X-Osmos-Query-Param-Fields", "First", people, plan.ErrFieldMissing, `Missing: "First".`},
		"braces of a template":        {"X-Osmos-Query-Param-Fields", "{{note}}", record, plan.ErrFieldMissing, `For "{{note}}" the record has "note".`},
		"a name in single quotes":     {"X-Osmos-Query-Param-Fields", "'note'", record, plan.ErrFieldMissing, `the record has "note".`},
		"a name in typographic ones":  {"X-Osmos-Query-Param-Fields", "“note”", record, plan.ErrFieldMissing, `the record has "note".`},
		"a JSON Path":                 {"X-Osmos-Query-Param-Fields", "$.note", record, plan.ErrFieldMissing, `the record has "note".`},
		"braces before a header":      {"X-Relay-Header-Fields", "{tenant_id}=X-Tenant", `{"tenant_id": 7, "X-Tenant": 8}`, plan.ErrFieldMissing, `For "{tenant_id}" the record has "tenant_id".`},
		"a JSON array of names":       {"X-Osmos-Query-Param-Fields", `["note","tenant_id"]`, record, plan.ErrHeader, "Write names as a, b without brackets"},
		"commas of another width":     {"X-Osmos-Query-Param-Fields", "note，tenant_id", record, plan.ErrFieldMissing, "Separate names by commas."},
		"a member of a member":        {"X-Osmos-Query-Param-Fields", "email", people, plan.ErrFieldMissing, `The record has "email" inside "properties" only: send it as a member of the record itself.`},
		"a member of a list's first":  {"X-Osmos-Query-Param-Fields", "sku", people, plan.ErrFieldMissing, `The record has "sku" inside "items" only`},
		"the path of a member":        {"X-Osmos-Query-Param-Fields", "properties.plan", people, plan.ErrFieldMissing, `inside "properties" only`},
		"a short path of a member":    {"X-Osmos-Query-Param-Fields", "properties.id", people, plan.ErrFieldMissing, `The record has "properties.id" inside "properties" only`},
		"a path through a list":       {"X-Osmos-Query-Param-Fields", "items[0].sku", people, plan.ErrFieldMissing, `inside "items" only`},
		"a path to the record":        {"X-Osmos-Query-Param-Fields", "steps.trigger.event.note", record, plan.ErrFieldMissing, `For "steps.trigger.event.note" the record has "note".`},
		"a path in brackets":          {"X-Relay-Header-Fields", "row['tenant_id']=X-Tenant", record, plan.ErrFieldMissing, `the record has "tenant_id".`},
		"a path in a template":        {"X-Osmos-Query-Param-Fields", "{{ record.note }}", record, plan.ErrFieldMissing, `the record has "note".`},
		"a star":                      {"X-Osmos-Query-Param-Fields", "note, *", record, plan.ErrFieldMissing, "No sign stands for all fields: name each one."},
		"colons between names":        {"X-Osmos-Query-Param-Fields", "note:tenant_id", record, plan.ErrFieldMissing, "Separate names by commas."},
		"line breaks in names":        {"X-Osmos-Query-Param-Fields", `note\ntenant_id`, record, plan.ErrFieldMissing, "Separate names by commas."},
		"no body":                     {"X-Osmos-Query-Param-Fields", "note", "", plan.ErrFieldMissing, "The request came without a record in its body."},
		"a header without a field":    {"X-Relay-Header-Fields", "=X-Tenant", record, plan.ErrHeader, `"=X-Tenant" names no field. Write field=Header-Name.`},
		"single quotes":               {"X-Osmos-Query-Param-Fields", "a", `{'a': 1}`, plan.ErrRecord, `JSON takes double quotes (") alone, around names too.`},
		"single quotes in a value":    {"X-Osmos-Query-Param-Fields", "a", `{"a": 'b'}`, plan.ErrRecord, `JSON takes double quotes (") alone`},
		"typographic quotes":          {"X-Osmos-Query-Param-Fields", "a", `{“a”: 1}`, plan.ErrRecord, `JSON takes double quotes (") alone`},
		"another mistake":             {"X-Osmos-Query-Param-Fields", "a", `{"a": 1,}`, plan.ErrRecord, "Correct it (byte 8)."},
	} {
		t.Run(name, func(t *testing.T) {
			request := moving("", []byte(test.record))
			request.Header[test.header] = []string{test.value}
			_, err := plan.New(set, request)
			if test.reason == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			mustRefuse(t, err, test.reason)
			if !strings.Contains(err.Error(), test.told) || len(err.Error()) > 500 {
				t.Errorf("it says %q", err)
			}
		})
	}
}

// TestMethodHints sees that a method that cannot be used is refused with what can be done.
func TestMethodHints(t *testing.T) {
	for method, told := range map[string]string{
		"OPTIONS": "the gateway in front of the relay can answer.", "HEAD": "ask with GET.", "post": "written in capitals.", "Patch": "written in capitals.", "PROPFIND": "PATCH, DELETE.",
		"CONNECT": "with the URL in X-Osmos-Outbound-Url.", "PRI": "use HTTP/1.1 on this port.",
	} {
		request := moving("", nil)
		request.Method = method
		_, err := plan.New(load(t, "testdata/destinations"), request)
		mustRefuse(t, err, plan.ErrMethod)
		if !strings.HasSuffix(err.Error(), told) {
			t.Errorf("%s: it says %q", method, err)
		}
	}
}

// TestPathHints sees that an expression that cannot be filled is refused with the reason.
func TestPathHints(t *testing.T) {
	const record = `{"id": "7", "empty": "", "null": null, "none": [], "step": ".."}`
	for path, told := range map[string]string{
		"/orders/{empty}":    `The field "empty" is to stand in the outbound URL's path, and is empty or null.`,
		"/orders/{null}/x":   `The field "null" is to stand`,
		"/orders/{none}":     `The field "none" is to stand`,
		"/orders/{step}":     `or holds a segment`,
		"/orders/${id}":      `Write {id} alone, or %24 for a dollar sign.`,
		"/orders/{id}-${id}": `Write {id} alone`,
		"/orders/{id:3}":     `The path expression "{id:3}" of X-Osmos-Outbound-Url is malformed.`,
		"/orders/{+id}/x":    `The path expression "{+id}" of`,
		"/orders/{items[0]}": `percent-encode any other character`,
	} {
		request := moving("", []byte(record))
		request.Header["X-Osmos-Outbound-Url"] = []string{"https://api.example.com" + path}
		_, err := plan.New(load(t, "testdata/destinations"), request)
		mustRefuse(t, err, plan.ErrPathExpressionFill)
		if !strings.Contains(err.Error(), told) {
			t.Errorf("%s: it says %q", path, err)
		}
	}
}

// TestUnfilledTemplates sees that what other programs write for a field is refused where the
// record has that field, and is sent as it is where it has none.
func TestUnfilledTemplates(t *testing.T) {
	const record, told = `{"id": "7", "order id": "8"}`, "and the record has a field of that name. Write {"
	for address, want := range map[string]string{
		"/orders/:id":                     told + "id} to fill it.",
		"/orders/:id/lines":               told + "id}",
		"/orders/%7Bid%7D":                `has "%7Bid%7D" in its path`,
		"/orders/%7b%7bid%7d%7d":          told + "id}",
		"/orders/%7B%7B%20id%20%7D%7D":    told + "id}",
		"/orders/$%7Bid%7D":               told + "id}",
		"/orders/<id>":                    told + "id}",
		"/orders/%3Cid%3E":                told + "id}",
		"/orders/[id]":                    told + "id}",
		"/orders/%5Border%20id%5D":        told + "order id}",
		"/orders?of=%7Bid%7D":             "Name the field in X-Osmos-Query-Param-Fields",
		"/orders?a=1&of=%7B%7Bid%7D%7D":   "Name the field in X-Osmos-Query-Param-Fields",
		"/orders/:other":                  "",
		"/orders/id:":                     "",
		"/orders/a:id":                    "",
		"/orders/%7Bother%7D":             "",
		"/orders/%7B%7D":                  "",
		"/orders/[]":                      "",
		"/orders?of=:id":                  "",
		"/orders?filter=%7B%22id%22:1%7D": "",
	} {
		request := moving("", []byte(record))
		request.Header["X-Osmos-Outbound-Url"] = []string{"https://api.example.com" + address}
		_, err := plan.New(load(t, "testdata/destinations"), request)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", address, err, want)
		}
	}
}
