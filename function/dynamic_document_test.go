package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// A section of docs/credentials.md is a kind of credential: a document, its secret,
// and what the API receives.
type section struct {
	title, document, secret, received string
}

// credentialSections reads the sections that have a document.
func credentialSections(t *testing.T) []section {
	t.Helper()
	text, err := os.ReadFile("../docs/credentials.md")
	if err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`create-secret --name keyrelay/orders --secret-string '(.*)'\n`)
	var sections []section
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		read := section{title: title, document: fenced(rest, "yaml"), received: fenced(rest, "http")}
		if found := secret.FindStringSubmatch(fenced(rest, "sh")); found != nil {
			read.secret = found[1]
		}
		if read.document != "" {
			sections = append(sections, read)
		}
	}
	return sections
}

// fenced is the code block of a language, empty for none.
func fenced(text, language string) string {
	_, after, _ := strings.Cut(text, "```"+language+"\n")
	block, _, _ := strings.Cut(after, "```")
	return block
}

// TestCredentialSections loads each document of docs/credentials.md as it is, and
// runs it, with the URLs of this machine, against an API that must receive what the
// section says.
func TestCredentialSections(t *testing.T) {
	sections := credentialSections(t)
	if len(sections) != 22 {
		t.Errorf("%d sections have a document", len(sections))
	}
	for _, read := range sections {
		t.Run(read.title, func(t *testing.T) {
			if err := check(writeOrders(t, read.document), io.Discard); err != nil {
				t.Fatal(err)
			}
			if read.received == "" {
				return // a client certificate needs an API that asks for one
			}
			received := receivedBy(t, read)
			rest := received
			for line := range strings.Lines(read.received) {
				_, after, found := strings.Cut(rest, strings.TrimSuffix(line, "\n"))
				if !found {
					t.Fatalf("the API does not receive %q in its place:\n%s", line, received)
				}
				rest = after
			}
		})
	}
}

// receivedBy sends one request by a section's document and returns all that arrives at an
// API, a key endpoint, a token endpoint and a discovery document in one: its only answer
// holds what each of them would.
func receivedBy(t *testing.T, read section) string {
	t.Helper()
	api := fake.NewAPI(nil)
	server := httptest.NewServer(api)
	defer server.Close()
	api.Answer(func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Subject-Token", "a-subject-token")
		w.Header().Set("Set-Cookie", "SID=a-session-id")
		fmt.Fprintf(w, `{"credentials": {"key": "a-retrieved-key"}, "access_token": "a-retrieved-token", "token_type": "Bearer", "expires_in": 3600, "session": {"token": "a-session-token", "ttl": 600}, "token_endpoint": "%s/token"}`, server.URL)
	})
	startManagedSecrets(t).Put("keyrelay/orders", read.secret)
	document := regexp.MustCompile(`https://(api|auth)\.example\.com`).ReplaceAllString(read.document, server.URL) + "x-keyrelay-network: loopback\n"
	answer := call(gateway.HTTP(wired(t, writeOrders(t, document), nil)), "GET "+server.URL+"/v2/orders")
	if answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	text := ""
	for _, each := range api.Take() {
		text += each.String() + "\n"
	}
	return text
}
