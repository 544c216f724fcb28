package rawjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/rawjson"
)

// A member is a member as a text writes it, from the quote of its name to its end.
type member struct{ Name, Value, Written string }

func members(o *rawjson.Object, text []byte) []member {
	var all []member
	for i := range o.Len() {
		all = append(all, member{o.Name(i), string(o.Value(i).Of(text)), string(o.Member(i).Of(text))})
	}
	return all
}

func TestObject(t *testing.T) {
	const text = " {\n\"a\" : 1.10 ,\"b\\u0062\":[{ }, \"\\\"]\" ] , \"\": null,\"\\ud800\":{\"a\":\"\\ud83d\\ude00\"}} \t"
	var o rawjson.Object
	if err := o.Read([]byte(text)); err != nil {
		t.Fatal(err)
	}
	want := []member{
		{"a", "1.10", `"a" : 1.10`}, {"bb", `[{ }, "\"]" ]`, `"b\u0062":[{ }, "\"]" ]`}, {"", "null", `"": null`},
		{"\uFFFD", `{"a":"\ud83d\ude00"}`, `"\ud800":{"a":"\ud83d\ude00"}`},
	}
	if d := cmp.Diff(want, members(&o, []byte(text))); d != "" {
		t.Error(d)
	}
	for name, index := range map[string]int{"a": 0, "bb": 1, "": 2, `b\u0062`: -1, "A": -1} {
		if got := o.Find(name); got != index {
			t.Errorf("Find(%q) is %d, want %d", name, got, index)
		}
	}
}

// TestFaults sees that each fault is told from the others, and where it is.
func TestFaults(t *testing.T) {
	wide := func(last string) string {
		var text strings.Builder
		for i := range 100 {
			fmt.Fprintf(&text, `"m%d":{},`, i)
		}
		return "{" + text.String() + `"` + last + `":1}`
	}
	names := strings.Repeat(`"n":1,`, rawjson.MaxNames+1)
	tests := []struct {
		text   string
		reason error
		at     int
		name   string
	}{
		{`{"a":1}x`, rawjson.ErrSyntax, 7, ""}, {`{"a" 1}`, rawjson.ErrSyntax, 5, ""}, {`{"a":1,}`, rawjson.ErrSyntax, 7, ""}, {"", rawjson.ErrSyntax, 0, ""},
		{`{"a":"\x"}`, rawjson.ErrSyntax, 6, ""}, {"{\"a\":\"\n\"}", rawjson.ErrSyntax, 6, ""}, {`{"a":"\u12g4"}`, rawjson.ErrSyntax, 6, ""}, {`{"a":01}`, rawjson.ErrSyntax, 6, ""},
		{`{"a":-}`, rawjson.ErrSyntax, 6, ""}, {`{"a":1.}`, rawjson.ErrSyntax, 7, ""}, {`{"a":1e}`, rawjson.ErrSyntax, 7, ""}, {`{"a":tru}`, rawjson.ErrSyntax, 5, ""}, {`{"a":[}`, rawjson.ErrSyntax, 6, ""},
		{"{\"a\":\"\xff\"}", rawjson.ErrEncoding, 0, ""}, {"{\"a\":\"\xed\xa0\x80\"}", rawjson.ErrEncoding, 0, ""}, {"{\"a\":\"\xc0\x80\"}", rawjson.ErrEncoding, 0, ""},
		{` [1]`, rawjson.ErrNotObject, 1, ""}, {`"a"`, rawjson.ErrNotObject, 0, ""}, {`[1`, rawjson.ErrSyntax, 2, ""}, {`[1] 2`, rawjson.ErrSyntax, 4, ""},
		{`{"a":1,"\u0061":2}`, rawjson.ErrDuplicate, 7, "a"}, {`{"b":[{"a":1,"a":2}]}`, rawjson.ErrDuplicate, 13, ""}, {wide("m7"), rawjson.ErrDuplicate, len(wide("m7")) - 7, "m7"}, {wide("a"), nil, 0, ""},
		{`{"a":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`, nil, 0, ""}, {`{"a":` + strings.Repeat("[", 1000), rawjson.ErrDepth, 1004, ""},
		{`{` + names, rawjson.ErrNames, 1 + 6*rawjson.MaxNames, ""},
	}
	for _, test := range tests {
		var o rawjson.Object
		err := o.Read([]byte(test.text))
		if test.reason == nil {
			if err != nil {
				t.Errorf("%.40s: %v", test.text, err)
			}
			continue
		}
		var found *rawjson.Error
		if !errors.As(err, &found) || !errors.Is(err, test.reason) || found.At != test.at || found.Name != test.name {
			t.Errorf("%.40s: got %v %+v, want %v at %d, name %q", test.text, err, found, test.reason, test.at, test.name)
		}
	}
}

