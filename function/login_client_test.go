package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"keyrelay/function/fake"
)

// TestLoginByAssertion authenticates at the code exchange by a signed assertion (RFC 7523
// section 2.2), just as at the refresh.
func TestLoginByAssertion(t *testing.T) {
	keys := newSigningKeys(t)
	for method, test := range map[string]struct{ jwt, secret, assertion string }{
		"private_key_jwt":   {"{alg: ES256, header: {kid: k-1}}", `{"person": {"client_id": "relay+1", "private_key": $EC.}}`, `[{"alg":"ES256","kid":"k-1","typ":"JWT"},{"aud":"$API/token","exp":300,"iss":"relay+1","jti":26,"sub":"relay+1"}]`},
		"client_secret_jwt": {"{alg: HS256, lifetime: 60}", `{"person": {"client_id": "relay+1", "client_secret": "a-client-secret-of-32-bytes-length"}}`, `[{"alg":"HS256","typ":"JWT"},{"aud":"$API/token","exp":60,"iss":"relay+1","jti":26,"sub":"relay+1"}]`},
	} {
		_, server := startLogin(t, keys.fill(test.secret))
		document := loginDocument + "      x-keyrelay-client-authentication: " + method + "\n      x-keyrelay-jwt: " + test.jwt + "\n"
		if _, err := logIn(t, consents(t), server.documents(t, document), "orders", "person"); err != nil {
			t.Fatal(method, err)
		}
		form := server.token
		if got := strings.ReplaceAll(keys.open(t, form.Get("client_assertion"), server.URL), server.URL, "$API"); got != test.assertion || server.client != "" {
			t.Errorf("%s: %s by %q, want %s", method, got, server.client, test.assertion)
		}
		if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Get("grant_type") != "authorization_code" || form.Get("client_id") != "relay+1" || form.Has("client_secret") {
			t.Errorf("%s sends %s", method, form)
		}
	}
}

// TestLoginRegisters makes a client where the provider lets anybody do so (RFC 7591) and
// the secret holds none, once, and asks an OAuth server for no scope of OpenID Connect.
func TestLoginRegisters(t *testing.T) {
	document := strings.NewReplacer("type: oauth2", "type: openIdConnect", "[{person: []}]", "[{person: [orders]}]").Replace(loginDocument)
	document = regexp.MustCompile(`flows:.*`).ReplaceAllString(document, "openIdConnectUrl: $$API/.well-known/oauth-authorization-server/orders")
	for answer, want := range map[string]struct{ kept, form, client string }{
		`{"client_id": "made", "client_id_issued_at": 1}`:       {`{"person": {"client_id":"made","refresh_token":"r-1"}}`, "made", ""},
		`{"client_id": "made", "client_secret": "given: hush"}`: {`{"person": {"client_id":"made","client_secret":"given: hush","refresh_token":"r-1"}}`, "", "Basic bWFkZTpnaXZlbiUzQStodXNo"},
		`{"client_id": ""}`:                 {`{"person": {}}`, "", ""},
		`{"error": "invalid_redirect_uri"}`: {`{"person": {}}`, "", ""},
	} {
		secrets, server := startLogin(t, `{"person": {}}`)
		if server.registered = answer; strings.Contains(answer, "error") {
			server.status = 400
		}
		for range 2 {
			printed, err := logIn(t, consents(t), server.documents(t, document), "orders", "person")
			if kept := secrets.Value("keyrelay/orders"); kept != want.kept {
				t.Errorf("%s: kept %s", answer, kept)
			}
			if strings.Contains(printed, "hush") {
				t.Errorf("it prints %s", printed)
			}
			if want.kept == `{"person": {}}` {
				if err == nil || !strings.Contains(err.Error(), "Register one there, and store its client_id") {
					t.Errorf("%s gave %v", answer, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(answer, err)
			}
			if server.token.Get("client_id") != want.form || server.client != want.client || server.authorization.Get("client_id") != "made" || server.authorization.Get("scope") != "orders" {
				t.Errorf("%s: redeemed by %q with %s, asked with %s", answer, server.client, server.token, server.authorization)
			}
			server.registered = `{"client_id": "another"}`
		}
		redirect, _, _ := strings.Cut(strings.TrimPrefix(server.registration, `POST application/json {"client_name":"keyrelay","redirect_uris":["`), `"`)
		if !strings.HasSuffix(server.registration, `"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none"}`) || !strings.HasPrefix(redirect, "http://127.0.0.1:") || !strings.HasSuffix(redirect, "/callback") {
			t.Errorf("registered by %s", server.registration)
		}
	}
}

// TestLoginByCertificate presents the certificate that a requirement names beside the
// scheme at the code exchange (RFC 8705), to an endpoint that takes no other.
func TestLoginByCertificate(t *testing.T) {
	var forms []url.Values
	endpoint := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, _, basic := r.BasicAuth()
		r.PostForm.Set("presented", fmt.Sprint(r.TLS.PeerCertificates[0].SerialNumber, basic))
		forms = append(forms, r.PostForm)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token": "t-1", "refresh_token": "r-1"}`)
	}))
	endpoint.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	endpoint.Config.ErrorLog = log.New(io.Discard, "", 0)
	endpoint.StartTLS()
	defer endpoint.Close()
	server := startAuthorizationServer(t)
	document := strings.NewReplacer("tokenUrl: $API", "tokenUrl: "+endpoint.URL, "[{person: []}]", "[{person: [], certificate: []}]").Replace(loginDocument) +
		"    certificate: {type: mutualTLS}\nx-keyrelay-ca: file:" + writeRoots(t, endpoint) + "\n"
	secrets := startManagedSecrets(t)
	secrets.Put("keyrelay/orders", `{"person": {"client_id": "relay+1"}, "certificate": `+fake.ClientCertificate(7)+`}`)
	if _, err := logIn(t, consents(t), server.documents(t, document), "orders", "person"); err != nil {
		t.Fatal(err)
	}
	if len(forms) != 1 || forms[0].Get("presented") != "7 false" || forms[0].Get("client_id") != "relay+1" || forms[0].Get("code") != "the-code" {
		t.Errorf("the endpoint got %v", forms)
	}
	if kept := secrets.Value("keyrelay/orders"); !strings.Contains(kept, `"relay+1","refresh_token":"r-1"}`) {
		t.Errorf("kept %.60s", kept)
	}
}
