package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCheckLinks sees that every relative link in a Markdown document leads to a file
// that exists, and its fragment to a heading of that file.
func TestCheckLinks(t *testing.T) {
	files := documents(t)
	if len(files) < 25 {
		t.Errorf("found only %v", files)
	}
	link := regexp.MustCompile(`\]\(([^()\s]+)\)`)
	links, headings := 0, map[string]map[string]bool{}
	for _, file := range files {
		for _, found := range link.FindAllStringSubmatch(prose(t, file), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			links++
			path, fragment, _ := strings.Cut(found[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, and there is no such file", file, found[1])
				continue
			}
			if headings[target] == nil && fragment != "" {
				headings[target] = anchors(prose(t, target))
			}
			if fragment != "" && !headings[target][fragment] {
				t.Errorf("%s links to %s, and %s has no such heading", file, found[1], target)
			}
		}
	}
	if links < 100 {
		t.Errorf("found only %d links", links)
	}
}

// documents lists the Markdown files of the project, but for those that tools install.
func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err == nil && entry.IsDir() && (name == "node_modules" || name == "dist" || strings.HasPrefix(name, ".") && name != ".." && name != ".ci") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// prose is the text of a document without its code blocks.
func prose(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(string(text), "")
}

// anchors are the fragments that GitHub gives to the headings of a document: lower
// case, without punctuation, a hyphen for each space, and a number where one repeats.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`\]\([^)]*\)`).ReplaceAllString(strings.ToLower(heading[1]), "")
		plain = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(plain, "")
		anchor := strings.ReplaceAll(plain, " ", "-")
		each := anchor
		for number := 1; found[each]; number++ {
			each = anchor + "-" + strconv.Itoa(number)
		}
		found[each] = true
	}
	return found
}
