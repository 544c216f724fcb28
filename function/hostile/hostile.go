// Package hostile has cases that the tests of several packages try: what must never be
// carried out, and never be read in two ways.
//
//	names := hostile.Lines(t, "header-names.txt", "headers/*.txt")
//
// They are the project's own, in function/testdata/hostile, and further test data beside the
// project's folder, where there is any. Paths are those of a package one folder below function.
package hostile

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	own     = "../testdata/hostile"
	further = "../../../shared/corpus"
)

// Further reads a file of the further test data. Without it the test is skipped.
func Further(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(further, name))
	if err != nil {
		t.Skipf("the further test data is not here: %v", err)
	}
	return content
}

// Files reads the files of the further test data that a pattern matches, by their paths
// there; none without it.
func Files(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	return read(t, further, pattern)
}

// Lines returns the lines of a file of the project's own, and of the further test data that
// a pattern matches.
func Lines(t testing.TB, name, pattern string) []string {
	t.Helper()
	files := Files(t, pattern)
	files[name] = read(t, own, name)[name]
	var lines []string
	for _, text := range files {
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimRight(line, "\r\n"); !strings.HasPrefix(line, "# ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// JSON returns texts by names that begin with y_ for what is JSON, n_ for what is not, and
// otherwise for what may be read or refused.
func JSON(t testing.TB) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	for name, text := range Files(t, "json/JSONTestSuite/test_*/*.json") {
		texts[filepath.Base(name)] = text
	}
	for _, line := range Lines(t, "json.txt", "none") {
		name, quoted, _ := strings.Cut(line, " ")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		texts[name] = []byte(text)
	}
	return texts
}

// Events returns events of AWS Lambda by the names of their files: requests of gateways, and
// what other services send.
func Events(t testing.TB) map[string][]byte {
	t.Helper()
	events := Files(t, "events/*/*.json")
	maps.Copy(events, read(t, own, "events/*.json"))
	return events
}

// read reads the files of a folder that a pattern matches, by their paths in it.
func read(t testing.TB, folder, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(name, folder+"/")] = content
	}
	return files
}
