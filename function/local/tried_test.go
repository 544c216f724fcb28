package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/fake"
)

// TestFaultOf tells the place as an editor counts it, and which mistake stands there.
func TestFaultOf(t *testing.T) {
	for record, expected := range map[string]*recordFault{
		"":                    nil,
		`{"a":1}`:             nil,
		"[{},1]":              nil,
		"{\n \"€𝄞\": x}":      {"texts stand in double quotes", 2, 8, 10},
		"{\"a\":1,\n\"a\":2}": {"the name a occurs twice", 2, 1, 8},
		`{"o":{"a":1,"a":2}}`: {"a member name occurs twice in one object", 1, 13, 12},
		`{"a":`:               {"the text ends there: it was cut off, or a bracket or a quotation mark is not closed", 1, 6, 5},
		`[{"a":1}, {"b":`:     {"the text ends there: it was cut off, or a bracket or a quotation mark is not closed", 1, 16, 15},
		"   ":                 {"there is nothing but white space", 1, 4, 3},
		`{"a":1,}`:            {"a comma stands between members only: there is one too many", 1, 8, 7},
		"[1 ,\n]":             {"a comma stands between members only: there is one too many", 2, 1, 5},
		`{"a":1 "b":2}`:       {"a comma stands between members, and a colon between a name and its value", 1, 8, 7},
		`{"a":}`:              {"a name has no value: write null for one that is empty", 1, 6, 5},
		`{'a':1}`:             {`JSON takes double quotes (") alone, around names too`, 1, 2, 1},
		`{“a”:1}`:             {`JSON takes double quotes (") alone, around names too`, 1, 2, 1},
		`{"a":1} // one`:      {"JSON has no comments", 1, 9, 8},
		"{\"a\":\"b\nc\"}":    {`in a string, a line break is written \n, a tab \t, and another control character \u and four digits`, 1, 8, 7},
		`{"a":"C:\x"}`:        {"in a string, a backslash is written twice, unless it begins an escape of JSON", 1, 9, 8},
		`{"a":1}}`:            {"the JSON ends before that: write nothing behind it", 1, 8, 7},
	} {
		if difference := cmp.Diff(expected, faultOf(record)); difference != "" {
			t.Errorf("%q: %s", record, difference)
		}
	}
}

// TestNoFault finds none in what the relay takes as it is, JSON or not.
func TestNoFault(t *testing.T) {
	relay := httptest.NewServer(fake.NewAPI(nil))
	defer relay.Close()
	for _, record := range []string{"\ufeff{}", "no JSON"} {
		made, err := trial{Method: "POST", Record: record}.try(t.Context(), strings.TrimPrefix(relay.URL, "http://"), func(*outbound) bool { return false })
		if err != nil || made.fault != nil {
			t.Errorf("%q: %+v, %v", record, made.fault, err)
		}
	}
}
