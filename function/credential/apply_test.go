package credential_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/plan"
	"keyrelay/function/secret"
)

// An applyCase is a secret, a scheme and a request, and what must be sent.
type applyCase struct {
	name       string
	secret     string
	scheme     destination.SecurityScheme
	query      string
	header     http.Header
	wantQuery  string
	wantHeader http.Header
}

// keyCases are about where a key goes and what it replaces.
func keyCases() []applyCase {
	return []applyCase{
		{
			name: "header", secret: "secret-key",
			scheme:     destination.SecurityScheme{In: "header", Field: "X-Partner-Key"},
			header:     http.Header{"Accept": {"*/*"}},
			wantHeader: http.Header{"Accept": {"*/*"}, "X-Partner-Key": {"secret-key"}},
		},
		{
			name: "header replaces every spelling", secret: "secret-key",
			scheme:     destination.SecurityScheme{In: "header", Field: "X-Partner-Key"},
			header:     http.Header{"X-Partner-Key": {"a", "b"}, "X_partner_key": {"c"}, "x-partner_KEY": {"d"}, "X-Partner-Kez": {"e"}, "X.partner.key": {"f"}, "Xpartnerkey": {"g"}},
			wantHeader: http.Header{"X-Partner-Key": {"secret-key"}, "X-Partner-Kez": {"e"}, "Xpartnerkey": {"g"}},
		},
		{
			name: "query is appended, the rest stays byte for byte", secret: "a b/+&=é",
			scheme: destination.SecurityScheme{In: "query", Field: "api key"}, query: "x=%2f&y=a+b&&z",
			wantQuery: "x=%2f&y=a+b&&z&api%20key=a%20b%2F%2B%26%3D%C3%A9", wantHeader: http.Header{},
		},
		{
			name: "query replaces parameters of its name", secret: "secret-key",
			scheme: destination.SecurityScheme{In: "query", Field: "key"}, query: "key=1&a=%zz&%6bey=2&key&keys=3&b=key",
			wantQuery: "a=%zz&keys=3&b=key&key=secret-key", wantHeader: http.Header{},
		},
		{
			name: "query replaces what servers read as its name", secret: "secret-key",
			scheme: destination.SecurityScheme{In: "query", Field: "api_key"},
			query: "&a=1;api_key=2;b=3&API_KEY=4&api_key[]=5&api_key[x]=6&api%5Fkey%00=7&+api_key=8&api.key=9&api%20key=10&api%255Fkey=11&api_key%00%zz=17&api[key=12&Api_Key%5B%5D&[api_key]=18&[[api_key=19&[]api_key[0]=20&c;&" +
				"apikey=13&api_keys=14&api-key=15&x[api_key]=16&%zz=api_key&[x]api_key=21",
			wantQuery: "&a=1;b=3&c;&apikey=13&api_keys=14&api-key=15&x[api_key]=16&%zz=api_key&[x]api_key=21&api_key=secret-key", wantHeader: http.Header{},
		},
		{
			name: "query with brackets of its own keeps others of its array", secret: "secret-key",
			scheme: destination.SecurityScheme{In: "query", Field: "auth[key]"}, query: "auth[user]=1&auth%5Bkey%5D=2&Auth[key]=3",
			wantQuery: "auth[user]=1&auth%5Bkey%5D=secret-key", wantHeader: http.Header{},
		},
		{
			name: "query alone", secret: "secret-key",
			scheme: destination.SecurityScheme{In: "query", Field: "key"}, query: "key=1",
			wantQuery: "key=secret-key", wantHeader: http.Header{},
		},
		{
			name: "cookie", secret: "secret-key",
			scheme:     destination.SecurityScheme{In: "cookie", Field: "session"},
			wantHeader: http.Header{"Cookie": {"session=secret-key"}},
		},
		{
			name: "cookie replaces the one of its name", secret: "secret-key",
			scheme:     destination.SecurityScheme{In: "cookie", Field: "session"},
			header:     http.Header{"Cookie": {"a=1; session=2;session=3; %73ession=5; sess%2569on=6", "Session=4"}},
			wantHeader: http.Header{"Cookie": {"a=1; Session=4; session=secret-key"}},
		},
	}
}

