package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShellWords splits as a POSIX shell does, as PowerShell does where a line goes on, and as
// cmd.exe does, whose carets may stand before each quotation mark.
func TestShellWords(t *testing.T) {
	for text, expected := range map[string][]string{
		`curl a  b`:                        {"curl", "a", "b"},
		"curl \\\n  -H 'a: b' \\\r\n  c":   {"curl", "-H", "a: b", "c"},
		`curl "a\"b\\c\d$X"`:               {"curl", `a"b\c\d$X`},
		`curl 'it'\''s'`:                   {"curl", "it's"},
		`curl $'a\'b\nc\u20ac\x41\U1f600'`: {"curl", "a'b\nc€A😀"},
		`curl $'\x4g\u'`:                   {"curl", "\x04g\x00"},
		`curl ''`:                          {"curl", ""},
		`curl a | jq .`:                    {"curl", "a"},
		"curl a\ncurl b":                   {"curl", "a"},
		`curl "http://h/?a=1&b=2" -d @-&`:  {"curl", "http://h/?a=1&b=2", "-d", "@-"},
		"curl a `\r\n -H 'b: c' `\n d":     {"curl", "a", "-H", "b: c", "d"},
		"curl.exe \"h\" ^\r\n  -d \"{\\\"a\\\": \\\"x ^& y\\\"}\"":                {"curl.exe", "h", "-d", `{"a": "x & y"}`},
		"curl ^\"h?a=1^&b=%^41^\" ^\n  --data-raw ^\"^{^\\^\"a^\\^\":^\n\n1^}^\"": {"curl", "h?a=1&b=%41", "--data-raw", "{\"a\":\n1}"},
		`curl '^"' "^"`: {"curl", `^"`, "^"},
	} {
		read, err := newShellReader(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if difference := cmp.Diff(expected, read.words); difference != "" {
			t.Errorf("%s: %s", text, difference)
		}
	}
	if _, err := newShellReader(`curl 'open`); err == nil {
		t.Error("an open quotation mark is taken")
	}
}

// TestShellExpands knows what a shell would replace, and what stands in quotes that keep it.
func TestShellExpands(t *testing.T) {
	for text, expected := range map[string]bool{
		`curl $URL`: true, `curl "a${b}"`: true, `curl "$(date)"`: true, "curl `date`": true,
		`curl '$URL'`: false, `curl $'$a'`: false, `curl \$a "\$a" "\$(b)"`: false, `curl a$ "5$"`: false, "curl a `\n b": false,
	} {
		if read, err := newShellReader(text); err != nil || read.expands != expected {
			t.Errorf("%s: %v, %v", text, read.expands, err)
		}
	}
}
