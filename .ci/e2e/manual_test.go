package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A manual is a document of docs/ whose commands are run as they stand there.
type manual struct {
	name        string
	blocks      []block
	folder      string // that holds the clone, keyrelay, and the operator's own my-relay
	environment []string
	parameters  string // of the template, that the tests need beside the manual's own
	beginning   *block // what each new shell begins with
}

// A block is what stands between two fences.
type block struct {
	heading, language, text string
	run                     bool
}

// openManual reads a document of the clone that the folder holds.
func openManual(t *testing.T, folder, name string, environment []string) *manual {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "keyrelay/docs", name))
	if err != nil {
		t.Fatal(err)
	}
	opened := &manual{name: name, folder: folder, environment: environment, parameters: " Networks=private Emulated=true"}
	var current *block
	heading := ""
	for line := range strings.Lines(string(text)) {
		language, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && current == nil:
			current = &block{heading: heading, language: strings.TrimSpace(language)}
		case isFence:
			opened.blocks, current = append(opened.blocks, *current), nil
		case current != nil:
			current.text += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return opened
}

// find is the block of that number, from 0, that a section has in a language.
func (m *manual) find(t *testing.T, heading, language string, number int) *block {
	t.Helper()
	for i := range m.blocks {
		if found := &m.blocks[i]; found.heading == heading && found.language == language {
			if number == 0 {
				return found
			}
			number--
		}
	}
	t.Fatalf("%s has no such commands below %q", m.name, heading)
	return nil
}

// follow runs the commands of a section, the block of that number, and returns what
// they print; texts of them are replaced by others, by turns.
func (m *manual) follow(t *testing.T, heading string, number int, replacements ...string) string {
	t.Helper()
	followed := m.find(t, heading, "sh", number)
	followed.run = true
	commands := strings.NewReplacer(replacements...).Replace(followed.text)
	if m.beginning != nil && m.beginning != followed {
		commands = m.beginning.text + commands
	}
	shell := command(t, m.environment, "bash", "-euo", "pipefail", "-c", commands)
	shell.Dir, shell.Stdin = m.folder, strings.NewReader("y\ny\n")
	return output(t, shell)
}

// configure writes what a section has for samconfig.toml into the operator's own:
// another line parameter_overrides, or a section of its own.
func (m *manual) configure(t *testing.T, heading string, number int) {
	t.Helper()
	m.set(t, m.find(t, heading, "toml", number).text)
}

func (m *manual) set(t *testing.T, written string) {
	t.Helper()
	written = strings.Replace(written, "Architecture=x86_64", "Architecture=x86_64"+m.parameters, 1)
	file := filepath.Join(m.folder, "my-relay/samconfig.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	configuration := string(text)
	if strings.HasPrefix(written, "[") {
		configuration += "\n" + written
	} else {
		before, rest, _ := strings.Cut(configuration, "parameter_overrides = ")
		_, after, _ := strings.Cut(rest, "\n")
		configuration = before + strings.TrimSpace(written) + "\n" + after
	}
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
}

// isDone expects that every command of the manual was run but those of a section.
func (m *manual) isDone(t *testing.T, but string) {
	t.Helper()
	for _, each := range m.blocks {
		if each.language == "sh" && !each.run && each.heading != but {
			t.Errorf("%s, %q: nothing has run\n%s", m.name, each.heading, each.text)
		}
	}
}

// cloneProject makes a clone of what is committed, keyrelay, in a new folder; the clone
// can pull.
func cloneProject(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	output(t, exec.Command("git", "init", "-q", "--bare", "-b", "main", folder+"/origin"))
	output(t, exec.Command("git", "-C", root(t), "push", "-q", folder+"/origin", "HEAD:refs/heads/main"))
	output(t, exec.Command("git", "clone", "-q", folder+"/origin", folder+"/keyrelay"))
	return folder
}

// releaseProject commits something to where the clone pulls from.
func releaseProject(t *testing.T, folder string) {
	t.Helper()
	output(t, exec.Command("git", "clone", "-q", folder+"/origin", folder+"/maker"))
	output(t, exec.Command("git", "-C", folder+"/maker", "-c", "user.name=maker", "-c", "user.email=maker@example.com",
		"commit", "-q", "--allow-empty", "-m", "a new version"))
	output(t, exec.Command("git", "-C", folder+"/maker", "push", "-q"))
}
