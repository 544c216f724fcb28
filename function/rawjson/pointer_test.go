package rawjson_test

import (
	"testing"

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
