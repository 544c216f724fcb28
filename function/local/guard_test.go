package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyrelay/function/fake"
)

// TestGuards lets through what this machine's own page and programs ask for, and nothing else.
func TestGuards(t *testing.T) {
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	page, relay := guardPage("right", served), guardRelay(served)
	for name, test := range map[string]struct {
		host    string
		header  [2]string
		token   string
		allowed bool
	}{
		"the page":                    {"127.0.0.1:8083", [2]string{"Sec-Fetch-Site", "none"}, "right", true},
		"its script":                  {"127.0.0.1:8083", [2]string{"Origin", "http://127.0.0.1:8083"}, "right", true},
		"by name":                     {"localhost:8083", [2]string{"Origin", "http://localhost:8083"}, "right", true},
		"a program":                   {"127.0.0.1:8083", [2]string{}, "right", true},
		"no token":                    {"127.0.0.1:8083", [2]string{}, "", false},
		"a wrong token":               {"127.0.0.1:8083", [2]string{}, "rightx", false},
		"a rebinding name":            {"attacker.example:8083", [2]string{}, "right", false},
		"a name that begins alike":    {"127.0.0.1.attacker.example:8083", [2]string{}, "right", false},
		"no host":                     {"", [2]string{}, "right", false},
		"another site":                {"127.0.0.1:8083", [2]string{"Origin", "https://attacker.example"}, "right", false},
		"another site, fetch says so": {"127.0.0.1:8083", [2]string{"Sec-Fetch-Site", "cross-site"}, "right", false},
		"another port":                {"127.0.0.1:8083", [2]string{"Origin", "http://127.0.0.1:9999"}, "right", false},
		"another name of loopback":    {"127.0.0.1:8083", [2]string{"Origin", "http://localhost:8083"}, "right", false},
		"a sandboxed frame":           {"127.0.0.1:8083", [2]string{"Origin", "null"}, "right", false},
		"https":                       {"127.0.0.1:8083", [2]string{"Origin", "https://127.0.0.1:8083"}, "right", false},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodPost, "/send?token="+test.token, nil)
			request.Host = test.host
			if test.header[0] != "" {
				request.Header.Set(test.header[0], test.header[1])
			}
			answer := httptest.NewRecorder()
			page.ServeHTTP(answer, request)
			if (answer.Code == http.StatusTeapot) != test.allowed {
				t.Errorf("the page answers %d", answer.Code)
			}
			answer = httptest.NewRecorder()
			relay.ServeHTTP(answer, request)
			if token := test.token == "right"; token && (answer.Code == http.StatusTeapot) != test.allowed {
				t.Errorf("the relay answers %d", answer.Code)
			}
		})
	}
}

// TestGuardedSecrets gives the secrets of a running workbench to its relay, and to nobody who
// knows their port alone: another user of the machine, a page that points its name there.
func TestGuardedSecrets(t *testing.T) {
	around := &surroundings{shift: 24660 - relayPort}
	if err := around.serveSecrets(fake.NewSecrets(map[string]string{"keyrelay/orders": "the-key"}), newPrinter(io.Discard)); err != nil {
		t.Fatal(err)
	}
	defer around.close()
	own, _, _ := strings.Cut(around.secrets, "/")
	byAddress := httptest.NewServer(guardSecrets("", fake.NewSecrets(map[string]string{"keyrelay/orders": "the-key"})))
	defer byAddress.Close()
	for name, test := range map[string]struct {
		address, field, says string
		given                bool
	}{
		"the relay":                      {around.secrets, "", "", true},
		"another program":                {own, "", "", false},
		"a guess":                        {own + "/AAAAAAAAAAAAAAAAAAAAAAAAAA", "", "", false},
		"a page that knows the token":    {around.secrets, "Origin", "http://attacker.example", false},
		"a relay in a container":         {strings.TrimPrefix(byAddress.URL, "http://"), "", "", true},
		"a page that points its name so": {strings.TrimPrefix(byAddress.URL, "http://"), "Origin", "http://attacker.example", false},
		"a page of that name":            {strings.TrimPrefix(byAddress.URL, "http://"), "Sec-Fetch-Site", "same-origin", false},
	} {
		request, err := http.NewRequest(http.MethodPost, "http://"+test.address, strings.NewReader(`{"SecretId":"keyrelay/orders"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
		if test.field != "" {
			request.Header.Set(test.field, test.says)
		}
		if answer := textOf(http.DefaultClient.Do(request)); strings.Contains(answer, "the-key") != test.given {
			t.Errorf("%s gets %s", name, answer)
		}
	}
}
