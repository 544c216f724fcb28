package plan_test

import (
	"strings"
	"testing"

	"keyrelay/function/plan"
)

// TestRemedies sees that what senders write in place of JSON is refused with what JSON
// takes instead, in words that hold nothing of the record.
func TestRemedies(t *testing.T) {
	set := load(t, "testdata/destinations")
	const gzip = "\x1f\x8b\x08\x00\x00\x00\x00\x00"
	for body, told := range map[string]string{
		`{"secret":NaN}`:               "write null",
		`{"secret":-Infinity}`:         "write null",
		`{"secret":None,"b":1}`:        "write null",
		`{"secret": undefined}`:        "write null",
		`{"secret":True}`:              "small letters",
		`{"secret":[FALSE]}`:           "small letters",
		`{"secret":}`:                  "null for one that is empty",
		`{"secret":, "b":1}`:           "null for one that is empty",
		`{"secret":1,}`:                "there is one too many",
		`{"secret":[1,2, ]}`:           "there is one too many",
		`{"secret":1,,"b":2}`:          "there is one too many",
		"{\"secret\":\"a\nb\"}":        `a line break is written \n`,
		"{\"secret\":\"a\tb\"}":        `a tab \t`,
		`{"secret":"C:\users"}`:        "a backslash is written twice",
		`{"secret":"\d+"}`:             "a backslash is written twice",
		`{"secret":"say "hi""}`:        "a quotation mark is written with a backslash",
		`{"secret":"a" "b":1}`:         "A comma stands between members",
		"{\"secret\":1\n\"b\":2}":      "A comma stands between members",
		`{"secret":[10 2]}`:            "A comma stands between members",
		`{"secret":{} "b":1}`:          "A comma stands between members",
		`{"secret":true "b":1}`:        "A comma stands between members",
		`{"secret" 1}`:                 "a colon between a name and its value",
		`{secret:1}`:                   "Names stand in double quotes",
		`{"a":1,secret:1}`:             "Names stand in double quotes",
		`{"secret":01}`:                "no other digit behind a zero",
		`{"secret":+1}`:                "A number has no plus",
		`{"secret":.5}`:                "digits before and after its point",
		`{"secret":1 /* b */}`:         "JSON has no comments",
		"{\"secret\":1, # b\n}":        "JSON has no comments",
		"{\"secret\":1,\u00a0\"b\":2}": "A no-break space",
		`{"secret":{{secret}}}`:        "of a template that the sender has not filled",
		`{"secret":${secret}}`:         "of a template",
		`{"secret":#{secret}, "b":1}`:  "of a template",
		`{"secret":@{secret()}}`:       "of a template",
		`{"secret":<secret>}`:          "of a template",
		`{"b":[%secret%]}`:             "of a template",
		`{"secret"=>1}`:                "A colon stands between",
		`{"secret" = 1}`:               "A colon stands between",
		`{"secret":1,5}`:               "A number has a point",
		`{"secret":12,345.6,"b":1}`:    "A number has a point",
		`{"secret":1.}`:                "before and after its point",
		`{"secret":1., "b":2}`:         "before and after its point",
		"\xef\xbb\xbf\xef\xbb\xbf{}":   "A second byte order mark",
		`{"secret":1`:                  "it was cut off",
		`{"secret":"x`:                 "it was cut off",
		"{\"secret\":1}\n{\"a\":2}\n":  "several records are sent as an array",
		"{\"secret\":1}\x00":           "The JSON ends before that",
		"  \n":                         "nothing but white space",
		`secret=1&b=2`:                 "it begins with a brace",
		`'{"secret":1}'`:               "a shell that does not take it, as cmd.exe",
		`' [{"secret":1}]'`:            "a shell that does not take it, as cmd.exe",
		`{\"secret\":1}`:               "write the quotation mark alone",
		`{"a":[\"secret\"]}`:           "write the quotation mark alone",
		`{"a":secret}`:                 "Texts stand in double quotes",
		"// secret\n{}":                "JSON has no comments",
		`<secret>1</secret>`:           "it begins with a brace",
		"{\x00\"\x00a\x00\"\x00":       "UTF-16 or UTF-32",
		"\x00{\x00\"\x00a\x00\"":       "UTF-16 or UTF-32",
		"\xff\xfe{\x00":                "UTF-16 or UTF-32",
		gzip + "secret":                "Content-Encoding: gzip",
		"{\"secret\":\"\xe9\"}":        "It seems to be ISO-8859-1 or Windows-1252",
		"{\"secret\":\"\xc3":           "cut inside a character",
		`[object Object]`:              "JSON.stringify",
		`[secret]`:                     "not valid JSON",
		`"{\"secret\":1}"`:             "encodes it once too often",
		` "[{\"secret\":1}]"`:          "encodes it once too often",
		`"secret"`:                     "Send one: fields can be taken from nothing else.",
	} {
		request := moving("a", []byte(body))
		_, err := plan.New(set, request)
		mustRefuse(t, err, plan.ErrRecord)
		if said := err.Error(); !strings.Contains(said, told) || strings.Contains(said, "secret") {
			t.Errorf("%q: it says %q", body, said)
		}
	}
}
