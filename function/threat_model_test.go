package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatModel sees that each test that docs/threat-model.md names is there.
func TestThreatModel(t *testing.T) {
	page, err := os.ReadFile("../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(text)
		}
	}
	names := regexp.MustCompile("`((?:Test|Benchmark|Fuzz)[A-Z][A-Za-z]*)`").FindAllStringSubmatch(string(page), -1)
	for _, name := range names {
		if !strings.Contains(code.String(), "func "+name[1]+"(") {
			t.Errorf("docs/threat-model.md names %s, and there is no such test: name the one that shows the same", name[1])
		}
	}
	if len(names) < 50 {
		t.Errorf("docs/threat-model.md names %d tests only", len(names))
	}
}
