package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShellWords splits as a shell does.
func TestShellWords(t *testing.T) {
	for text, expected := range map[string][]string{
		`curl a  b`:                       {"curl", "a", "b"},
		"curl \\\n  -H 'a: b' \\\r\n  c":  {"curl", "-H", "a: b", "c"},
		`curl "a\"b\\c\d$X"`:              {"curl", `a"b\c\d$X`},
		`curl 'it'\''s'`:                  {"curl", "it's"},
		`curl $'a\'b\nc\u20ac\x41'`:       {"curl", "a'b\nc€A"},
		`curl ''`:                         {"curl", ""},
		`curl a | jq .`:                   {"curl", "a"},
		"curl a\ncurl b":                  {"curl", "a"},
		`curl "http://h/?a=1&b=2" -d @-&`: {"curl", "http://h/?a=1&b=2", "-d", "@-"},
	} {
		words, err := shellWords(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if difference := cmp.Diff(expected, words); difference != "" {
			t.Errorf("%s: %s", text, difference)
		}
	}
	if _, err := shellWords(`curl 'open`); err == nil {
		t.Error("an open quotation mark is taken")
	}
}
