package destination_test

import (
	"strings"
	"testing"

	"keyrelay/function/destination"
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
		parsed, err := destination.ParsePointer(pointer)
		if err != nil {
			t.Errorf("%q: %v", pointer, err)
		}
		value, ok := parsed.Find([]byte(document))
		if string(value) != want || ok != (want != "") {
			t.Errorf("%q finds %q (%v), want %q", pointer, value, ok, want)
		}
	}
	for _, broken := range []string{"", " ", "{", `{"a":1`, `{"a":1}x`, `{"a" 1}`, "[1,]", "nul", "\"\x01\""} {
		if value, ok := destination.Pointer("").Find([]byte(broken)); ok {
			t.Errorf("%q gives %q", broken, value)
		}
	}
	for text, want := range map[string]string{`"a"`: `"a"`, " 1.0 ": "1.0", "null": "null"} {
		if value, ok := destination.Pointer("").Find([]byte(text)); !ok || string(value) != want {
			t.Errorf("%q gives %q", text, value)
		}
	}
}

func TestParseReference(t *testing.T) {
	for text, want := range map[string]destination.Reference{
		"secretsmanager:keyrelay/orders#/api_key": {Provider: "secretsmanager", Name: "keyrelay/orders", Pointer: "/api_key"},
		"secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:keyrelay/a-AbCdEf": {
			Provider: "secretsmanager", Name: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keyrelay/a-AbCdEf"},
		"secretsmanager:rds!cluster-1_+=.@-": {Provider: "secretsmanager", Name: "rds!cluster-1_+=.@-"},
		"env:ORDERS_KEY":                     {Provider: "env", Name: "ORDERS_KEY"},
		"file:/run/secrets/my key#/a~1b/0":   {Provider: "file", Name: "/run/secrets/my key", Pointer: "/a~1b/0"},
		"env:A#/":                            {Provider: "env", Name: "A", Pointer: "/"},
	} {
		got, err := destination.ParseReference(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s is %+v, %s (%v)", text, got, got, err)
		}
	}
	if got := (destination.Reference{}).String(); got != "" {
		t.Errorf("the zero Reference is %q", got)
	}
	for _, text := range []string{"", "hunter2", "env:", "env", ":hunter2", "vault:hunter2", "ENV:hunter2", " env:hunter2", "env:hunter2 ", "env:HUNTER2#", "env:hunter2#a", "env:hunter2#/~",
		"env:hunter2#/\xff", "env:hunter=2", "env:hunter2\n", "file:hunter2\x00", "secretsmanager:hunter 2", "secretsmanager:hunter2?", "secretsmanager:#/hunter2", "file:#/hunter2", "env:ü"} {
		got, err := destination.ParseReference(text)
		if err == nil || got != (destination.Reference{}) {
			t.Errorf("%q is %+v", text, got)
			continue
		}
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: the error shows the text: %v", text, err)
		}
	}
}

func TestValueTemplate(t *testing.T) {
	const document = `{"token_type": "Bearer", "access_token": "a\"b\u00e9", "n": 1.10, "big": 12345678901234567890, "yes": true, "a/b": {"c~d": ["x"]}, "null": null, "a b": "s"}`
	for text, want := range map[string]string{
		"":                                    "",
		"plain {{}} }}} {{{":                  "error",
		"{{{token_type}}} {{{access_token}}}": `Bearer a"bé`,
		"{{{n}}}/{{{big}}}/{{{yes}}}":         "1.10/12345678901234567890/true",
		"{{{/a~1b/c~0d/0}}}!":                 "x!",
		"{{ {{{a b}}} }}":                     "{{ s }}",
		"{{{}}}":                              "error", "{{{a": "error", "{{{a}}": "error", "{{{a{b}}}": "error", "{{{{a}}}}": "error", "{{{a}}}}": "error", "{{{/a~}}}": "error",
		"{{{absent}}}": "{{{/absent}}} finds nothing", "{{{a/b}}}": "{{{/a~1b}}} finds no text, number or truth value",
		"{{{null}}}": "{{{/null}}} finds no text, number or truth value", "{{{/a~1b/c~0d}}}": "{{{/a~1b/c~0d}}} finds no text, number or truth value",
	} {
		template, err := destination.ParseValueTemplate(text)
		if err != nil {
			if want != "error" || strings.Contains(err.Error(), "plain") {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		got, err := template.Fill([]byte(document))
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q is filled as %q, want %q", text, got, want)
		}
	}
	template, err := destination.ParseValueTemplate("{{{a}}}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := template.Fill([]byte("hunter2")); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret that is not JSON: %v", err)
	}
}
