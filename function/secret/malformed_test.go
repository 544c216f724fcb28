package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// TestMalformed tells what begins as JSON and is none from texts that are meant as they are.
func TestMalformed(t *testing.T) {
	for text, want := range map[string]struct{ members, key string }{
		"hush":                           {},
		"user:hush":                      {},
		`{"a": "hush"}`:                  {},
		`{"a": "hush",}`:                 {"(line 1, column 14)", "(line 1, column 14)"},
		"\ufeff {\n \"a\": \"hush\"":     {"is no valid JSON", "is no valid JSON"},
		"{\n  \"é\": \"hush\" \"b\": 1}": {"(line 2, column 15)", "(line 2, column 15)"},
		`["hush",]`:                      {"(line 1, column 9)", "(line 1, column 9)"},
		`["hush"]`:                       {"is no JSON object", ""},
		`{hush`:                          {"(line 1, column 2)", ""},
		`[hush`:                          {"(line 1, column 2)", ""},
	} {
		t.Setenv("MALFORMED", text)
		read, err := secret.New(secret.Config{}).Value(t.Context(), destination.Reference{Provider: "env", Name: "MALFORMED"})
		if err != nil {
			t.Fatal(err)
		}
		for got, want := range map[string]string{read.Malformed(): want.members, "key: " + read.MalformedKey(): want.key} {
			got = strings.TrimPrefix(got, "key: ")
			if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "hush") {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
		}
	}
}

// TestTextOfObject tells an object that was stored as a text.
func TestTextOfObject(t *testing.T) {
	t.Setenv("MALFORMED", `{"key": "{\"a\": \"hush\"}"}`)
	read, err := secret.New(secret.Config{}).Value(t.Context(), destination.Reference{Provider: "env", Name: "MALFORMED", Pointer: "/key"})
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Malformed(); !strings.Contains(got, "Store the object itself, without quotes around it.") || read.MalformedKey() != "" {
		t.Errorf("got %q", got)
	}
}

// TestCheckOfMalformed has a reference with a pointer lead into what is no JSON.
func TestCheckOfMalformed(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "broken.txt")
	document := "openapi: 3.1.0\nservers: [{url: 'https://api.example.com'}]\ncomponents: {securitySchemes: {key: {type: apiKey, in: header, name: K, x-keyrelay-secret: 'file:" + file + "#/key'}}}\n"
	for name, content := range map[string]string{"broken.txt": `{"key": "hush",}`, "api.yaml": document} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	err = secret.New(secret.Config{}).Check(set)
	if err == nil || !strings.Contains(err.Error(), "broken.txt#/key is no valid JSON (line 1, column 16); fix it there") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}