// TestCursor walks a text step by step, and sees that a fault ends it.
func TestCursor(t *testing.T) {
	const text = ` { "n" : null , "s":"\u00fc\"", "l" : [ 1 , [2], {} ], "o": { }, "e":[], "w": {"a":1} } `
	for end := range len(text) + 1 {
		var c rawjson.Cursor
		c.Reset([]byte(text[:end]))
		var got []string
		for more := c.Enter('{'); more; more = c.Next() {
			switch name := string(c.Name()); name {
			case "n":
				got = append(got, fmt.Sprint(name, c.Null()))
			case "s":
				s := c.String()
				got = append(got, name+string(s.Append(nil)), string(s.Raw), fmt.Sprint(s.Size))
			case "l":
				for more := c.Enter('['); more; more = c.Next() {
					got = append(got, string(c.Skip()))
				}
			default:
				got = append(got, name+string(c.Skip()))
			}
		}
		err := c.End()
		if sound := end >= len(text)-1; sound != (err == nil) || !sound && !errors.Is(err, rawjson.ErrSyntax) {
			t.Errorf("%q: %v", text[:end], err)
		}
		want := []string{"ntrue", "sü\"", `\u00fc\"`, "3", "1", "[2]", "{}", "o{ }", "e[]", `w{"a":1}`}
		if err == nil && !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzObject compares what is read with encoding/json.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,false,null,-0.1e+5],"c":{"d":"\ud83d\ude00\ud800\n"}}`, ` { } `, `{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":2}}`, `[{}]`, `{"a":"\u00"}`, "{\"\x7f\":\"\xff\"}", `{"a":[[[[{}]]]],"":""}`,
		`{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"11":0,"12":0,"13":0,"14":0,"15":0,"16":0,"17":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var o rawjson.Object
		err := o.Read(text)
		want, sound := expected(text)
		if sound != (err == nil) {
			t.Fatalf("got %v, want sound %v", err, sound)
		}
		if sound {
			checkObject(t, &o, text, want)
		}
		checkCursor(t, text)
	})
}

// expected reads an object with encoding/json. sound is false where it is none, or
// one that is to be refused.
func expected(text []byte) (all []member, sound bool) {
	repeated, depth := survey(text)
	if !utf8.Valid(text) || !json.Valid(text) || repeated || depth > rawjson.MaxDepth || bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	for _, _ = decoder.Token(); decoder.More(); {
		name, _ := decoder.Token()
		var value json.RawMessage
		_ = decoder.Decode(&value)
		all = append(all, member{Name: name.(string), Value: string(value)})
	}
	return all, true
}

// survey reports whether a name occurs twice in an object of a text, and how deep the text nests.
func survey(text []byte) (repeated bool, depth int) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var open []map[string]bool // nil for an array
	isName := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return repeated, depth
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				open = append(open, map[json.Delim]map[string]bool{'{': {}}[token])
				depth = max(depth, len(open))
			} else {
				open = open[:len(open)-1]
			}
			isName = true
		case string:
			if top := len(open) - 1; isName && top >= 0 && open[top] != nil {
				repeated = repeated || open[top][token]
				open[top][token] = true
				isName = false
				continue
			}
			isName = true
		default:
			isName = true
		}
	}
}

func checkObject(t *testing.T, o *rawjson.Object, text []byte, want []member) {
	got := members(o, text)
	for i := range got {
		if got[i].Name != want[i].Name || got[i].Value != want[i].Value || o.Find(got[i].Name) != i {
			t.Errorf("got %+v, found at %d, want %+v", got[i], o.Find(got[i].Name), want[i])
		}
		if !json.Valid([]byte("{" + got[i].Written + "}")) {
			t.Errorf("%q is no member", got[i].Written)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
}

// checkCursor compares a cursor that lets names repeat with json.Valid, and what a
// string says with json.Unmarshal.
func checkCursor(t *testing.T, text []byte) {
	c := rawjson.Cursor{AnyNames: true, Depth: 10_000}
	c.Reset(text)
	if c.Skip(); (c.End() == nil) != json.Valid(text) {
		t.Fatalf("got %v", c.End())
	}
	c.Reset(text)
	got := c.String()
	var want string
	if c.End() != nil || !utf8.Valid(text) || json.Unmarshal(text, &want) != nil {
		return
	}
	loose, whole := rawjson.ScalarText(nil, bytes.TrimSpace(text))
	if exact := got.Append([]byte("x")); string(exact) != "x"+want || string(loose) != want || got.Size != len(want) {
		t.Errorf("got %q, %q and %d bytes, want %q", exact, loose, got.Size, want)
	}
	if half := strings.Count(want, "\uFFFD") > 0; !whole && !half {
		t.Errorf("%q is said to hold half a pair", text)
	}
	var escaped string
	quoted, taken := rawjson.Escape(append(make([]byte, 0, 6*len(loose)+16), '"'), loose)
	if err := json.Unmarshal(append(quoted, '"'), &escaped); err != nil || escaped != want || taken != len(loose) {
		t.Errorf("escaped again it is %q (%v)", escaped, err)
	}
}
