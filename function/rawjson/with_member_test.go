package rawjson_test

import (
	"encoding/json"
	"testing"

	"keyrelay/function/rawjson"
)

// TestWithMember puts a member into a document and leaves the rest as it was.
func TestWithMember(t *testing.T) {
	for _, test := range []struct {
		document string
		pointer  rawjson.Pointer
		want     string
	}{
		{`{}`, "/a", `{"a":7}`},
		{` { } `, "/a", ` { "a":7} `},
		{`{"b" : 1.0}`, "/a", `{"b" : 1.0,"a":7}`},
		{`{"a" : [1] , "b":2}`, "/a", `{"a" : 7 , "b":2}`},
		{`{"\u0061": 1}`, "/a", `{"\u0061": 7}`},
		{`{"a": {"b": 1}}`, "/a/c", `{"a": {"b": 1,"c":7}}`},
		{`{"a": {"b": 1}}`, "/a/b", `{"a": {"b": 7}}`},
		{`{}`, "/a~1b/c\"d", `{"a/b":{"c\"d":7}}`},
		{`{"a": 1}`, "/a/b", `{"a": 1}`},
		{`{"b": 1, "b": 2}`, "/a", `{"b": 1, "b": 2,"a":7}`},
		{`{"a": 1, "\u0061": 2}`, "/a", `{"a": 1, "\u0061": 2}`},
		{`{"a": 1, "b": "` + "\xff" + `"}`, "/a", `{"a": 1, "b": "` + "\xff" + `"}`},
		{`[1]`, "/a", `[1]`},
		{`[1, [2, 3]]`, "/1/0", `[1, [7, 3]]`},
		{`{"a": [{"b": 1}]}`, "/a/0/c", `{"a": [{"b": 1,"c":7}]}`},
		{`[1]`, "/1", `[1]`},
		{`[1, 2]`, "/01", `[1, 2]`},
		{`"}"`, "/a", `"}"`},
		{`{"a": "}"}`, "/b", `{"a": "}","b":7}`},
		{`{}`, "", `7`},
	} {
		if got := rawjson.WithMember([]byte(test.document), test.pointer.Tokens(), []byte("7")); string(got) != test.want {
			t.Errorf("%s with %s is %s, want %s", test.document, test.pointer, got, test.want)
		}
	}
}

// FuzzWithMember finds what it put there, in JSON that is still sound.
func FuzzWithMember(f *testing.F) {
	f.Add(`{"a": {"b": [1]}}`, "/a/b")
	f.Add(`{"a": 1, "c": {}}`, "/c/d/e")
	f.Fuzz(func(t *testing.T, document, text string) {
		pointer, err := rawjson.ParsePointer(text)
		if err != nil || !json.Valid([]byte(document)) {
			t.Skip()
		}
		got := rawjson.WithMember([]byte(document), pointer.Tokens(), []byte(`"it"`))
		if !json.Valid(got) {
			t.Fatalf("%s with %q is %s", document, text, got)
		}
		if found, ok := pointer.Find(got); string(got) != document && (!ok || string(found) != `"it"`) {
			t.Errorf("%s with %q is %s", document, text, got)
		}
	})
}