// kindCases are about what the kinds of scheme make of a secret.
func kindCases() []applyCase {
	return []applyCase{
		{
			name: "basic", secret: `{"username": "Aladdin", "password": "open sesame", "more": [1]}`,
			scheme:     destination.SecurityScheme{Kind: destination.Basic, In: "header", Field: "Authorization"},
			header:     http.Header{"Authorization": {"mine"}},
			wantHeader: http.Header{"Authorization": {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
		},
		{
			name: "bearer", secret: "mF_9.B5f-4.1JqM",
			scheme:     destination.SecurityScheme{Kind: destination.Bearer, In: "header", Field: "Authorization"},
			wantHeader: http.Header{"Authorization": {"Bearer mF_9.B5f-4.1JqM"}},
		},
		{
			name: "a pointer selects a text, a number as its digits", secret: `{"a/b": {"~": [0, 12345678901234567890.10]}}`,
			scheme:     destination.SecurityScheme{In: "header", Field: "X-Partner-Key", Secret: destination.Reference{Pointer: "/a~1b/~0/1"}},
			wantHeader: http.Header{"X-Partner-Key": {"12345678901234567890.10"}},
		},
		{
			name: "a template over the members", secret: `{"key": "k\u002f1", "nested": [true]}`,
			scheme:     destination.SecurityScheme{In: "header", Field: "Authorization", Value: tokenTemplate()},
			wantHeader: http.Header{"Authorization": {"Token token=k/1, v=true"}},
		},
	}
}

func tokenTemplate() *destination.ValueTemplate {
	return &destination.ValueTemplate{Parts: []destination.TemplatePart{
		{Literal: "Token token="}, {Pointer: "/key", IsPointer: true}, {Literal: ", v="}, {Pointer: "/nested/0", IsPointer: true},
	}}
}

// TestApply shows where each kind of scheme puts which secret, and what it replaces.
func TestApply(t *testing.T) {
	for _, test := range append(keyCases(), kindCases()...) {
		t.Run(test.name, func(t *testing.T) {
			test.scheme.Secret = managed("keyrelay/it", test.scheme.Secret.Pointer)
			store := storeOn(t, fake.NewSecrets(map[string]string{"keyrelay/it": test.secret}))
			request := &http.Request{URL: &url.URL{RawQuery: test.query}, Header: test.header}
			if request.Header == nil {
				request.Header = http.Header{}
			}
			mustGet(t, store, planWith(&test.scheme)).Apply(request)
			if difference := cmp.Diff(test.wantQuery, request.URL.RawQuery); difference != "" {
				t.Errorf("query (-want +got):\n%s", difference)
			}
			if difference := cmp.Diff(test.wantHeader, request.Header); difference != "" {
				t.Errorf("header (-want +got):\n%s", difference)
			}
		})
	}
}

// TestApplyAll attaches every scheme of a requirement, from one secret read once.
func TestApplyAll(t *testing.T) {
	e := fake.NewSecrets(map[string]string{"keyrelay/it": `{"key": "key-of-header", "token": "token-of-query"}`})
	outbound := planWith(header(managed("keyrelay/it", "/key")),
		&destination.SecurityScheme{In: "query", Field: "token", Secret: managed("keyrelay/it", "/token")})
	request := &http.Request{URL: &url.URL{}, Header: http.Header{}}
	mustGet(t, storeOn(t, e), outbound).Apply(request)
	if request.Header.Get("X-Partner-Key") != "key-of-header" || request.URL.RawQuery != "token=token-of-query" {
		t.Errorf("sent %v and %q", request.Header, request.URL.RawQuery)
	}
	if calls := e.TakeCalls(); calls != 1 {
		t.Errorf("%d calls for one secret", calls)
	}
}

// TestFills fills placeholders by the text that the scheme's own header would hold.
func TestFills(t *testing.T) {
	basic := &destination.SecurityScheme{Name: "b", Kind: destination.Basic, In: "header", Field: "Authorization", Secret: managed("basic", "")}
	bearer := &destination.SecurityScheme{Name: "t", Kind: destination.Bearer, In: "header", Field: "Authorization", Secret: managed("token", "")}
	query := &destination.SecurityScheme{Name: "q", In: "query", Field: "q", Secret: managed("token", "")}
	store := storeOn(t, fake.NewSecrets(map[string]string{"basic": `{"username":"Aladdin","password":"open sesame"}`, "token": "token-of-eight"}))
	outbound := planWith(query)
	outbound.Fills = []plan.Fill{
		{Field: "X-Both", Parts: []plan.FillPart{{Literal: "("}, {Scheme: basic}, {Literal: ")("}, {Scheme: query}, {Literal: ")"}}},
		{Field: "X-Auth", Parts: []plan.FillPart{{Scheme: bearer}}},
	}
	used := mustGet(t, store, outbound)
	request := &http.Request{URL: &url.URL{}, Header: http.Header{"X_both": {"{{{b}}}"}}}
	used.Apply(request)
	want := http.Header{"X-Both": {"(Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==)(token-of-eight)"}, "X-Auth": {"Bearer token-of-eight"}}
	if difference := cmp.Diff(want, request.Header); difference != "" {
		t.Errorf("header (-want +got):\n%s", difference)
	}
	if request.URL.RawQuery != "q=token-of-eight" {
		t.Errorf("query %q", request.URL.RawQuery)
	}
}

// TestFillsUnderOwn sets what a placeholder asks for first, so that the operation's
// own credential stands over it, and does not write a word twice.
func TestFillsUnderOwn(t *testing.T) {
	bearer := &destination.SecurityScheme{Name: "t", Kind: destination.Bearer, In: "header", Field: "Authorization", Secret: managed("token", "")}
	query := &destination.SecurityScheme{Name: "q", In: "query", Field: "q", Secret: managed("key", "")}
	store := storeOn(t, fake.NewSecrets(map[string]string{"token": "token-of-eight", "key": "key-of-query"}))
	outbound := planWith(bearer)
	outbound.Fills = []plan.Fill{
		{Parts: []plan.FillPart{{Scheme: query}}},
		{Field: "Authorization", Parts: []plan.FillPart{{Literal: "Token "}, {Scheme: query}}},
		{Field: "X-Once", Parts: []plan.FillPart{{Literal: "bearer  "}, {Scheme: bearer}}},
		{Field: "X-Twice", Parts: []plan.FillPart{{Literal: "forBearer "}, {Scheme: bearer}}},
		{Field: "X-List", Parts: []plan.FillPart{{Literal: "a=Bearer "}, {Scheme: bearer}, {Literal: ",b="}, {Scheme: bearer}}},
	}
	request := &http.Request{URL: &url.URL{RawQuery: "q=of-the-caller&r=1"}, Header: http.Header{}}
	mustGet(t, store, outbound).Apply(request)
	want := http.Header{"Authorization": {"Bearer token-of-eight"}, "X-Once": {"bearer  token-of-eight"}, "X-Twice": {"forBearer Bearer token-of-eight"}, "X-List": {"a=Bearer token-of-eight,b=Bearer token-of-eight"}}
	if difference := cmp.Diff(want, request.Header); difference != "" {
		t.Errorf("header (-want +got):\n%s", difference)
	}
	if request.URL.RawQuery != "r=1&q=key-of-query" {
		t.Errorf("query %q", request.URL.RawQuery)
	}
}

// TestNoScheme is for destinations that are allow-list entries alone.
func TestNoScheme(t *testing.T) {
	used := mustGet(t, newStore(secret.Config{}), planWith())
	request := &http.Request{URL: &url.URL{}, Header: http.Header{}}
	used.Apply(request)
	if len(request.Header) > 0 || used.Refused(401, nil, nil) || used.Mask(status(200)) != nil || !used.Stats.Cached {
		t.Errorf("something came of no scheme: %v", request.Header)
	}
}
