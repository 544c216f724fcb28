package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown writes pieces as text with the fields in brackets.
func shown(pieces []piece) string {
	var text strings.Builder
	for _, each := range pieces {
		if each.Field == "" {
			text.WriteString(each.Text)
		} else {
			text.WriteString("[" + each.Field + ":" + each.Text + "]")
		}
	}
	return text.String()
}

// TestPieces finds each value in what a relay could make of a record.
func TestPieces(t *testing.T) {
	record := `{"a":"x y/z","n":1.50,"list":["p",null,2],"o":{"k":[1]},"none":null,"t":"\u20ac"}`
	for name, test := range map[string]struct{ original, template, expected string }{
		"query":             {"https://h/?a=x%20y%2Fz&n=1.50", "https://h/?a={0}&n={1}", "https://h/?a=[a:x%20y%2Fz]&n=[n:1.50]"},
		"list":              {"/?list=p&list=2", "/?list={2}&list={3}", "/?list=[list:p]&list=[list:2]"},
		"whole value":       {`{"to":"x y/z","n":1.50,"o":{"k":[1]}}`, `{"to":"{0}","n":"{1}","o":"{4}"}`, `{"to":[a:"x y/z"],"n":[n:1.50],"o":[o:{"k":[1]}]}`},
		"in a text":         {`{"label":"1.50 kg to x y/z"}`, `{"label":"{1} kg to {0}"}`, `{"label":"[n:1.50] kg to [a:x y/z]"}`},
		"escape":            {`{"t":"\u20ac"}`, `{"t":"{5}"}`, `{"t":[t:"\u20ac"]}`},
		"character":         {"€!", "{5}!", "[t:€]!"},
		"reserved":          {"/x y/z?", "/{0}?", "/[a:x y/z]?"},
		"twice":             {"1.50-1.50", "{1}-{1}", "[n:1.50]-[n:1.50]"},
		"alone":             {"p", "{2}", "[list:p]"},
		"no field":          {"same", "same", "same"},
		"does not fit":      {"other 1.50", "same {1}", "other 1.50"},
		"does not fit, end": {"1.50 other", "{1} same", "1.50 other"},
	} {
		t.Run(name, func(t *testing.T) {
			made := newStandIns([]byte(record))
			copied := test.template
			for i, word := range []string{"0000", "0001", "0002", "0003", "0004", "0005"} {
				copied = strings.ReplaceAll(copied, "{"+string(rune('0'+i))+"}", made.prefix+word)
			}
			if difference := cmp.Diff(test.expected, shown(made.pieces(test.original, copied))); difference != "" {
				t.Error(difference)
			}
		})
	}
}

// TestStandInsOfABatch knows whose record each value is.
func TestStandInsOfABatch(t *testing.T) {
	made := newStandIns([]byte(` [ {"a":1} , {"a":[2,3],"b":null} ] `))
	expected := ` [ {"a":"` + made.prefix + `0000"} , {"a":["` + made.prefix + `0001","` + made.prefix + `0002"],"b":null} ] `
	if difference := cmp.Diff(expected, string(made.text)); difference != "" {
		t.Error(difference)
	}
	if len(made.values) != 3 || made.values[1].record != 1 {
		t.Errorf("the values are %+v", made.values)
	}
}

// FuzzStandIns makes of any text either nothing or a copy with the same pieces.
func FuzzStandIns(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `[{"a":"b"},{"a":null}]`, `{"a":[1,[2]],"b":{}}`, `[]`, `{`, ``, `[1]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		made := newStandIns(text)
		if made == nil {
			return
		}
		var whole strings.Builder
		for _, each := range made.pieces(string(text), string(made.text)) {
			whole.WriteString(each.Text)
		}
		if whole.String() != string(text) {
			t.Errorf("%q became %q", text, whole.String())
		}
	})
}
