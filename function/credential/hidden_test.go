package credential_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// TestNotShown prints, logs and encodes what holds a secret in every way.
func TestNotShown(t *testing.T) {
	store := storeOn(t, newEndpoint(map[string]string{"keyrelay/it": `{"username": "hush-user", "password": "hush-hush"}`, "key": "hush-hush"}))
	basic := &destination.SecurityScheme{Name: "b", Kind: destination.Basic, In: "header", Field: "Authorization", Secret: managed("keyrelay/it", "")}
	held := mustGet(t, store, planWith(basic, header(managed("key", ""))))
	secret, err := store.Secret(t.Context(), managed("keyrelay/it", "/password"))
	if err != nil || string(secret()) != "hush-hush" {
		t.Fatal("no secret", err)
	}
	var shown bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&shown, nil))
	for _, holder := range []any{secret, held, *held, store, []any{secret, held}, map[string]any{"held": held, "secret": secret}} {
		fmt.Fprintf(&shown, "%v %+v %#v %s %q %x", holder, holder, holder, holder, holder, holder)
		encoded, err := json.Marshal(holder)
		fmt.Fprint(&shown, string(encoded), err)
		logger.Info("held", "it", holder)
	}
	for _, private := range []string{"hush", "68757368", "aHVzaC", "[104 117"} {
		if strings.Contains(shown.String(), private) {
			t.Errorf("%q is shown in %s", private, shown.String())
		}
	}
}

// TestSecret gives other rooms a secret, or the part of it that a pointer names.
func TestSecret(t *testing.T) {
	store := storeOn(t, newEndpoint(map[string]string{"keyrelay/it": `{"pem": "-----BEGIN\n", "list": ["a", "b"]}`}))
	for pointer, want := range map[destination.Pointer]string{"": `{"pem": "-----BEGIN\n", "list": ["a", "b"]}`, "/pem": "-----BEGIN\n", "/list": `["a", "b"]`} {
		secret, err := store.Secret(t.Context(), managed("keyrelay/it", pointer))
		if err != nil || string(secret()) != want {
			t.Errorf("%q gave %v", pointer, err)
		}
	}
	for _, reference := range []destination.Reference{managed("missing", ""), managed("keyrelay/it", "/missing")} {
		if _, err := store.Secret(t.Context(), reference); !errors.Is(err, credential.ErrSecretUnavailable) {
			t.Errorf("%s gave %v", reference, err)
		}
	}
}

// TestCheck reports what can be known at start without reading a secret.
func TestCheck(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("KEYRELAY_TEST_SET", "hush")
	written := filepath.Join(folder, "written")
	if err := os.WriteFile(written, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	document := `openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: "https://api.example.com"}]
components:
  securitySchemes:
    a: {type: http, scheme: bearer, x-keyrelay-secret: "env:KEYRELAY_TEST_SET"}
    b: {type: http, scheme: bearer, x-keyrelay-secret: "env:KEYRELAY_TEST_UNSET"}
    c: {type: http, scheme: bearer, x-keyrelay-secret: "file:` + written + `"}
    d: {type: http, scheme: bearer, x-keyrelay-secret: "file:/missing/secret"}
    e: {type: http, scheme: bearer, x-keyrelay-secret: "file:/"}
    f: {type: http, scheme: bearer}
`
	file := filepath.Join(folder, "orders.yaml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var faults destination.Faults
	if err := credential.New(credential.Config{}).Check(set); !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	want := strings.ReplaceAll(`FILE:7:56: the environment variable KEYRELAY_TEST_UNSET is not set; set it where keyrelay runs, or name another secret
FILE:9:56: the file /missing/secret does not exist; put the secret there, or name another file
FILE:10:56: / is not a file; name a regular file that holds the secret`, "FILE", file)
	if difference := cmp.Diff(want, faults.Error()); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

// TestRefused knows a refused credential by the document's rules.
func TestRefused(t *testing.T) {
	byBody := func(pointer destination.Pointer, equals string) destination.RefreshRule {
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
		{[]destination.RefreshRule{byBody("/code", `14`)}, 200, `{"code": "14"}`, false},
		{[]destination.RefreshRule{byBody("/ok", `false`)}, 200, `{"ok":false}`, true},
		{[]destination.RefreshRule{byBody("/data", `null`)}, 200, `{"data": null}`, true},
		{[]destination.RefreshRule{byBody("/data", `{"a":[1]}`)}, 200, `{"data": { "a": [ 1 ] } }`, true},
		{[]destination.RefreshRule{byBody("", `"expired"`)}, 200, ` "expired" `, true},
	}
	for _, test := range tests {
		held := heldWith(t, "some-secret", func(s *destination.SecurityScheme) { s.RefreshOn = test.rules })
		if got := held.Refused(&gateway.Response{Status: test.status, Body: []byte(test.body)}); got != test.want {
			t.Errorf("%v with %d %s: %v", test.rules, test.status, test.body, got)
		}
	}
}

// TestFrugal holds the warm way of one request to what it may allocate.
func TestFrugal(t *testing.T) {
	store := storeOn(t, newEndpoint(map[string]string{"keyrelay/it": "some-secret"}))
	outbound := planWith(header(managed("keyrelay/it", "")))
	ctx := t.Context()
	request := &http.Request{URL: &url.URL{}, Header: http.Header{"X-Partner-Key": nil, "Accept": {"*/*"}}}
	response := &gateway.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"ok": true}`)}
	warm := func() {
		held, err := store.Get(ctx, outbound)
		if err != nil {
			t.Error(err)
			return
		}
		held.Apply(request)
		held.Mask(response)
		held.Refused(response)
	}
	warm()
	if allocated := testing.AllocsPerRun(100, warm); allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}
