package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSecretsFile says what is wrong with a file of secrets, and where, and nothing of what it holds.
func TestSecretsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.json")
	for content, told := range map[string]string{
		"{\n  \"a\": \"hush\",\n}":               file + ":3:1: the file of secrets is no JSON from here on",
		`{"a": "hush"`:                           file + ":1:13: the file of secrets is no JSON from here on; the text ends there",
		"":                                       "the file of secrets " + file + " is empty; write a JSON object of secrets by name",
		"# mine\nKEY=hush\n":                     "the file of secrets " + file + " has lines of NAME=value",
		`{'a': 'hush'}`:                          file + ":1:2: the file of secrets is no JSON from here on; JSON takes double quotes",
		"// hush\n{\"a\": 1}":                    file + ":1:1: the file of secrets is no JSON from here on; JSON has no comments",
		"\x00{\x00}":                             "the file of secrets " + file + " is in UTF-16",
		`{"a": "C:\hush"}`:                       file + ":1:10: the file of secrets is no JSON from here on; in a string, a backslash is written twice",
		`["hush"]`:                               "the file of secrets " + file + " is no JSON object; write",
		"{\"a\": \"hush\",\n \"a\": {\"b\": 1}}": file + ":2:2: the file of secrets has the name of this member twice",
		`{"a": {"hush": 1, "hush": 2}}`:          file + ":1:19: the file of secrets has the name of this member twice",
		`{"é": "hush", "é": "hush"}`:             file + ":1:15: the file of secrets has the name of this member twice",
		`{"a": {"b": 1}, "c": {"b": 2}}`:         "",
		"null":                                   "the file of secrets " + file + " is no JSON object; write",
		"\xff\xfe{\x00":                          "the file of secrets " + file + " is in UTF-16, as PowerShell writes files; save it as UTF-8",
		`{"a": {"b": "hush"}}`:                   "",
		"\ufeff{\"a\": \"hush\"}":                "",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readSecrets(file)
		if (err == nil) != (told == "") || err != nil && (!strings.HasPrefix(err.Error(), told) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: %v", content, err)
		}
	}
	if _, _, err := readSecrets(file + "-absent"); err == nil || !strings.Contains(err.Error(), "-absent, which SECRETS names, does not exist") {
		t.Error(err)
	}
}

// TestStandInEnvironment keeps what this machine has of AWS from a relay whose secrets come
// from a file, and passes on what documents may name.
func TestStandInEnvironment(t *testing.T) {
	t.Setenv("AWS_PROFILE", "gone")
	t.Setenv("AWS_CA_BUNDLE", "/gone")
	t.Setenv("ORDERS_KEY", "hush")
	own := (&surroundings{folder: "apis", secrets: "127.0.0.1:1"}).environment()
	if joined := "\n" + strings.Join(own, "\n"); strings.Contains(joined, "gone") || !strings.Contains(joined, "\nORDERS_KEY=hush") ||
		!strings.Contains(joined, "\nAWS_CONFIG_FILE="+os.DevNull) || !strings.Contains(joined, "\nAWS_REGION=") {
		t.Error(joined)
	}
	if other := (&surroundings{folder: "apis"}).environment(); !slices.Contains(other, "AWS_PROFILE=gone") {
		t.Error("AWS itself is called without the machine's profile")
	}
}

