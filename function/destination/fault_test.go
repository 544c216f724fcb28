package destination_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
)

// write puts documents into a new folder.
func write(t testing.TB, files ...txtar.File) string {
	t.Helper()
	folder := t.TempDir()
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(folder, file.Name), file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// load reads documents that have no fault.
func load(t testing.TB, files ...txtar.File) *destination.Set {
	t.Helper()
	set, err := destination.Load(write(t, files...), destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// one reads the only document of a set.
func one(t testing.TB, text string) *destination.Destination {
	t.Helper()
	return load(t, txtar.File{Name: "api.yaml", Data: []byte(text)}).Destinations()[0]
}

// Each story in testdata/faults is a folder of documents and every fault that
// loading it must tell: the file, line and column, what is wrong, what to write.
// A story whose comment begins with "lambda" is loaded as in a real Lambda.
func TestFaults(t *testing.T) {
	stories, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatal("no stories", err)
	}
	for _, story := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(story), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(story)
			if err != nil {
				t.Fatal(err)
			}
			last := len(archive.Files) - 1
			if archive.Files[last].Name != "faults" {
				t.Fatal("the last file of a story is called faults")
			}
			folder := write(t, archive.Files[:last]...)
			lambda := strings.HasPrefix(string(archive.Comment), "lambda")
			set, err := destination.Load(folder, destination.Config{RealLambda: lambda})
			var faults destination.Faults
			if !errors.As(err, &faults) || set != nil {
				t.Fatalf("Load returned %v and the error %v", set, err)
			}
			got := strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), "")
			want := strings.TrimSuffix(string(archive.Files[last].Data), "\n")
			if difference := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); difference != "" {
				t.Errorf("faults (-want +got):\n%s\nall:\n%s", difference, got)
			}
		})
	}
}

func TestFolderFaults(t *testing.T) {
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, ".hidden.yaml"), []byte("a: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(empty, "README.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{
		empty: empty + ": the folder of destinations holds no document; " +
			"put the OpenAPI document of an API into it as NAME.yaml or NAME.json",
		filepath.Join(empty, "absent"): filepath.Join(empty, "absent") + ": the folder of destinations cannot be read; " +
			"make it a folder of OpenAPI documents that this program may read, or set KEYRELAY_DESTINATIONS to the one that is",
	} {
		_, err := destination.Load(folder, destination.Config{})
		var faults destination.Faults
		if !errors.As(err, &faults) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestUnreadableDocument(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "api.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := destination.Load(folder, destination.Config{})
	if err == nil || !strings.Contains(err.Error(), "api.yaml:1:1: the document cannot be read; ") {
		t.Errorf("got %v", err)
	}
}
