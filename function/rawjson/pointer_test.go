package rawjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/hostile"
	"keyrelay/function/rawjson"
)

func TestFind(t *testing.T) {
	// The document of RFC 6901 section 5, and what JSON allows besides.
	const document = ` {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
	"long": 12345678901234567890.10e+5, "nested": {"a": [ [ ] , {"b" : null , "c":"\u0064}]"} ]}, "\u00e9": true, "twice": 1, "twice": [2], "last":false } `
	for pointer, want := range map[string]string{
		"":     document[1 : len(document)-1],
		"/foo": `["bar", "baz"]`, "/foo/0": `"bar"`, "/foo/1": `"baz"`, "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3", "/g|h": "4",
		`/i\j`: "5", `/k"l`: "6", "/ ": "7", "/m~0n": "8", "/long": "12345678901234567890.10e+5", "/é": "true", "/twice": "[2]", "/twice/0": "2",
		"/nested/a/0": "[ ]", "/nested/a/1/b": "null", "/nested/a/1/c": `"\u0064}]"`, "/last": "false",
		"/foo/2": "", "/foo/-": "", "/foo/01": "", "/foo/+1": "", "/foo/-1": "", "/foo/": "", "/foo/1e0": "", "/foo/0/0": "", "/fo": "", "/nested/b": "", "/last/x": "", "/nested/a/1/b/c": "",
		"/foo/99999999999999999999": "",
	} {
		parsed, err := rawjson.ParsePointer(pointer)
		if err != nil {
			t.Errorf("%q: %v", pointer, err)
		}
		value, ok := parsed.Find([]byte(document))
		if string(value) != want || ok != (want != "") {
			t.Errorf("%q finds %q (%v), want %q", pointer, value, ok, want)
		}
	}
	for _, broken := range []string{"", " ", "{", `{"a":1`, `{"a":1}x`, `{"a" 1}`, "[1,]", "nul", "\"\x01\""} {
		if value, ok := rawjson.Pointer("").Find([]byte(broken)); ok {
			t.Errorf("%q gives %q", broken, value)
		}
	}
	for text, want := range map[string]string{`"a"`: `"a"`, " 1.0 ": "1.0", "null": "null"} {
		if value, ok := rawjson.Pointer("").Find([]byte(text)); !ok || string(value) != want {
			t.Errorf("%q gives %q", text, value)
		}
	}
}

// The operations of JSON Patch that need an existing value work where the pointer finds it.
func TestPointerCorpus(t *testing.T) {
	cases := 0
	for _, name := range []string{"jsonpointer/json-patch-tests_tests.json", "jsonpointer/json-patch-tests_spec_tests.json"} {
		var stories []struct {
			Doc   json.RawMessage
			Patch []struct {
				Op, Path string
				Value    json.RawMessage
			}
			Error    string
			Disabled bool
		}
		if err := json.Unmarshal(hostile.Further(t, name), &stories); err != nil {
			t.Fatal(err)
		}
		for _, story := range stories {
			if len(story.Patch) != 1 || story.Disabled {
				continue
			}
			operation := story.Patch[0]
			if operation.Op != "test" && operation.Op != "remove" && operation.Op != "replace" || operation.Op != "remove" && operation.Value == nil {
				continue
			}
			cases++
			pointer, err := rawjson.ParsePointer(operation.Path)
			value, ok := pointer.Find(story.Doc)
			works := err == nil && ok
			if works && operation.Op == "test" {
				works = cmp.Equal(decoded(t, value), decoded(t, operation.Value))
			}
			if works != (story.Error == "") {
				t.Errorf("%s %s in %s finds %s (%v, %v), expected error: %q", operation.Op, operation.Path, story.Doc, value, ok, err, story.Error)
			}
		}
	}
	if cases < 20 {
		t.Errorf("only %d cases", cases)
	}
}

// decoded is the Go value of a JSON text.
func decoded(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func TestPointerSyntaxCorpus(t *testing.T) {
	var groups []struct {
		Tests []struct {
			Data  any
			Valid bool
		}
	}
	if err := json.Unmarshal(hostile.Further(t, "jsonpointer/jsonschema_format_json-pointer.json"), &groups); err != nil {
		t.Fatal(err)
	}
	for _, group := range groups {
		for _, each := range group.Tests {
			text, ok := each.Data.(string)
			if !ok {
				continue
			}
			if _, err := rawjson.ParsePointer(text); (err == nil) != each.Valid {
				t.Errorf("%q: %v, valid is %v", text, err, each.Valid)
			}
		}
	}
}

// TestMembers walks the parts of sound values, as they are written.
func TestMembers(t *testing.T) {
	deep := strings.Repeat("[", 2*rawjson.MaxDepth) + strings.Repeat("]", 2*rawjson.MaxDepth)
	for text, want := range map[string][]string{
		`{ "a" : [1,"}"] ,"":{"b":2}, "\u0061":null}`: {`"a"=[1,"}"]`, `""={"b":2}`, `"\u0061"=null`},
		`[ 1 , [2], {"a":3} ]`:                        {"=1", "=[2]", `={"a":3}`},
		`{"a":1,"a":{"b":2,"b":3}}`:                   {`"a"=1`, `"a"={"b":2,"b":3}`},
		"[" + deep + ",1]":                            {"=" + deep, "=1"},
		"{}":                                          nil, "[ ]": nil, `"a,b"`: {`="a,b"`}, "1.0": {"=1.0"},
	} {
		var got, elements []string
		for name, element := range rawjson.Members([]byte(text)) {
			got = append(got, string(name)+"="+string(element))
		}
		for element := range rawjson.Elements([]byte(text)) {
			elements = append(elements, string(element))
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("%s (-want +got):\n%s", text, difference)
		}
		for i, element := range elements {
			if !strings.HasSuffix(want[i], "="+element) || len(elements) != len(want) {
				t.Errorf("%s has the elements %q", text, elements)
			}
		}
	}
	for name := range rawjson.Members([]byte(`{"a":1,"b":2}`)) {
		if string(name) != `"a"` {
			t.Errorf("%s comes after the walk has ended", name)
		}
		break
	}
}

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
