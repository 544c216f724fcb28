package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"keyrelay/function/plan"
)

// TestLatin1Names names fields by bytes of ISO-8859-1, as clients send that write
// headers in it, and by UTF-8.
func TestLatin1Names(t *testing.T) {
	set := load(t, "testdata/destinations")
	for written, name := range map[string]string{"na\xefve": "naïve", "na\xefve?": "naïve", "\xe4,\"\xf6,\xfc\"": "ä", "naïve": "naïve", "日本": "日本"} {
		request := moving(written, []byte(`{"`+name+`":1,"ö,ü":2}`))
		if outbound := newPlan(t, set, request); outbound.URL.Query().Get(name) != "1" {
			t.Errorf("%q becomes %s", written, outbound.URL)
		}
		request.Header.Del("X-Osmos-Query-Param-Fields")
		if !strings.Contains(written, ",") {
			request.Header["X-Relay-Header-Fields"] = []string{written + "=X-A"}
			if outbound := newPlan(t, set, request); outbound.Header.Get("X-A") != "1" {
				t.Errorf("%q becomes %v", written, outbound.Header)
			}
		}
	}
}

// FuzzNames writes any name as a quoted string, once more as one that may be absent,
// and moves the field of that name and no other.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"a", "a,b", `a"b`, `\`, `"`, "a?", "?", "a=b", " a ", "ü", "\t", "", "\x7f", "{{{a}}}"} {
		f.Add(seed)
	}
	set := load(f, "testdata/destinations")
	f.Fuzz(func(t *testing.T, name string) {
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		record, _ := json.Marshal(map[string]int{name: 1, name + "?": 2})
		printable := !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
		if !utf8.ValidString(name) || name == "" {
			return
		}
		outbound, err := plan.New(set, moving(quoted, record))
		if !printable {
			mustRefuse(t, err, plan.ErrHeader)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := outbound.URL.Query(); len(got) != 1 || got.Get(name) != "1" {
			t.Errorf("%s becomes %s", quoted, outbound.URL)
		}
		if outbound = newPlan(t, set, moving(quoted+"?", record)); outbound.URL.Query().Get(name+"?") != "2" {
			t.Errorf("%s? becomes %s", quoted, outbound.URL)
		}
	})
}
