package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// TestTooManyMembers refuses objects with more members than can be told apart in
// little room, however they are nested.
func TestTooManyMembers(t *testing.T) {
	set := load(t, "testdata/destinations")
	members := func(count int) string {
		var text strings.Builder
		for i := range count {
			fmt.Fprintf(&text, `,"m%x":1`, i)
		}
		return text.String()
	}
	for record, refused := range map[string]bool{
		`{"a":1` + members(49_999) + `}`:                                false,
		`{"a":1` + members(50_000) + `}`:                                true,
		`{"a":1,"b":{"a":1` + members(49_997) + `}}`:                    false,
		`{"a":1,"b":{"a":1` + members(49_998) + `}}`:                    true,
		`{"a":1` + strings.Repeat(`,"b":{"a":1`+members(10_000), 9):     true,
		`{"a":1,"b":[` + strings.Repeat(`{"a":1},`, 100_000) + `null]}`: false,
	} {
		_, err := plan.New(set, moving("a", []byte(record)))
		if !refused && err != nil {
			t.Errorf("%.40s: %v", record, err)
		} else if refused {
			mustRefuse(t, err, plan.ErrRecordTooLarge)
		}
	}
}

// TestTooMuchMoved refuses fields that would make the URL or the header longer
// than any server reads, above all arrays, which repeat their parameter's name.
func TestTooMuchMoved(t *testing.T) {
	set := load(t, "testdata/destinations")
	name := strings.Repeat("n", 1000)
	array := func(elements int) string { return "[" + strings.Repeat("1,", elements-1) + "1]" }
	long := func(size int) string { return `"` + strings.Repeat("x", size) + `"` }
	tests := []struct {
		record  string
		refused bool
	}{
		{`{"` + name + `":` + array(64) + `}`, false},
		{`{"` + name + `":` + array(66) + `}`, true},
		{`{"` + name + `":` + array(30_000) + `}`, true},
		{`{"` + name + `":` + array(5_000_000) + `}`, true},
		{`{"` + name + `":` + long(64_000) + `}`, false},
		{`{"` + name + `":` + long(66_000) + `}`, true},
		{`{"` + name + `":` + strings.ReplaceAll(long(30_000), "x", "é") + `}`, true},
	}
	for _, test := range tests {
		_, err := plan.New(set, moving(name, []byte(test.record)))
		if !test.refused && err != nil {
			t.Errorf("%d bytes: %v", len(test.record), err)
		} else if test.refused {
			mustRefuse(t, err, plan.ErrRecordTooLarge)
		}
	}
	for _, directive := range []string{"X-Relay-Header-Fields", "path"} {
		request := moving("other", []byte(`{"a":`+long(66_000)+`,"b":`+long(40_000)+`,"c":`+long(40_000)+`,"other":1}`))
		request.Header.Del("X-Osmos-Query-Param-Fields")
		for _, fields := range []string{"a", "b,c"} {
			if directive == "path" {
				request.Header["X-Osmos-Outbound-Url"] = []string{outboundURLOf(request) + "/{" + strings.ReplaceAll(fields, ",", "}/{") + "}"}
			} else {
				request.Header.Set(directive, fields)
			}
			_, err := plan.New(set, request)
			mustRefuse(t, err, plan.ErrRecordTooLarge)
		}
	}
}

func outboundURLOf(request *gateway.Request) string {
	url, _, _ := strings.Cut(request.Header["X-Osmos-Outbound-Url"][0], "/{")
	return strings.TrimSuffix(url, "/")
}

// TestTooManyPlaceholders counts placeholders over all header fields that pass.
func TestTooManyPlaceholders(t *testing.T) {
	set := load(t, "testdata/destinations")
	for second, refused := range map[int]bool{6: false, 7: true, 5000: true} {
		request := moving("a", []byte(`{"a":1}`))
		request.Header.Set("X-Key", strings.Repeat("{{{partner}}}", 10))
		request.Header.Set("Authorization", strings.Repeat("{{{partner}}}", second))
		request.Header.Set("X-Forwarded-For", strings.Repeat("{{{partner}}}", 50))
		_, err := plan.New(set, request)
		if !refused && err != nil {
			t.Error(second, err)
		} else if refused {
			mustRefuse(t, err, plan.ErrPlaceholder)
		}
	}
}
