package plan_test

import (
	"strings"
	"testing"

	"keyrelay/function/plan"
)

// TestPlaceholderPlaces writes placeholders where they may stand, and, one step
// beside it, where they may not: a credential must not end up in a URL, a log or a
// page, and not be had by a caller whose operation does not ask for it.
func TestPlaceholderPlaces(t *testing.T) {
	set := load(t, "testdata/destinations")
	const item, checked = "https://vault.example.com/items/1", "https://checked.example.com/"
	tests := []struct {
		method, url, header string
		// scheme is the one that fills; empty where the request is refused.
		scheme string
	}{
		{"GET", item, "X-Key: https://evil.example/?{{{header}}}", "header"}, // its own field: nothing new is told
		{"GET", item, "x_key: a{{{header}}}b", "header"},
		{"GET", item, "X-Other: https://evil.example/?{{{header}}}", ""},
		{"GET", item, "X-Other: {{{header}}}", "header"},
		{"GET", item, "X-Other: v {{{header}}}", "header"},
		{"GET", item, "X-Other: v\t {{{header}}}", "header"},
		{"GET", item, "X-Other: v{{{header}}}", ""},
		{"GET", item, "X-Other: v w {{{header}}}", ""},
		{"GET", item, "X-Other: https://evil.example/?q= {{{header}}}", ""},
		{"GET", item, "X-Other: {{{header}}} v", ""},
		{"GET", item, "X-Other: {{{header}}}{{{header}}}", ""},
		{"GET", item, "X-Other: {{{header}}} {{{header}}}", ""},
		{"GET", item, `X-Other: "{{{header}}}"`, ""},
		{"GET", item, "Authorization: Digest a=\"{{{query}}}\", b={{{query}}}", "query"},
		{"GET", item, "Cookie: a={{{bearer}}}; b=c", "bearer"},
		{"GET", item, "User-Agent: {{{header}}}", ""},
		{"GET", item, "user_agent: {{{header}}}", ""},
		{"PUT", item, "User-Agent: ours/1 ({{{agent}}})", "agent"}, // its own field
		{"GET", item, "Referer: {{{header}}}", ""},
		{"GET", item, "Origin: {{{header}}}", ""},

		{"GET", item, "X-Other: {{{cookie}}}", "cookie"}, // the last alternative is named too
		{"GET", item, "X-Other: {{{unused}}}", ""},
		{"GET", item, "X-Other: {{{agent}}}", ""},
		{"PUT", item, "X-Other: {{{agent}}}", "agent"},
		{"PUT", item, "X-Other: {{{header}}}", ""},
		{"PUT", item, "X-Other: {{{certificate}}}", ""},
		{"DELETE", item, "X-Other: {{{header}}}", ""},
		{"GET", checked, "X-Other: {{{key}}}", "key"},
		{"GET", checked, "X-Other: {{{checker}}}", ""},
		{"GET", checked, "X-Other: {{{spare}}}", ""},
		{"GET", checked, "Authorization: {{{checker}}}", ""},

		{"PUT", "https://chained.example.com/a", "X-Other: {{{token}}}", "token"},
		{"PUT", "https://chained.example.com/a", "X-Other: {{{device}}}", ""}, // the token call's
		{"GET", "https://chained.example.com/a", "X-Device: {{{device}}}", ""},
		{"GET", "https://chained.example.com/a", "X-Other: {{{spare}}}", ""}, // what is named is not what may be filled

		{"GET", item + "?key[1]={{{query}}}", "", "query"},
		{"GET", item + "?key%5B1%5D={{{query}}}&a=b", "", "query"},
		{"GET", item + "?key[1]=a{{{query}}}", "", ""},
		{"GET", item + "?key[1]={{{query}}}b", "", ""},
		{"GET", item + "?url={{{query}}}", "", ""},
		{"GET", item + "?a;key[1]={{{query}}}", "", ""},
		{"GET", item + "?{{{query}}}", "", ""},
		{"GET", item + "?{{{query}}}={{{query}}}", "", ""},
		{"GET", item + "?key[1]={{{header}}}", "", ""},
		{"GET", item + "?key[1]={{{query}}}{{{query}}}", "", ""},
		{"DELETE", item + "?key[1]={{{query}}}", "", ""},
		{"GET", "https://vault.example.com/items/{{{query}}}", "", ""},
		{"GET", "https://{{{query}}}.example.com/items/1", "", ""},
	}
	for _, test := range tests {
		request := to(test.method, test.url, []byte(`{"token":"a"}`))
		if name, value, found := strings.Cut(test.header, ": "); found {
			request.Header.Set(name, value)
		}
		outbound, err := plan.New(set, request)
		if test.scheme == "" {
			if mustRefuse(t, err, plan.ErrPlaceholder); err == nil {
				t.Error(test)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", test, err)
			continue
		}
		filled := false
		for _, part := range outbound.Fills[0].Parts {
			filled = filled || part.Scheme != nil && part.Scheme.Name == test.scheme
		}
		if !filled || strings.Contains(outbound.URL.String(), "{{{") {
			t.Errorf("%v became %v and %s", test, outbound.Fills, outbound.URL)
		}
	}
}

// TestPlaceholdersInRecord moves texts that look like placeholders: they are sent as they are.
func TestPlaceholdersInRecord(t *testing.T) {
	set := load(t, "testdata/destinations")
	request := to("GET", "https://vault.example.com/items/{id}", []byte(`{"id":"{{{query}}}","key[1]":"{{{query}}}","a":"{{{header}}}"}`))
	request.Header.Set("X-Osmos-Query-Param-Fields", "key[1]")
	request.Header.Set("X-Relay-Header-Fields", "a=X-Other")
	outbound := newPlan(t, set, request)
	if outbound.Fills != nil || outbound.URL.String() != "https://vault.example.com/items/%7B%7B%7Bquery%7D%7D%7D?key%5B1%5D=%7B%7B%7Bquery%7D%7D%7D" || outbound.Header.Get("X-Other") != "{{{header}}}" {
		t.Errorf("%s, %v, %v", outbound.URL, outbound.Header, outbound.Fills)
	}
}
