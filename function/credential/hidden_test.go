package credential_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// TestNotShown prints, logs and encodes what holds a secret in every way.
func TestNotShown(t *testing.T) {
	secrets := secret.New(secret.Config{SecretsManager: fake.NewSecrets(map[string]string{"keyrelay/it": `{"username": "hush-user", "password": "hush-hush"}`, "key": "hush-hush"}).Client})
	store := credential.New(secrets, nil, nil)
	basic := &destination.SecurityScheme{Name: "b", Kind: destination.Basic, In: "header", Field: "Authorization", Secret: managed("keyrelay/it", "")}
	used := mustGet(t, store, planWith(basic, header(managed("key", ""))))
	read, err := secrets.Value(t.Context(), managed("keyrelay/it", "/password"))
	if err != nil || string(read.Bytes()) != "hush-hush" {
		t.Fatal("no secret", err)
	}
	var shown bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&shown, nil))
	for _, holder := range []any{read, used, *used, store, secrets, []any{read, used}, map[string]any{"used": used, "secret": read}} {
		fmt.Fprintf(&shown, "%v %+v %#v %s %q %x", holder, holder, holder, holder, holder, holder)
		encoded, err := json.Marshal(holder)
		fmt.Fprint(&shown, string(encoded), err)
		logger.Info("used", "it", holder)
	}
	for _, private := range []string{"hush", "68757368", "aHVzaC", "[104 117"} {
		if strings.Contains(shown.String(), private) {
			t.Errorf("%q is shown in %s", private, shown.String())
		}
	}
}

// TestRefused knows a refused credential by the document's rules.
func TestRefused(t *testing.T) {
	byBody := func(pointer rawjson.Pointer, equals string) destination.RefreshRule {
		return destination.RefreshRule{Status: 200, ByBody: true, Pointer: pointer, Equals: []byte(equals)}
	}
	tests := []struct {
		rules  []destination.RefreshRule
		status int
		body   string
		want   bool
	}{
		{nil, 401, "", true},
		{nil, 403, "", false},
		{nil, 200, "", false},
		{[]destination.RefreshRule{}, 401, "", false},
		{[]destination.RefreshRule{{Status: 403}, {Status: 419}}, 419, "", true},
		{[]destination.RefreshRule{{Status: 403}, {Status: 419}}, 401, "", false},
		{[]destination.RefreshRule{byBody("/error/code", `"EXPIRED"`)}, 200, `{"error": {"code": "\u0045XPIRED"}}`, true},
		{[]destination.RefreshRule{byBody("/error/code", `"EXPIRED"`)}, 200, `{"error": {"code": "OTHER"}}`, false},
		{[]destination.RefreshRule{byBody("/error/code", `"EXPIRED"`)}, 200, `{"error": "EXPIRED"}`, false},
		{[]destination.RefreshRule{byBody("/error/code", `"EXPIRED"`)}, 500, `{"error": {"code": "EXPIRED"}}`, false},
		{[]destination.RefreshRule{byBody("/error/code", `"EXPIRED"`)}, 200, `EXPIRED`, false},
		{[]destination.RefreshRule{byBody("/error/code", `"EXPIRED"`)}, 200, ``, false},
		{[]destination.RefreshRule{byBody("/code", `14`)}, 200, `{"code": 14}`, true},
		{[]destination.RefreshRule{byBody("/code", `14`)}, 200, `{"code": "14"}`, true},
		{[]destination.RefreshRule{byBody("/code", `"14"`)}, 200, `{"code": 14}`, true},
		{[]destination.RefreshRule{byBody("/ok", `"false"`)}, 200, `{"ok": false}`, false},
		{[]destination.RefreshRule{byBody("/ok", `false`)}, 200, `{"ok":false}`, true},
		{[]destination.RefreshRule{byBody("/data", `null`)}, 200, `{"data": null}`, true},
		{[]destination.RefreshRule{byBody("/data", `{"a":[1]}`)}, 200, `{"data": { "a": [ 1 ] } }`, true},
		{[]destination.RefreshRule{byBody("", `"expired"`)}, 200, ` "expired" `, true},
	}
	for _, test := range tests {
		used := madeWith(t, "some-secret", func(s *destination.SecurityScheme) { s.RefreshOn = test.rules })
		if got := used.Refused(test.status, nil, []byte(test.body)); got != test.want {
			t.Errorf("%v with %d %s: %v", test.rules, test.status, test.body, got)
		}
	}
}

