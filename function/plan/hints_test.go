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
		"braces that name no field":   {"X-Warehouse", "{depot}", record, nil, ""},
		"a field among other text":    {"X-Warehouse", "of {warehouse}", record, nil, ""},
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
			if !strings.Contains(err.Error(), test.told) {
				t.Errorf("it says %q", err)
			}
		})
	}
}
