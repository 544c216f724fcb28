package main

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/fake"
)

// TestWriteBack keeps what is written to a secret in the file of secrets, whose other bytes
// stay, and leaves alone a file that cannot hold it now.
func TestWriteBack(t *testing.T) {
	const before = "\ufeff{\n  \"other\": \"hush\",\n  \"keyrelay/crm\": {\"person\": {\"client_id\": \"me\"}}\n}\n"
	const login = `{"person": {"client_id": "me", "refresh_token": "again"}}`
	file := filepath.Join(t.TempDir(), "secrets.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(before)
	own := fake.NewSecretsFile("secrets.json", nil)
	server := httptest.NewServer(own)
	defer server.Close()
	around := &surroundings{own: own, secrets: strings.TrimPrefix(server.URL, "http://")}
	if _, err := around.readOwnSecrets(file); err != nil {
		t.Fatal(err)
	}
	wantWritten := func(want bool, text string) {
		t.Helper()
		written, err := around.writeBack(file)
		content, _ := os.ReadFile(file)
		if written != want || err != nil || string(content) != text {
			t.Errorf("written %t, %v: %s", written, err, content)
		}
	}
	wantWritten(false, before)
	client, err := around.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("keyrelay/crm"), SecretString: aws.String(login)}); err != nil {
		t.Fatal(err)
	}
	write("{ broken")
	wantWritten(false, "{ broken")
	write(before)
	after := "{\n  \"other\": \"hush\",\n  \"keyrelay/crm\": " + login + "\n}\n"
	wantWritten(true, after)
	wantWritten(false, after)
	if _, err := around.readOwnSecrets(file); err != nil || own.Value("keyrelay/crm") != login {
		t.Errorf("read again it is %s, %v", own.Value("keyrelay/crm"), err)
	}
}

// TestLoginCommand tells, where a refresh token is missing, the command that gets one for
// the secrets that the relay has.
func TestLoginCommand(t *testing.T) {
	server := httptest.NewServer(fake.NewSecretsFile("secrets.json", map[string]string{"keyrelay/crm": `{"person": {"client_id": "me"}}`}))
	defer server.Close()
	around := &surroundings{folder: t.TempDir(), secrets: strings.TrimPrefix(server.URL, "http://")}
	document := "openapi: 3.1.0\nservers: [{url: 'https://api.example'}]\nsecurity: [{person: []}]\ncomponents: {securitySchemes: {person: {type: oauth2, " +
		"flows: {authorizationCode: {authorizationUrl: 'https://api.example/a', tokenUrl: 'https://api.example/t', scopes: {}}}}}}\n"
	if err := os.WriteFile(filepath.Join(around.folder, "crm.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, _, err := around.documents()
	if err != nil {
		t.Fatal(err)
	}
	problem := around.describeDocuments(t.Context(), set)[0].Attachments[0].Problem
	if !strings.Contains(problem, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+server.URL+" ") || !strings.Contains(problem, " dist/keyrelay login "+around.folder+" crm person") {
		t.Errorf("it says %q", problem)
	}
}

// TestKeepSecrets sees that a login makes the page whole, and that a rotated secret alone
// starts nothing again.
func TestKeepSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(file, []byte(`{"crm": "hush"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	own := fake.NewSecretsFile("secrets.json", nil)
	chosen := options{destinations: filepath.Dir(file), secrets: file}
	around := &surroundings{own: own, read: stamps(chosen), looked: stamps(chosen)}
	if _, err := around.readOwnSecrets(file); err != nil {
		t.Fatal(err)
	}
	follower := &launcher{chosen: chosen, around: around, out: newPrinter(io.Discard)}
	for _, test := range []struct{ problem, again string }{{"", ""}, {"It lacks a member.", file}} {
		follower.page.Store(&workbench{documents: []document{{Attachments: []attachment{{Problem: test.problem}}}}})
		own.Put("crm", "hush, and "+test.problem)
		follower.keepSecrets()
		around.changed(chosen)
		if name := around.changed(chosen); name != test.again {
			t.Errorf("with the problem %q what has changed is %q", test.problem, name)
		}
	}
}
