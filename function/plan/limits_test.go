package plan_test

import (
	"fmt"
	"runtime"
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
	large := plan.ErrRecordTooLarge
	for record, reason := range map[string]error{
		`{"a":1` + members(49_999) + `}`:                                nil,
		`{"a":1` + members(50_000) + `}`:                                large,
		`{"a":1,"b":{"a":1` + members(49_997) + `}}`:                    nil,
		`{"a":1,"b":{"a":1` + members(49_998) + `}}`:                    large,
		`{"a":1` + strings.Repeat(`,"b":{"a":1`+members(10_000), 9):     large,
		`{"a":1,"b":[` + strings.Repeat(`{"a":1},`, 100_000) + `null]}`: nil,
	} {
		checkReason(t, set, moving("a", []byte(record)), reason)
	}
}

// TestTooMuchMoved refuses fields that would make the URL or the header longer
// than any server reads, above all arrays, which repeat their parameter's name.
func TestTooMuchMoved(t *testing.T) {
	set := load(t, "testdata/destinations")
	name := strings.Repeat("n", 1000)
	array := func(elements int) string { return "[" + strings.Repeat("1,", elements-1) + "1]" }
	long := func(size int) string { return `"` + strings.Repeat("x", size) + `"` }
	large := plan.ErrRecordTooLarge
	for record, reason := range map[string]error{
		array(64): nil, array(66): large, array(30_000): large, array(5_000_000): large,
		long(64_000): nil, long(66_000): large, strings.ReplaceAll(long(30_000), "x", "é"): large,
	} {
		checkReason(t, set, moving(name, []byte(`{"`+name+`":`+record+`}`)), reason)
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
			checkReason(t, set, request, large)
		}
	}
}

func outboundURLOf(request *gateway.Request) string {
	url, _, _ := strings.Cut(request.Header["X-Osmos-Outbound-Url"][0], "/{")
	return strings.TrimSuffix(url, "/")
}

// TestBoundedHints sees that what is looked for and said of a missing field is little, however
// much the record has that it may be.
func TestBoundedHints(t *testing.T) {
	set := load(t, "testdata/destinations")
	const size = 4 << 20
	long := func(text string) string { return strings.Repeat(text, size/len(text)) }
	for fields, record := range map[string]string{
		"a,b,c":   `{"` + long(",") + `":1}`,
		"a,b":     `{"a,` + long(" ") + `b":1}`,
		"inside":  `{"` + long("n") + `":{"inside":1}}`,
		"X-Field": `{"` + long("f") + `":1}`,
		"field;":  `{"` + long("field") + `":1}`,
	} {
		for _, directive := range []string{"X-Osmos-Query-Param-Fields", "X-Relay-Header-Fields"} {
			request := moving("", []byte(record))
			request.Header[directive] = []string{fields}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := plan.New(set, request)
			runtime.ReadMemStats(&after)
			if said := len(fmt.Sprint(err)); said > 1000 || after.TotalAlloc-before.TotalAlloc > size {
				t.Errorf("%s in %s: it says %d bytes and takes %d", fields, directive, said, after.TotalAlloc-before.TotalAlloc)
			}
		}
	}
	members := `{"other":{"inside":1},"far":{"filler":"` + strings.Repeat("x", 5000) + `","behind":1}}`
	for fields, told := range map[string]bool{
		"inside": true, "g,h,i,j,k,l,m,inside": true, "g,h,i,j,k,l,m,n,inside": false, "behind": false,
	} {
		_, err := plan.New(set, moving(fields, []byte(members)))
		mustRefuse(t, err, plan.ErrFieldMissing)
		if strings.Contains(err.Error(), `inside "`) != told {
			t.Errorf("of %s it says %q", fields, err)
		}
	}
}

// TestTooManyPlaceholders counts placeholders over all header fields that pass.
func TestTooManyPlaceholders(t *testing.T) {
	set := load(t, "testdata/destinations")
	for second, reason := range map[int]error{6: nil, 7: plan.ErrPlaceholder, 5000: plan.ErrPlaceholder} {
		request := moving("a", []byte(`{"a":1}`))
		request.Header.Set("X-Key", strings.Repeat("{{{partner}}}", 10))
		request.Header.Set("Authorization", strings.Repeat("{{{partner}}}", second))
		request.Header.Set("X-Forwarded-For", strings.Repeat("{{{partner}}}", 50))
		checkReason(t, set, request, reason)
	}
}

// TestManyTemplates sees that a body is walked once, however many names in braces are looked
// for in it: each walk of a deep one allocates.
func TestManyTemplates(t *testing.T) {
	set := load(t, "testdata/destinations")
	const count = 300
	body := []byte(`{"x":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `,"y":1}`)
	inPath := to("POST", "https://api.example.com"+strings.Repeat("/:a", count), body)
	inQuery := to("POST", "https://api.example.com/?"+strings.Repeat("&%7Ba%7D", count), body)
	inHeader := to("POST", "https://api.example.com/", body)
	for i := range count {
		inHeader.Header.Set(fmt.Sprint("X-A", i), "{a}")
	}
	for name, request := range map[string]*gateway.Request{"path": inPath, "query": inQuery, "header": inHeader} {
		before := allocated()
		newPlan(t, set, request)
		if grown := allocated() - before; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, grown)
		}
	}
}