// TestInvalidToken knows a 403 that says that the token is not valid (RFC 6750 section 3.1).
func TestInvalidToken(t *testing.T) {
	for challenge, want := range map[string]bool{
		`Bearer realm="orders", error="invalid_token"`: true, `Bearer error=invalid_token`: true, `Bearer error = "invalid_token"`: true, `Negotiate, bearer Error="invalid_token"`: true, `Bearer error="x", error_description="no invalid_token"`: false, `Bearer error="insufficient_scope"`: false, `Bearer`: false,
	} {
		header := http.Header{"Www-Authenticate": {"Basic", challenge}}
		for _, rules := range [][]destination.RefreshRule{nil, {{Status: 401}}} {
			used := madeWith(t, "some-secret", func(s *destination.SecurityScheme) { s.RefreshOn = rules })
			if used.Refused(403, header, nil) != want || used.Refused(200, header, nil) {
				t.Errorf("%s: not %v", challenge, want)
			}
		}
		if madeWith(t, "some-secret", func(s *destination.SecurityScheme) { s.RefreshOn = []destination.RefreshRule{} }).Refused(403, header, nil) {
			t.Errorf("%s: refused where a document says never", challenge)
		}
	}
}

// TestFrugal holds the warm way of one request to what it may allocate: nothing, whatever
// the kind of its credential is, but what a record's own choice of one needs.
func TestFrugal(t *testing.T) {
	if build, _ := debug.ReadBuildInfo(); slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector has pools forget what they keep")
	}
	w := newWorld(t, map[string]string{"it": "some-secret", "client": client, "app": `{"client_secret": "a-client-secret-of-32-bytes-length"}`, "keys": `{"acme": "some-secret"}`}, fake.Tokens(3600))
	templated, chosen := header(managed("client", "")), header(managed("keys", "/{org}"))
	templated.Value, chosen.SecretField = template(t, "id={{{client_id}}}"), "org"
	for name, test := range map[string]struct {
		scheme *destination.SecurityScheme
		most   float64
	}{
		"a key": {header(managed("it", "")), 0}, "a template": {templated, 0}, "oauth2": {w.oauth(), 0}, "a retrieved key": {w.session("/access_token"), 0},
		"a signed JWT": {signedWith(time.Hour), 0}, "a chosen key": {chosen, 22},
	} {
		t.Run(name, func(t *testing.T) {
			outbound := w.plan(test.scheme)
			if test.scheme == chosen {
				outbound.Chosen = map[string]string{"org": "acme"}
			}
			mustBeFrugal(t, w.store, outbound, test.most)
		})
	}
}

func mustBeFrugal(t *testing.T, store *credential.Store, outbound *plan.Plan, most float64) {
	t.Helper()
	ctx := t.Context()
	request := &http.Request{URL: &url.URL{}, Header: http.Header{"X-Partner-Key": nil, "Accept": {"*/*"}}}
	response := &gateway.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"ok": true}`)}
	warm := func() {
		used, err := store.Get(ctx, outbound)
		if err != nil {
			t.Error(err)
			return
		}
		used.Apply(request)
		used.Mask(response)
		used.Refused(response.Status, response.Header, response.Body)
	}
	warm()
	least := testing.AllocsPerRun(100, warm)
	for range 9 { // the servers of tests before may allocate meanwhile
		least = min(least, testing.AllocsPerRun(100, warm))
	}
	if least > most {
		t.Errorf("%v allocations, more than %v", least, most)
	}
}
