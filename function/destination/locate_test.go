package destination_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// several declares servers that are easily mistaken for one another.
func several(t testing.TB) *destination.Set {
	return load(t,
		txtar.File{Name: "orders.yaml", Data: []byte(`
openapi: 3.1.1
servers:
  - url: https://api.example.com/v2
  - url: https://api.example.com:8443
  - url: https://{region}.example.com/{stage}/
    variables: {region: {default: eu, enum: [eu, us]}, stage: {default: prod}}
`)},
		txtar.File{Name: "items.json", Data: []byte(`{"openapi": "3.0.0", "servers": [{"url": "https:\/\/api.example.com/v2/orders/items"}]}`)},
		txtar.File{Name: "local.yml", Data: []byte(`
openapi: 3.1.1
servers: [{url: "http://127.0.0.1:9000/hook"}, {url: "http://[::1]:9000"}, {url: "HTTP://Internal.Example:80/%7Ea/%C3%A9"}]
x-keyrelay-network: loopback
`)})
}

func TestLocate(t *testing.T) {
	set := several(t)
	for outboundURL, want := range map[string][]string{
		"https://api.example.com/v2":                      {"orders", "/v2", ""},
		"https://api.example.com/v2/":                     {"orders", "/v2/", ""},
		"HTTPS://API.Example.COM:443/v2/orders?a=%2e&b=#": nil,
		"HTTPS://API.Example.COM:443/v2/orders?a=%2e&b=":  {"orders", "/v2/orders", "?a=%2e&b="},
		"https://api.example.com/%762/x":                  {"orders", "/%762/x", ""},
		"https://api.example.com/v2?":                     {"orders", "/v2", "?"},
		"https://api.example.com/v2?/../..//%zz{a}":       {"orders", "/v2", "?/../..//%zz{a}"},
		"https://api.example.com/v2/{a}/{b.c}x?q={d}":     {"orders", "/v2/{a}/{b.c}x", "?q={d}"},
		"https://api.example.com/v2/a..b/...;/.a/a.":      {"orders", "/v2/a..b/...;/.a/a.", ""},
		"https://api.example.com/v2/orders/items":         {"items", "/v2/orders/items", ""},
		"https://api.example.com/v2/orders/items/7":       {"items", "/v2/orders/items/7", ""},
		"https://api.example.com/v2/orders/itemsets":      {"orders", "/v2/orders/itemsets", ""},
		"https://api.example.com/v2/orders/%69tems":       {"items", "/v2/orders/%69tems", ""},
		"https://api.example.com:8443":                    {"orders", "/", ""},
		"https://api.example.com:8443?a=b":                {"orders", "/", "?a=b"},
		"https://us.example.com/prod/x":                   {"orders", "/prod/x", ""},
		"http://127.0.0.1:9000/hook/a":                    {"local", "/hook/a", ""},
		"http://[0:0::1]:9000/a":                          {"local", "/a", ""},
		"http://internal.example/~a/%c3%a9/x":             {"local", "/~a/%c3%a9/x", ""},
	} {
		location, err := set.Locate(outboundURL)
		if want == nil {
			if err == nil {
				t.Errorf("%s is admitted", outboundURL)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", outboundURL, err)
			continue
		}
		query := location.RawQuery
		if location.HasQuery {
			query = "?" + query
		}
		operation, err := location.Operation("GET", location.Path)
		if err != nil {
			t.Errorf("%s: %v", outboundURL, err)
			continue
		}
		same(t, outboundURL, want, []string{operation.Destination.Name, location.Path, query})
	}
}

func TestLocateRefuses(t *testing.T) {
	set := several(t)
	long := "https://api.example.com/v2/" + strings.Repeat("a", destination.MaxURLBytes-27)
	if _, err := set.Locate(long); err != nil {
		t.Error(err)
	}
	invalid := []string{
		"", "/v2", "//api.example.com/v2", "api.example.com/v2", "https:/api.example.com/v2", "https:api.example.com/v2",
		"ftp://api.example.com/v2", "javascript://api.example.com/v2", " https://api.example.com/v2", "https://api.example.com/v2\n",
		"https://api.example.com/v2 ", "https://api.example.com/v2/é", "https://api.example.com/v2/\x7f", "https://api.example.com/v2/\x00",
		`https://api.example.com\@evil.example/v2`, `https://api.example.com/v2\x`, "https://user@api.example.com/v2", "https://user:hunter2@api.example.com/v2",
		"https://@api.example.com/v2", "https://api.example.com/v2#top", "https://api.example.com#/v2", "https://", "https:///v2", "https://:443/v2",
		"https://api.example.com:/v2", "https://api.example.com:0443/v2", "https://api.example.com:65536/v2", "https://api.example.com:x/v2",
		"https://api.example.com:443:443/v2", "https://[::1]x/v2", "https://[::1%25lo]:9000/", "https://[::1%lo]/", "https://[127.0.0.1]/", "https://[api.example.com]/v2",
		"https://[::1/v2", "https://::1/v2", "https://api%2eexample.com/v2", "https://{host}/v2", "https://api.example.com{a}/v2", "https://api.example.com,evil/v2",
		"https://api..example.com/v2", "https://.api.example.com/v2",
		"https://api.example.com/v2/.", "https://api.example.com/v2/..", "https://api.example.com/v2/../v1", "https://api.example.com/./v2", "https://api.example.com/v2/..;/v1",
		"https://api.example.com/v2/..;a=b", "https://api.example.com/v2/.;/a", "https://api.example.com//v2", "https://api.example.com/v2//a", "https://api.example.com/v2//",
		"https://api.example.com/v2/%2e", "https://api.example.com/v2/%2E%2e/", "https://api.example.com/v2/a%2Fb", "https://api.example.com/v2/a%2fb", "https://api.example.com/v2/a%5Cb",
		"https://api.example.com/v2/%", "https://api.example.com/v2/%4", "https://api.example.com/v2/%4g", "https://api.example.com/v2/%u0041",
		"https://api.example.com/v2/{", "https://api.example.com/v2/}", "https://api.example.com/v2/{}", "https://api.example.com/v2/{a{b}}", "https://api.example.com/v2/{a/b}", "https://api.example.com/v2/{a?b}",
		"https://api.example.com/v2/{a%2e}", long + "a",
	}
	foreign := []string{
		"https://api.example.com", "https://api.example.com/", "https://api.example.com/v1", "https://api.example.com/v22", "https://api.example.com/V2", "https://api.example.com/{v}",
		"https://api.example.com/v2%3fa", "https://api.example.com?/v2",
		"http://api.example.com/v2", "https://api.example.com:444/v2", "http://api.example.com:443/v2", "https://api.example.com./v2", "https://example.com/v2", "https://www.api.example.com/v2",
		"https://api.example.com.evil.example/v2", "https://evil.example/https:/api.example.com/v2", "https://api-example.com/v2", "https://api.example.con/v2",
		"https://127.0.0.1:9000/hook", "http://127.0.0.1/hook", "http://127.1:9000/hook", "http://2130706433:9000/hook", "http://0x7f.1:9000/hook", "http://0177.0.0.1:9000/hook",
		"http://[::ffff:127.0.0.1]:9000/hook", "http://[::]:9000/", "http://127.0.0.1:9000/hooks", "http://169.254.169.254/latest/meta-data/", "https://xn--pi-7ca.example.com/v2",
		"https://asia.example.com/prod", "https://eu.example.com/test", "https://{region}.example.com:1/prod",
	}
	check := func(outboundURL string, reason error) {
		location, err := set.Locate(outboundURL)
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != reason || location.Path != "" {
			t.Errorf("%q: location %+v, error %v; want %v", outboundURL, location, err, reason)
			return
		}
		if !strings.HasSuffix(refusal.Detail, ".") || strings.Contains(refusal.Detail, "hunter2") {
			t.Errorf("%q: the detail is %q", outboundURL, refusal.Detail)
		}
		if reason == destination.ErrNotDeclared && len(refusal.Allowed) != 0 {
			t.Errorf("%q: a caller learns of other servers: %q", outboundURL, refusal.Allowed)
		}
	}
	for _, each := range invalid {
		check(each, destination.ErrURL)
	}
	for _, each := range foreign[:len(foreign)-1] {
		check(each, destination.ErrNotDeclared)
	}
	check(foreign[len(foreign)-1], destination.ErrURL)
}

// What is filled goes out byte for byte: seen by a real server, through net/http.
func TestFillReachesTheWireUnchanged(t *testing.T) {
	var seen, host string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, host = r.RequestURI, r.Host }))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	set := load(t, yaml("{openapi: 3.1.1, x-keyrelay-network: loopback, servers: [{url: '"+server.URL+"/v2'}]}"))
	for outbound, want := range map[[2]string]string{
		{"/v2", ""}:             "/v2",
		{"/v2/", "a=b&a=%20+c"}: "/v2/?a=b&a=%20+c",
		{"/v2/a%20b/%c3%A9/~-._!$&'()*+,;=:@", ""}:        "/v2/a%20b/%c3%A9/~-._!$&'()*+,;=:@",
		{"/v2/a%2Fb%5C%2e%25", ""}:                        "/v2/a%2Fb%5C%2e%25",
		{"/v2/\"<>^`|[]{}", "\"<>^`|[]{}%zz/..//'"}:       "/v2/%22%3C%3E%5E%60%7C%5B%5D%7B%7D?\"<>^`|[]{}%zz/..//'",
		{"/v2/(a)/*/[b]/%41", "q"}:                        "/v2/(a)/*/%5Bb%5D/%41?q",
		{"/v2/:a", "https://evil.example/?x=http://b&&="}: "/v2/:a?https://evil.example/?x=http://b&&=",
	} {
		location := located(t, set, server.URL+"/v2")
		var target url.URL
		location.Fill(&target, outbound[0], outbound[1])
		response, err := http.DefaultClient.Do(&http.Request{Method: "GET", URL: &target})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if seen != want || host != address {
			t.Errorf("%q arrives as %q at %q, want %q at %q", outbound, seen, host, want, address)
		}
		if got := target.String(); got != server.URL+want {
			t.Errorf("%q is shown as %q", outbound, got)
		}
	}
}

