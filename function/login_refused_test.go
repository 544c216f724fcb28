package main

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestLoginFails says what to do, tells no secret, and leaves the secret as it is.
func TestLoginFails(t *testing.T) {
	for name, test := range map[string]struct {
		query  string
		status int
		answer string
		says   string
	}{
		"not consented":        {"error=access_denied&error_description=hush", 200, "", `the error "access_denied". Log in again`},
		"an error of its own":  {"error=%1b%5B2J" + strings.Repeat("x", 99), 200, "", `the error "\x1b[2J` + strings.Repeat("x", 56) + `". Look`},
		"an error with a code": {"error=server_error&code=hush", 200, "", `"server_error". Try again later`},
		"no code":              {"a=b", 200, "", "neither one code nor an error"},
		"two codes":            {"code=hush&code=hush", 200, "", "neither one code nor an error"},
		"no refresh token":     {"code=the-code", 200, `{"access_token": "t-1", "expires_in": 3600}`, "gave no refresh token"},
		"an empty one":         {"code=the-code", 200, `{"access_token": "t-1", "refresh_token": "", "expires_in": "3600"}`, "gave no refresh token"},
		"an error and a token": {"code=the-code", 400, `{"error": "invalid_grant", "access_token": "t-1"}`, "does not accept the authorization code"},
		"a code too late":      {"code=the-code", 400, `{"error": "invalid_grant", "error_description": "hush"}`, "does not accept the authorization code. Log in again"},
		"200 and an error":     {"code=the-code", 200, `{"error": "invalid_client"}`, "does not accept the client. Check the secret secretsmanager:keyrelay/orders#/person, and x-keyrelay-client-authentication. It answered 200, invalid_client. The endpoint is at 127.0.0.1."},
		"a redirect":           {"code=the-code", 307, "", "redirects, which keyrelay does not follow. Write the final URL into the document. It answered 307. The endpoint is at 127.0.0.1."},
		"no JSON":              {"code=the-code", 200, "<hush>", "gave no refresh token"},
	} {
		t.Run(name, func(t *testing.T) {
			secrets, server := startLogin(t, loginSecret)
			server.query, server.status, server.answer = test.query, test.status, test.answer
			printed, err := logIn(t, consents(t), server.documents(t, loginDocument), "orders", "person")
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("%v, want %s", err, test.says)
			}
			mustNotTell(t, printed+err.Error())
			if secrets.Value("keyrelay/orders") != loginSecret {
				t.Errorf("kept %s", secrets.Value("keyrelay/orders"))
			}
		})
	}
}

// TestLoginRefused opens no browser where it could come to nothing.
func TestLoginRefused(t *testing.T) {
	secrets := startManagedSecrets(t)
	secrets.Put("keyrelay/orders", loginSecret)
	secrets.Put("keyrelay/bare", `{"client_secret": "hush"}`)
	t.Setenv("PERSON", `{"client_id": "relay", "client_secret": "hush"}`)
	public := strings.Replace(loginDocument, "x-keyrelay-network: loopback\n", "", 1)
	public = strings.NewReplacer("$API/authorize", "http://127.0.0.1:1/authorize", "$API", "https://api.example.com").Replace(public)
	names := []string{"orders", "person"}
	for name, test := range map[string]struct {
		document  string
		arguments []string
		says      string
	}{
		"no arguments":           {loginDocument, nil, "usage: keyrelay login"},
		"another document":       {loginDocument, []string{"bills", "person"}, `no document "bills"; write one of orders`},
		"another scheme":         {loginDocument, []string{"orders", "robot"}, `no security scheme "robot"`},
		"a static key":           {strings.Replace(loginDocument, "type: oauth2", "type: apiKey\n      in: header\n      name: K", 1), names, "needs no login"},
		"client credentials":     {strings.NewReplacer("authorizationCode: {authorizationUrl: \"$API/authorize?access_type=offline&prompt=consent\",", "clientCredentials: {").Replace(loginDocument), names, "a flow that needs no login, client_credentials"},
		"no authorizationUrl":    {strings.Replace(loginDocument, "authorizationUrl:", "x-other:", 1), names, "no authorizationUrl that a browser can open"},
		"one in the clear":       {public, names, "no authorizationUrl that a browser can open"},
		"a variable":             {loginDocument + "      x-keyrelay-secret: env:PERSON\n", names, "cannot keep a refresh token: put what it holds into Secrets Manager or a file, name that with x-keyrelay-secret on person of orders"},
		"no client_id":           {loginDocument + "      x-keyrelay-secret: secretsmanager:keyrelay/bare\n", names, "has no member client_id"},
		"no secret":              {loginDocument + "      x-keyrelay-secret: secretsmanager:keyrelay/none\n", names, "secretsmanager:keyrelay/none"},
		"a member for nothing":   {loginDocument, []string{"--member", "a", "orders", "person"}, "--member is for a secret whose member a field"},
		"no member to choose by": {loginDocument + "      x-keyrelay-secret: \"secretsmanager:keyrelay/orders#/{org}\"\n", names, "--member is for a secret whose member a field"},
	} {
		folder := startAuthorizationServer(t).documents(t, test.document)
		mustRefuseLogin(t, name, folder, test.arguments, test.says)
	}
	for _, redirect := range []string{"https:///a", "https://user@host.example/a", "https://host.example/a?b=c", "https://host.example/#b", "http://127.0.0.1/a", "http://192.168.0.1:1/a", "http://127.0.0.1.evil.example:1/a", "http://user@127.0.0.1:1/a", "http://127.0.0.1:1/a?b=c", "http://127.0.0.1:1/a#b", "8123", ""} {
		mustRefuseLogin(t, redirect, "", append([]string{"--redirect", redirect}, names...), "--redirect must be an address as the provider knows it")
	}
	t.Setenv("KEYRELAY_SECRET_PREFIX", "staging")
	mustRefuseLogin(t, "a prefix that the relay refuses", startAuthorizationServer(t).documents(t, loginDocument), names, "KEYRELAY_SECRET_PREFIX must be")
}

// mustRefuseLogin puts the folder behind the flags.
func mustRefuseLogin(t *testing.T, name, folder string, arguments []string, says string) {
	t.Helper()
	at := 0
	for at < len(arguments) && strings.HasPrefix(arguments[at], "--") {
		at += 2
	}
	arguments = append(append(append([]string{}, arguments[:at]...), folder), arguments[at:]...)
	printed, err := logIn(t, func(*url.URL) { t.Errorf("%s: a browser is asked for", name) }, arguments...)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want %s", name, err, says)
	} else {
		mustNotTell(t, printed+err.Error())
	}
}

// TestLoginUnanswered ends the waiting with its time and with a signal.
func TestLoginUnanswered(t *testing.T) {
	startManagedSecrets(t).Put("keyrelay/orders", loginSecret)
	redirect := &url.URL{Scheme: "http", Host: "127.0.0.1:0", Path: "/callback"}
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelLate()
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for ctx, says := range map[context.Context]string{late: "no answer came to http://127.0.0.1:", stopped: "nothing has changed"} {
		awaited, err := await(redirect)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := awaited.answer(ctx, "s", strings.NewReader(""), io.Discard); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
		if _, err := net.Dial("tcp", redirect.Host); err == nil {
			t.Error("it still listens")
		}
	}
}
