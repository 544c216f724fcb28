package relay_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/relay"
)

// FuzzRelay sends whatever there is through the whole function: it answers with a
// valid envelope and a problem of the table or the downstream's answer, never with
// a fault of its own, and what arrives downstream is at most one request, for the
// declared server, with the credential and no directive of the caller's.
func FuzzRelay(f *testing.F) {
	f.Add("POST", "/orders/{id}?a=b", "a, b?", "c=X-C", "X-Custom", "{{{key}}}", []byte(`{"id":"7","a":[1,null],"b":1.10,"c":"x","rest":{}}`))
	f.Add("DELETE", "", "id", "", "Content-Type", "text/plain", []byte(`{"id":"7"}`))
	f.Add("GET", "/../x", "", "a=Host", "Cookie", "a={{{key}}}", []byte(``))
	f.Add("PUT", "/{a}{b}", "a,a", "b?=X_Api_Key", "Connection", "x-partner-key", []byte(`{"a":"/","b":{}}`))
	f.Add("PATCH", "//", ",,", "=", "X-Relay-Dry-Run", "true", []byte(`[{"a":1}]`))
	f.Add("POST", "@evil.example/", "\u00e9", "é", "Content-Encoding", "gzip", []byte("\xff{}"))
	whole := newStage(f, managedDocument)
	problems := relay.Problems()
	f.Fuzz(func(t *testing.T, method, path, queryFields, headerFields, name, value string, body []byte) {
		s := *whole
		s.t = t
		call := sent{method: method, url: "http://" + s.api.host + "/v2" + path, body: body, header: map[string]string{
			"X-Osmos-Query-Param-Fields": queryFields, "X-Relay-Header-Fields": headerFields, name: value,
		}}
		got := s.send(t.Context(), call)
		known := slices.ContainsFunc(problems, func(p relay.Problem) bool {
			return p.Name == got.problem && p.Status == got.status && p.Status < 500
		})
		if got.problem != "" && !known {
			t.Errorf("%+v: %d %s", call, got.status, got.body)
		}
		arrived := s.api.Take()
		if len(arrived) > 1 || got.problem != "" && len(arrived) != 0 {
			t.Errorf("%+v: %d requests arrived for %d %s", call, len(arrived), got.status, got.body)
		}
		for _, request := range arrived {
			checkArrived(t, request)
		}
	})
}

func checkArrived(t *testing.T, request fake.Request) {
	t.Helper()
	target, err := url.ParseRequestURI(request.URI)
	if err != nil || target.Path != "/v2" && !strings.HasPrefix(target.Path, "/v2/") {
		t.Errorf("%q arrived", request.URI)
	}
	if key := request.Header["X-Partner-Key"]; len(key) != 1 || key[0] != theKey {
		t.Errorf("the key arrived as %q", key)
	}
	for name := range request.Header {
		if strings.HasPrefix(name, "X-Osmos-") || strings.HasPrefix(name, "X-Relay-") || strings.HasPrefix(name, "X-Amz") {
			t.Errorf("%s arrived", name)
		}
	}
}
