package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestAPIs holds the table "Your API says … → write …" of docs/credentials.md to what is
// sent: each row has a file testdata/apis/API.txtar, in the form of testdata/kinds, named
// for its first API, whose document and secret hold every piece that the row writes.
func TestAPIs(t *testing.T) {
	text, err := os.ReadFile("../docs/credentials.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Your API says … → write …\n")
	table, _, _ = strings.Cut(table, "\n## ")
	apis, files := 0, map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 3 || strings.Contains(line, "| --- |") || strings.HasPrefix(line, "| API |") {
			continue
		}
		names := strings.Split(strings.TrimPrefix(cells[0], "| "), ", ")
		apis += len(names)
		first, _, _ := strings.Cut(strings.ToLower(names[0]), " (")
		file := filepath.Join("testdata", "apis", strings.ReplaceAll(strings.TrimSuffix(first, ".com"), " ", "-")+".txtar")
		files[file] = true
		t.Run(names[0], func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			written := ""
			for _, section := range archive.Files {
				if section.Name == "document" || section.Name == "secret" {
					written += string(section.Data)
				}
			}
			for _, span := range regexp.MustCompile("`[^`]+`").FindAllString(strings.TrimSuffix(cells[2], " |"), -1) {
				for piece := range strings.SplitSeq(strings.Trim(span, "`"), "…") {
					if !strings.Contains(written, strings.TrimSuffix(strings.TrimSpace(piece), "}")) {
						t.Errorf("the row writes %s, the document does not", span)
					}
				}
			}
			for _, name := range names {
				if !strings.Contains(string(archive.Comment), name) {
					t.Errorf("%s says nothing of %s", file, name)
				}
			}
			runKind(t, archive)
		})
	}
	if apis < 40 {
		t.Errorf("the table has %d APIs", apis)
	}
	kept, err := filepath.Glob("testdata/apis/*")
	if err != nil || len(kept) != len(files) {
		t.Errorf("%d files, %d rows (%v)", len(kept), len(files), err)
	}
}
