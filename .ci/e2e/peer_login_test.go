package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPeerLogin logs a person in at an OpenID provider that others wrote, by the pages
// that it shows, and calls an API with what that gave. Each relay that is started uses the
// refresh token that the one before has kept: none is used twice, or all would be revoked.
func TestPeerLogin(t *testing.T) {
	issuer := startProvider(t)
	api := &introspectingAPI{issuer: issuer}
	downstream := httptest.NewServer(api)
	defer downstream.Close()
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(clientOf("person")), 0o600); err != nil {
		t.Fatal(err)
	}
	writePeer(t, folder, downstream.URL, "login", "{type: oauth2, x-keyrelay-secret: 'file:"+file+"', flows: {authorizationCode: {tokenUrl: "+issuer+"/token, authorizationUrl: '"+
		issuer+"/auth?prompt=consent', scopes: {openid: '', offline_access: '', orders.write: ''}}}}")
	document, err := os.ReadFile(filepath.Join(folder, "login.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asked := strings.Replace(string(document), "[orders.write]", "[]", 1) // all that the flow lists
	if err := os.WriteFile(filepath.Join(folder, "login.yaml"), []byte(asked), 0o600); err != nil {
		t.Fatal(err)
	}
	logIn(t, folder)
	tokens := map[string]bool{refreshTokenIn(t, file): true}
	for range 3 {
		mustOrder(t, startRelay(t, folder), downstream.URL+"/login", 201)
		tokens[refreshTokenIn(t, file)] = true
	}
	if len(tokens) != 4 {
		t.Errorf("%d refresh tokens were kept, want that of the login and three after it", len(tokens))
	}
}

// logIn runs the command, and fills in the forms to which the printed address leads.
func logIn(t *testing.T, folder string) {
	t.Helper()
	built := filepath.Join(t.TempDir(), "keyrelay")
	output(t, command(t, nil, "go", "build", "-o", built, "./function"))
	program := command(t, nil, built, "login", folder, "login", "peer")
	program.Env = append(os.Environ(), "KEYRELAY_NETWORKS=loopback")
	reader, writer := io.Pipe()
	program.Stdout, program.Stderr = writer, os.Stderr
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill() })
	go func() {
		err := program.Wait()
		_ = writer.CloseWithError(io.EOF)
		if err != nil {
			t.Error(err)
		}
	}()
	var printed strings.Builder
	address := regexp.MustCompile(`(?m)^http\S+\n`)
	for buffer := make([]byte, 4096); !address.MatchString(printed.String()); {
		count, err := reader.Read(buffer)
		if err != nil {
			t.Fatalf("it ends with %q", printed.String())
		}
		printed.Write(buffer[:count])
	}
	consent(t, strings.TrimSpace(address.FindString(printed.String())))
	rest, _ := io.ReadAll(reader)
	if !strings.Contains(string(rest), "What the consent gave is in file:") {
		t.Errorf("it prints %q", rest)
	}
}

// consent opens an address as a browser does, and sends each form until there is none.
func consent(t *testing.T, address string) {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	form := regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	prompt := regexp.MustCompile(`name="prompt" value="([^"]+)"`)
	answer, err := browser.Get(address)
	for range 4 {
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		action, which := form.FindSubmatch(page), prompt.FindSubmatch(page)
		if action == nil || which == nil {
			if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/callback" {
				t.Fatalf("%s answers %d: %s", answer.Request.URL, answer.StatusCode, page)
			}
			return
		}
		target, _ := answer.Request.URL.Parse(string(action[1]))
		answer, err = browser.PostForm(target.String(), url.Values{"prompt": {string(which[1])}, "login": {"a person"}, "password": {"any"}})
	}
	t.Error("the forms do not end")
}

func refreshTokenIn(t *testing.T, file string) string {
	t.Helper()
	var kept struct {
		RefreshToken string `json:"refresh_token"`
	}
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil || kept.RefreshToken == "" {
		t.Fatal(fmt.Errorf("no refresh token: %w", err))
	}
	return kept.RefreshToken
}
