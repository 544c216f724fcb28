package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutantsFollow sees that each entry of .ci/mutants/list.txt still says where in the
// code its text stands, so that code that moves takes its entry along.
func TestMutantsFollow(t *testing.T) {
	const list = "../.ci/mutants/list.txt"
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		old, found := strings.CutPrefix(line, "- ")
		if !found || i < 2 {
			continue
		}
		entries++
		file := strings.Fields(lines[i-1])[0]
		code, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Errorf("%s:%d %s: %s is not there: name the file that its code has moved to", list, i, lines[i-2], file)
		} else if count := strings.Count(string(code), old); count != 1 {
			t.Errorf("%s:%d %s: %q stands %d times in %s, not once: let the entry follow the code", list, i+1, lines[i-2], old, count, file)
		}
	}
	if entries < 50 {
		t.Errorf("%s has %d entries only", list, entries)
	}
}
