package main

import (
	"fmt"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A layer is one package of the program, and which of the others it imports.
type layer struct {
	name, synopsis string
	imports        []string
}

// layers reads the packages in and below this folder, but for benchmarks, which import what they like.
func layers(t *testing.T) map[string]layer {
	t.Helper()
	folders, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	read := make(map[string]layer)
	for _, folder := range append(folders, ".") {
		found, err := build.ImportDir(folder, 0)
		if err != nil {
			continue // a folder without code
		}
		made := layer{name: filepath.Base(folder), synopsis: synopsis(t, folder, found.GoFiles)}
		if folder == "." {
			made.name = "main"
		}
		for _, path := range found.Imports {
			if name, ours := strings.CutPrefix(path, "keyrelay/function/"); ours {
				made.imports = append(made.imports, name)
			}
		}
		if made.name != "speed" {
			read[made.name] = made
		}
	}
	return read
}

// synopsis is the first sentence of a package's comment.
func synopsis(t *testing.T, folder string, files []string) string {
	t.Helper()
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Doc != nil {
			var pkg doc.Package
			return pkg.Synopsis(parsed.Doc.Text())
		}
	}
	t.Errorf("the package in %s has no comment", folder)
	return ""
}

// reaches says that a package imports another, by itself or by what it imports.
func reaches(read map[string]layer, from, to string) bool {
	return slices.ContainsFunc(read[from].imports, func(next string) bool { return next == to || reaches(read, next, to) })
}

// direct are the imports of a package that none of its other imports has: the arrows of the picture.
func direct(read map[string]layer, name string) []string {
	var arrows []string
	for _, to := range read[name].imports {
		if !slices.ContainsFunc(read[name].imports, func(other string) bool { return reaches(read, other, to) }) {
			arrows = append(arrows, to)
		}
	}
	return arrows
}

// draw is the picture of the imports and the table of the packages, both from the code.
func draw(read map[string]layer, order []string) string {
	var text strings.Builder
	text.WriteString("```mermaid\nflowchart TD\n")
	for _, name := range slices.Backward(order) {
		for _, to := range direct(read, name) {
			fmt.Fprintf(&text, "    %s --> %s\n", name, to)
		}
	}
	text.WriteString("```\n\n| package | what it does |\n| --- | --- |\n")
	for _, name := range order {
		fmt.Fprintf(&text, "| `%s` | %s |\n", name, strings.ReplaceAll(read[name].synopsis, "|", `\|`))
	}
	return text.String()
}

// TestArchitecture holds the packages to one direction, and docs/architecture.md to
// the code: what stands there between two comments is drawn from the imports.
func TestArchitecture(t *testing.T) {
	order := []string{"rawjson", "gateway", "destination", "plan", "cache", "secret", "upstream", "mask", "retrieval", "credential",
		"session", "caller", "later", "relay", "fake", "hostile", "local", "main"}
	read := layers(t)
	order = slices.DeleteFunc(order, func(name string) bool { _, there := read[name]; return !there })
	if len(order) != len(read) {
		t.Errorf("a package has no place in the order %v", order)
	}
	for position, name := range order {
		for _, imported := range read[name].imports {
			if !slices.Contains(order[:position], imported) {
				t.Errorf("%s imports %s, which does not stand before it in %v", name, imported, order)
			}
		}
	}
	const file, begin, end = "../docs/architecture.md", "<!-- drawn by go test ./function -run TestArchitecture -update -->\n", "<!-- until here -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatalf("%s has no place for the picture", file)
	}
	drawn := before + begin + draw(read, order) + end + after
	if *update {
		if err := os.WriteFile(file, []byte(drawn), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if difference := cmp.Diff(drawn, string(page)); difference != "" {
		t.Errorf("%s is out of date: renew it with go test ./function -run TestArchitecture -update\n%s", file, difference)
	}
}