// TestWithoutSecrets names what stands in for AWS where AWS is not set up.
func TestWithoutSecrets(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	around := &surroundings{folder: t.TempDir()}
	if err := os.WriteFile(filepath.Join(around.folder, "a.yaml"), []byte("openapi: 3.1.0\nservers: [{url: 'https://a.example'}]\nsecurity: [{key: []}]\n"+
		"components: {securitySchemes: {key: {type: http, scheme: bearer}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, _, err := around.documents()
	if err != nil {
		t.Fatal(err)
	}
	if problem := around.describeDocuments(t.Context(), set)[0].Attachments[0].Problem; !strings.Contains(problem, "no AWS region is set") || !strings.Contains(problem, "give SECRETS=file.json") {
		t.Errorf("it says %q", problem)
	}
}

// TestMisspeltVariables refuses what is almost a variable of the Makefile, and names that.
func TestMisspeltVariables(t *testing.T) {
	for _, test := range [][2]string{
		{"DESTINATION=../my", "write DESTINATIONS=folder"}, {"destinations=../my", "write DESTINATIONS=folder"},
		{"SECRET=s.json", "write SECRETS=file.json"}, {"secrets=s.json", "write SECRETS=file.json"}, {"port=9000", "write PORT=8080"},
		{"../my-apis", "write make run DESTINATIONS=../my-apis"}, {"mine.json", "write make run SECRETS=mine.json"},
	} {
		text, err := exec.Command("make", "-C", "../..", "-n", "run", test[0]).CombinedOutput()
		if err == nil || !strings.Contains(string(text), test[1]) {
			t.Errorf("make run %s says, with %v:\n%s", test[0], err, text)
		}
	}
	for _, goal := range []string{"check", "build", "image"} { // which read no secrets of Secrets Manager
		if text, err := exec.Command("make", "-C", "../..", "-n", goal, "SECRETS=s.json").CombinedOutput(); err == nil || !strings.Contains(string(text), "SECRETS=file.json is for make run") {
			t.Errorf("make %s says, with %v:\n%s", goal, err, text)
		}
	}
	text, err := exec.Command("make", "-C", "../..", "-n", "run", "DESTINATIONS=../my apis", "SECRETS=s.json").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "-destinations '../my apis' -secrets 's.json'") || !strings.Contains(string(text), "-X main.commit=") {
		t.Errorf("make run says, with %v:\n%s", err, text)
	}
	text, err = exec.Command("make", "-C", "../..", "-n", "image", "DESTINATIONS=../my apis").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "cp -RL '../my apis' dist/image") || !strings.Contains(string(text), "--build-arg DESTINATIONS=dist/image ") {
		t.Errorf("make image says, with %v:\n%s", err, text)
	}
}

// TestPort refuses what is no port to begin with.
func TestPort(t *testing.T) {
	for text, port := range map[string]int{"": relayPort, "24680": 24680, "1": 1, "0": 0, "65535": 0, "http": 0, "127.0.0.1:9000": 0} {
		if got, err := startPort(text); got != port || (err != nil) != (port == 0) {
			t.Errorf("PORT=%s is %d, %v", text, got, err)
		}
	}
}

// TestFaultyStart says in the relay's own words why it does not start.
func TestFaultyStart(t *testing.T) {
	local, relay := built(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.yaml"), []byte("openapi: 3.1.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(local, "-program", relay, "-destinations", folder, "-log", filepath.Join(folder, "run.log")).CombinedOutput()
	if err == nil || !bytes.Contains(text, []byte("a.yaml:1:1")) {
		t.Errorf("it says, with %v:\n%s", err, text)
	}
}

// TestDownstreamPortInUse says in one line which port is in the way of `make downstream`.
func TestDownstreamPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", net.JoinHostPort(loopback, "8081"))
	if err == nil {
		defer taken.Close()
	}
	local, _ := built(t)
	text, err := exec.Command(local, "-downstream", loopback).CombinedOutput()
	if err == nil || !strings.HasPrefix(string(text), "local: 127.0.0.1:8081 is in use by another program; stop that one and try again") {
		t.Errorf("it says, with %v:\n%s", err, text)
	}
}

// TestDownstreamSecrets refuses to serve a file of secrets that is none, before anything is served.
func TestDownstreamSecrets(t *testing.T) {
	local, _ := built(t)
	file := filepath.Join(t.TempDir(), "secrets.json")
	text, err := exec.Command(local, "-downstream", loopback, "-secrets", file).CombinedOutput()
	if err == nil || !strings.Contains(string(text), file+", which SECRETS names, does not exist") {
		t.Errorf("%v: %s", err, text)
	}
}
