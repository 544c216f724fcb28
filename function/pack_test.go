package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackCommand packs a folder beside nothing else, and into no folder that holds
// other documents, which would be deployed with them.
func TestPackCommand(t *testing.T) {
	from := writeDocuments(t, "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://api.example.com'}]\npaths: {/a: {get: {summary: long}}}\n")
	to := filepath.Join(t.TempDir(), "dist", "packed")
	var out bytes.Buffer
	for range 2 {
		out.Reset()
		if err := pack(from, to, &out); err != nil {
			t.Fatal(err)
		}
	}
	document, err := os.ReadFile(filepath.Join(to, "api.json"))
	const want = `{"openapi":"3.1.0","info":{"title":"API"},"servers":[{"url":"https://api.example.com"}],"paths":{"/a":{"get":{}}}}`
	if err != nil || string(document) != want || !strings.Contains(out.String(), fmt.Sprintf("1 document packed into %s, %d bytes", to, len(want))) {
		t.Errorf("packed is %s, %v; it says %s", document, err, &out)
	}
	if err := check(to, io.Discard); err != nil {
		t.Error(err)
	}
	writeFile(t, to, "old.yaml", "")
	if err := pack(from, to, io.Discard); err == nil || !strings.Contains(err.Error(), "old.yaml") {
		t.Errorf("beside another document: %v", err)
	}
	if err := pack(writeDocuments(t, "openapi: 3.1.0"), to, io.Discard); err == nil || !strings.Contains(err.Error(), "api.yaml:1:1") {
		t.Errorf("a document with a fault: %v", err)
	}
}

// TestCheckMemory warns of documents that need more than half of a function's memory, packed.
func TestCheckMemory(t *testing.T) {
	var paths strings.Builder
	for i := range 12_000 {
		fmt.Fprintf(&paths, "  /resource-%d/{id}: {get: {parameters: [{name: filter, in: query}, {name: page, in: query}]}}\n", i)
	}
	folder := writeDocuments(t, "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://api.example.com'}]\npaths:\n"+paths.String())
	for memory, warns := range map[string]bool{"64": true, "4096": false} {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
		warnings, err := checkMemory(folder)
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(strings.Join(warnings, ""), "more than half of the function's "+memory+" MB"); warned != warns {
			t.Errorf("with %s MB: %s", memory, warnings)
		}
	}
}
