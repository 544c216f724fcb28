package main

import (
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenBrowser gives the address to the opener as it is, as one word.
func TestOpenBrowser(t *testing.T) {
	folder := t.TempDir()
	opened := filepath.Join(folder, "opened")
	if err := syscall.Mkfifo(opened, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte("#!/bin/sh\nprintf '%s|' \"$@\" > "+opened+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")
	openBrowser(&url.URL{Scheme: "https", Host: "auth.example.com", Path: "/authorize", RawQuery: "a=b&c=$(d)%20e"})
	if text, err := os.ReadFile(opened); err != nil || string(text) != "https://auth.example.com/authorize?a=b&c=$(d)%20e|" {
		t.Errorf("%v, opened %s", err, text)
	}
}
