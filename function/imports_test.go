package main

import (
	"go/build"
	"os"
	"slices"
	"strings"
	"testing"
)

// importOrder is the one direction of imports: a package imports only packages that
// stand before it.
func importOrder() []string {
	return []string{
		"rawjson", "gateway", "destination", "plan", "cache", "secret", "upstream", "mask", "retrieval",
		"credential", "session", "caller", "later", "relay", "fake", "local",
	}
}

// TestImportOrder holds every package to the order, and every package into it.
func TestImportOrder(t *testing.T) {
	order := importOrder()
	folders, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		name := folder.Name()
		if !folder.IsDir() || name == "testdata" || name == "speed" { // speed holds measurements alone
			continue
		}
		position := slices.Index(order, name)
		if position < 0 {
			t.Errorf("%s has no place in %v", name, order)
			continue
		}
		pkg, err := build.ImportDir(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range pkg.Imports {
			imported, ours := strings.CutPrefix(path, "keyrelay/function/")
			if ours && !slices.Contains(order[:position], imported) {
				t.Errorf("%s imports %s, which does not stand before it in %v", name, imported, order)
			}
		}
	}
}
