package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
)

// TestLoginPasted takes the answer that a person pastes, once its state is right: from a
// browser on another machine, and where the provider takes no redirect URI of this one.
func TestLoginPasted(t *testing.T) {
	for _, redirect := range []string{"https://operator.example.com/callback", "http://127.0.0.1:0/callback"} {
		secrets, server := startLogin(t, loginSecret)
		in, paste := io.Pipe()
		browse := func(address *url.URL) {
			query := address.Query()
			end := query.Get("redirect_uri") + "?code=the-code&state="
			_, _ = io.WriteString(paste, "\n"+end+"another\n%zz\nhttps://operator.example.com/callback\n  "+end+query.Get("state")+"  \n")
		}
		printed, err := logInAt(t, in, browse, "--redirect", redirect, server.documents(t, loginDocument), "orders", "person")
		if err != nil {
			t.Fatal(err)
		}
		mustNotTell(t, printed)
		if count := strings.Count(printed, "That is no answer to this login."); count != 3 || !strings.Contains(printed, "aste the whole address") {
			t.Errorf("it complains %d times: %s", count, printed)
		}
		if used := server.token.Get("redirect_uri"); !strings.HasPrefix(used, strings.TrimSuffix(redirect, ":0/callback")) || strings.HasSuffix(used, ":0/callback") {
			t.Errorf("redeemed for %s", used)
		}
		if kept := secrets.Value("keyrelay/orders"); !strings.Contains(kept, `"refresh_token":"r-1"`) {
			t.Errorf("kept %s", kept)
		}
	}
}

// TestLoginInAnEnvelope finds the refresh token where x-keyrelay-write-back says it is.
func TestLoginInAnEnvelope(t *testing.T) {
	secrets, server := startLogin(t, loginSecret)
	server.answer = `{"access_token": "hush", "refresh_token": "hush", "data": {"refresh_token": "r-1"}}`
	folder := server.documents(t, loginDocument+"      x-keyrelay-write-back: {refresh_token: /data/refresh_token}\n")
	if _, err := logIn(t, consents(t), folder, "orders", "person"); err != nil {
		t.Fatal(err)
	}
	if kept := secrets.Value("keyrelay/orders"); kept != strings.Replace(loginSecret, `"}`, `","refresh_token":"r-1"}`, 1) {
		t.Errorf("kept %s", kept)
	}
}

// TestLoginOfItsOwnKind asks and redeems as a provider wants it that has words of its own:
// what stands in authorizationUrl stays, parameters for the code alone say what was asked
// with, and what x-keyrelay-write-back names is kept.
func TestLoginOfItsOwnKind(t *testing.T) {
	for answer, member := range map[string]string{
		`{"access_token": "t-1", "refresh_token": "r-1", "expires_in": 60}`: "refresh_token",
		`{"access_token": "t-1", "expires_in": 5183944}`:                    "access_token",
	} {
		secrets, server := startLogin(t, loginSecret)
		server.answer = answer
		document := strings.Replace(loginDocument, "?access_type=offline&prompt=consent", "?response_type=code%20id_token&client_key=k-1", 1) + `      x-keyrelay-client-authentication: client_secret_post
      x-keyrelay-write-back: {access_token: /access_token}
      x-itential-parameters:
        - {name: client_key, in: body, x-itential-use-in: [token], x-keyrelay-value: "{{{client_id}}}"}
        - {name: auth_code, in: body, x-itential-use-in: [code], x-keyrelay-value: "{{{code}}}"}
        - {name: asked, in: body, x-itential-use-in: [code], x-keyrelay-value: "{{{state}}} {{{redirect_uri}}} {{{code_verifier}}}"}
`
		printed, err := logIn(t, consents(t), server.documents(t, document), "orders", "person")
		if err != nil || !strings.Contains(printed, "member "+member) {
			t.Fatalf("%v: %s", err, printed)
		}
		asked, form := server.authorization, server.token
		if asked.Get("response_type") != "code id_token" || asked.Get("client_key") != "k-1" || asked.Get("client_id") != "relay+1" {
			t.Errorf("asked with %s", asked)
		}
		if want := asked.Get("state") + " " + asked.Get("redirect_uri") + " " + form.Get("code_verifier"); form.Get("auth_code") != "the-code" || form.Get("client_key") != "relay+1" || form.Get("asked") != want {
			t.Errorf("redeemed with %s, want asked %q", form, want)
		}
		kept := secrets.Value("keyrelay/orders")
		if !strings.Contains(kept, `"access_token":"t-1"`) || strings.Contains(kept, `"refresh_token":"r-1"`) != (member == "refresh_token") {
			t.Errorf("kept %s", kept)
		}
	}
}

// TestLoginWithoutExpiry keeps the access token of a provider that gives no refresh token
// because it does not expire, and uses it as it is, behind the word that the API wants.
func TestLoginWithoutExpiry(t *testing.T) {
	for value, header := range map[string]string{"": "Bearer t-1", "      x-keyrelay-value: \"OAuth {{{access_token}}}\"\n": "OAuth t-1"} {
		secrets, server := startLogin(t, loginSecret)
		server.answer = `{"access_token": "t-1", "token_type": "bearer", "scope": ["a", "b"]}`
		folder := server.documents(t, loginDocument+value)
		printed, err := logIn(t, consents(t), folder, "orders", "person")
		if err != nil || !strings.Contains(printed, "What the consent gave is in secretsmanager:keyrelay/orders#/person, member access_token") {
			t.Fatalf("%v: %s", err, printed)
		}
		mustNotTell(t, printed)
		if kept := secrets.Value("keyrelay/orders"); kept != strings.Replace(loginSecret, `"}`, `","access_token":"t-1"}`, 1) {
			t.Errorf("kept %s", kept)
		}
		if answer := call(gateway.HTTP(wired(t, folder, nil)), "GET "+server.URL+"/orders"); answer.Code != http.StatusOK || server.client != header || len(server.token) > 0 {
			t.Errorf("%d, sent %q, want %q; the last form is %v", answer.Code, server.client, header, server.token)
		}
	}
}

// TestBrowserOpener opens the address with the system's own command, where there is a display.
func TestBrowserOpener(t *testing.T) {
	for _, test := range []struct {
		system, variable string
		want             []string
	}{
		{"linux", "DISPLAY", []string{"xdg-open"}}, {"freebsd", "WAYLAND_DISPLAY", []string{"xdg-open"}}, {"linux", "", nil},
		{"darwin", "", []string{"open"}}, {"windows", "", []string{"rundll32", "url.dll,FileProtocolHandler"}},
	} {
		got := browserOpener(test.system, func(name string) string { return strings.Repeat(":0", strings.Count(test.variable, name)) })
		if difference := cmp.Diff(test.want, got); difference != "" {
			t.Errorf("%s with %q (-want +got):\n%s", test.system, test.variable, difference)
		}
	}
	if isTerminal(&bytes.Buffer{}) {
		t.Error("a buffer is no terminal")
	}
}
