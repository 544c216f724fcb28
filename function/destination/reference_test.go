package destination_test

import (
	"strings"
	"testing"

	"keyrelay/function/destination"
)

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
		"{{{absent}}}": "{{{/absent}}} finds nothing", "{{{a/b}}}": "error", "{{{/a~1b}}}": "{{{/a~1b}}} finds no text, number or truth value",
		"{{{null}}}": "{{{/null}}} finds no text, number or truth value", "{{{/a~1b/c~0d}}}": "{{{/a~1b/c~0d}}} finds no text, number or truth value",
	} {
		template, err := destination.ParseValueTemplate(text)
		if err != nil {
			if want != "error" || strings.Contains(err.Error(), "plain") {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		got, _, err := template.Fill(destination.FindIn([]byte(document)))
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
	if _, _, err := template.Fill(destination.FindIn([]byte("hunter2"))); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret that is not JSON: %v", err)
	}
}

// TestNearest compares names without their letter case, hyphens and underscores.
func TestNearest(t *testing.T) {
	known := []string{"batch", "batch-max", "body-type", "timeout"}
	for written, want := range map[string]struct {
		name  string
		edits int
	}{
		"timeout": {"timeout", 0}, "Time_Out": {"timeout", 0}, "tiemout": {"timeout", 1}, "batchMx": {"batch-max", 1}, "batche": {"batch", 1}, "bodytipe": {"body-type", 1},
		"zzzzz": {"batch", 5}, strings.Repeat("t", 1<<20): {"timeout", 98},
	} {
		if name, edits := destination.Nearest(written, known...); name != want.name || edits != want.edits {
			t.Errorf("%.20s is %d edits from %s, want %d from %s", written, edits, name, want.edits, want.name)
		}
	}
	if name, _ := destination.Nearest("any"); name != "" {
		t.Errorf("of no names %s is the nearest", name)
	}
}
