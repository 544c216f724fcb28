package destination_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestExtensionsDocument holds the table of docs/documents.md to the extensions that
// documents may have: every one has a row, and no row is of another.
func TestExtensionsDocument(t *testing.T) {
	code, err := os.ReadFile("read_extension.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(code), "func extensions() ")
	list, _, _ = strings.Cut(list, "\n}\n")
	known := map[string]bool{}
	for _, match := range regexp.MustCompile(`"([\w-]+)":`).FindAllStringSubmatch(list, -1) {
		known["x-keyrelay-"+match[1]] = true
	}
	document, err := os.ReadFile("../../docs/documents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(document), "\n## All extensions\n")
	table, _, _ = strings.Cut(table, "\n## ")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`x-[^|]+) \\|").FindAllStringSubmatch(table, -1) {
		for _, name := range strings.Split(row[1], ", ") {
			documented[strings.Trim(name, "`")] = true
		}
	}
	if len(known) == 0 || len(documented) == 0 {
		t.Fatalf("the code has %d extensions, the document %d", len(known), len(documented))
	}
	for name := range known {
		if !documented[name] {
			t.Errorf("docs/documents.md has no row for %s", name)
		}
	}
	for name := range documented {
		if !known[name] {
			t.Errorf("docs/documents.md has a row for %s, which is no extension", name)
		}
	}
}
