package relay_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLogDocument holds the table of docs/operate.md to the members that log entries have,
// and the queries of the documents and the template to the members that there are.
func TestLogDocument(t *testing.T) {
	written := groups(`append\w+\(line, "(\w+)"`, contents(t, "log.go"))
	written["time"] = true // with it a line begins
	_, table, _ := strings.Cut(contents(t, "../../docs/operate.md"), "\n## What a log entry holds\n")
	table, _, _ = strings.Cut(table, "\n## ")
	documented := groups("(?m)^\\| `(\\w+)` \\|", table)
	for name := range written {
		if !documented[name] {
			t.Errorf("docs/operate.md has no row for %s", name)
		}
	}
	for name := range documented {
		if !written[name] {
			t.Errorf("docs/operate.md has a row for %s, which no log entry has", name)
		}
	}
	asked := groups(`\| fields ([\w, ]+)`, contents(t, "../../template.yaml")+contents(t, "../../docs/*.md"))
	if len(asked) == 0 {
		t.Error("there is no query")
	}
	for list := range asked {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); !written[name] {
				t.Errorf("a query asks for %s, which no log entry has", name)
			}
		}
	}
}

// groups are what the group of a pattern matches in a text.
func groups(pattern, text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

// contents are the texts of files, one behind the other.
func contents(t *testing.T, glob string) string {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatal("there is no", glob)
	}
	all := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}