// A query without a text keeps its question mark.
func TestFillKeepsEmptyQuery(t *testing.T) {
	set := several(t)
	for outboundURL, want := range map[string]string{
		"HTTPS://API.example.com:443/v2?": "https://api.example.com/v2?",
		"https://API.example.com:8443":    "https://api.example.com:8443/",
		"http://[0::1]:9000/a":            "http://[::1]:9000/a",
	} {
		location := located(t, set, outboundURL)
		var target url.URL
		location.Fill(&target, location.Path, location.RawQuery)
		if got := target.String(); got != want {
			t.Errorf("%s is rebuilt as %s, want %s", outboundURL, got, want)
		}
	}
}

func TestLocateAllocates(t *testing.T) {
	set := load(t, yaml(routes))
	var target url.URL
	allocations := testing.AllocsPerRun(100, func() {
		location := located(t, set, "https://api.example.com/v2/orders/7/lines/8?expand=1")
		if _, err := location.Operation("PUT", location.Path); err != nil {
			t.Fatal(err)
		}
		location.Fill(&target, location.Path, location.RawQuery)
	})
	if allocations > 0 {
		t.Errorf("%v allocations for a good request", allocations)
	}
}

// TestNearestOperation sees that a path which differs by a letter or two is refused with the
// operation that was meant.
func TestNearestOperation(t *testing.T) {
	set := load(t, yaml(`openapi: 3.1.0
info: {title: a, version: "1"}
servers: [{url: "https://api.example.com/v2"}]
paths:
  /orders: {post: {}, get: {}}
  /orders/{id}: {put: {}}
  /customers/search/: {get: {}}
  /a: {get: {}}
`))
	for called, near := range map[string]string{
		"POST /v2/orders/":         " The nearest one is POST /orders.",
		"POST /v2/Orders":          " The nearest one is POST /orders.",
		"POST /v2/order":           " The nearest one is POST /orders.",
		"GET /v2/customers/search": " The nearest one is GET /customers/search/.",
		"GET /v2/b":                "",
		"GET /v2/invoices":         "",
		"DELETE /v2/order":         "",
	} {
		method, path, _ := strings.Cut(called, " ")
		location, err := set.Locate("https://api.example.com" + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = location.Operation(method, path); err == nil || !strings.HasSuffix(err.Error(), "in the destination's document."+near) {
			t.Errorf("%s: error %v, want %q", called, err, near)
		}
	}
}

func BenchmarkLocate(b *testing.B) {
	set := load(b, yaml(routes))
	b.ReportAllocs()
	for b.Loop() {
		location, _ := set.Locate("https://api.example.com/v2/orders/7/lines/8?expand=1")
		if _, err := location.Operation("PUT", location.Path); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLocateSaysWhatIsNear sees that a refusal says with which scheme and port the caller's
// own host is declared, and names no other host, nor a path that the caller did not write.
func TestLocateSaysWhatIsNear(t *testing.T) {
	const look = "or have the operator add the API's OpenAPI document to the destinations."
	set := several(t)
	for outboundURL, want := range map[string]string{
		"http://api.example.com/v2/a":         look + " The same host and path are declared with https://api.example.com.",
		"https://API.example.com:9443/v2":     look + " The same host and path are declared with https://api.example.com.",
		"https://api.example.com/v3":          look + " The same host and path are declared with https://api.example.com:8443.",
		"https://127.0.0.1:9000/hook":         look + " The same host and path are declared with http://127.0.0.1:9000.",
		"http://127.0.0.1/hook/a":             look + " The same host and path are declared with http://127.0.0.1:9000.",
		"http://[::1]/":                       look + " The same host and path are declared with http://[::1]:9000.",
		"http://localhost:9000/hook":          look + " The same path is declared with http://127.0.0.1:9000: write the host as it is declared.",
		"https://localhost/other":             look + " The same path is declared with http://[::1]:9000: write the host as it is declared.",
		"https://eu.example.com/stage":        look + " The host is declared, but below other paths.",
		"https://127.0.0.1:9000/hooks":        look + " The same path is declared with http://[::1]:9000: write the host as it is declared.",
		"https://apl.example.com/v2":          look,
		"https://example.com/v2":              look,
		"127.0.0.1:9000/hook?a=b":             `The outbound URL "127.0.0.1:9000/hook" has no scheme: begin it with http://127.0.0.1:9000, with which its host is declared.`,
		"//us.example.com/prod":               `The outbound URL "//us.example.com/prod" has no scheme: begin it with https://us.example.com, with which its host is declared.`,
		"api.example.com:99/v2":               `The outbound URL "api.example.com:99/v2" has no scheme: begin it with https://api.example.com, with which its host is declared.`,
		"elsewhere.example.com/v2":            `The outbound URL "elsewhere.example.com/v2" is not an absolute https URL: begin it with https://.`,
		"user@api.example.com/v2":             "The outbound URL is not an absolute https URL: begin it with https://.",
		"/v2":                                 `The outbound URL "/v2" is not an absolute https URL: begin it with https://.`,
		"ftp://api.example.com/v2":            `The outbound URL "ftp://api.example.com/v2" is not an absolute https URL: begin it with https://.`,
		"undefined":                           `The outbound URL "undefined" is not an absolute https URL: the sender has not filled it in.`,
		"{{url}}":                             `The outbound URL "{{url}}" is not an absolute https URL: the sender has not filled it in.`,
		"undefined/orders":                    `is not an absolute https URL: the sender has not filled it in.`,
		"api.other.example/orders/{id}":       `is not an absolute https URL: begin it with https://.`,
		"/orders/{id}":                        `is not an absolute https URL: begin it with https://.`,
		"https:/api.example.com/orders/{id}":  `is not an absolute https URL: a scheme ends in a colon and two slashes, as in https://.`,
		"${API_URL}/orders":                   `is not an absolute https URL: the sender has not filled it in.`,
		`"https://api.example.com/v2"`:        `The outbound URL "\"https://api.example.com/v2\"" is not an absolute https URL: write the URL alone, without what stands around it.`,
		"<https://api.example.com/v2>":        `is not an absolute https URL: write the URL alone, without what stands around it.`,
		"https:/api.example.com/v2":           `is not an absolute https URL: a scheme ends in a colon and two slashes, as in https://.`,
		"HTTPS//api.example.com/v2":           `is not an absolute https URL: a scheme ends in a colon and two slashes, as in https://.`,
		"https://{host}/v2":                   "has no valid host: write it out, since a record fills a path only.",
		"https://api.{region}.example.com/":   "has no valid host: write it out, since a record fills a path only.",
		"https://api.example.com:${PORT}/v2":  "has no valid port: write it out, since a record fills a path only.",
		"https://api.example.com/v2/\u200ba":  `The outbound URL holds "\u200b", which is not printable ASCII: percent-encode it, or take it out if you cannot see it; write an international host name in its xn-- form.`,
		"https://münchen.example/":            `The outbound URL holds "ü", which is not printable ASCII: percent-encode it, or take it out if you cannot see it; write an international host name in its xn-- form.`,
		"user:pass?word@api.example.com/v2":   "The outbound URL is not an absolute https URL: begin it with https://.",
		"user%3Apass%40api.example.com/v2":    "The outbound URL is not an absolute https URL: begin it with https://.",
		"https%253A%252F%252Fa%2540a.b%252F":  "The outbound URL is not an absolute https URL: write it as it is, without percent-encoding the whole of it.",
		"https%3A%2F%2Fa.example%2F%3fkey=1":  `The outbound URL "https%3A%2F%2Fa.example%2F" is not an absolute https URL: write it as it is, without percent-encoding the whole of it.`,
		"https%253A%252F%252Fa%253Fkey%253D1": `The outbound URL "https%253A%252F%252Fa" is not an absolute https URL: write it as it is, without percent-encoding the whole of it.`,
		"eu.example.com/stage?u=https://a/":   `The outbound URL "eu.example.com/stage" is not an absolute https URL: begin it with https://.`,
	} {
		if _, err := set.Locate(outboundURL); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", outboundURL, err)
		}
	}
}
