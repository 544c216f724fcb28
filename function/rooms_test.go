package main

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

// TestImportOrder holds the rooms to one direction: a package imports only
// packages that stand before it.
func TestImportOrder(t *testing.T) {
	order := []string{"rawjson", "gateway", "destination", "plan", "cache", "mask", "credential", "upstream", "relay"}
	for position, room := range order {
		pkg, err := build.ImportDir(room, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range pkg.Imports {
			name, ours := strings.CutPrefix(path, "keyrelay/function/")
			if ours && !slices.Contains(order[:position], name) {
				t.Errorf("%s imports %s, which does not stand before it in %v", room, name, order)
			}
		}
	}
}
