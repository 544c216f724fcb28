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

// same compares what a test wants with what it got.
func same(t testing.TB, what string, want, got any, options ...cmp.Option) {
	t.Helper()
	if difference := cmp.Diff(want, got, options...); difference != "" {
		t.Errorf("%s (-want +got):\n%s", what, difference)
	}
}

// located admits a URL.
func located(t testing.TB, set *destination.Set, outboundURL string) destination.Location {
	t.Helper()
	location, err := set.Locate(outboundURL)
	if err != nil {
		t.Fatalf("%s: %v", outboundURL, err)
	}
	return location
}

// checkFaults makes sure that an error of Load says where each fault is and what to write.
func checkFaults(t *testing.T, folder string, err error) {
	t.Helper()
	faults, ok := errors.AsType[destination.Faults](err)
	if !ok || len(faults) == 0 {
		t.Fatalf("the error is %v", err)
	}
	for _, fault := range faults {
		if fault.Line < 1 || fault.Column < 1 || filepath.Dir(fault.File) != folder || fault.Problem == "" || fault.Remedy == "" {
			t.Errorf("the fault is %+v", fault)
		}
	}
}

// one reads the only document of a set.
func one(t testing.TB, text string) *destination.Destination {
	t.Helper()
	return load(t, yaml(text)).Destinations()[0]
}

// A story is a folder of documents and what loading it must tell: the last file,
// "faults" or "warnings", has one line for each.
func story(t *testing.T, file string) (documents []txtar.File, lambda bool, lines []string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := len(archive.Files) - 1
	if name := archive.Files[last].Name; name != filepath.Base(filepath.Dir(file)) {
		t.Fatal("the last file of a story is called as its folder, not", name)
	}
	told := strings.TrimSuffix(string(archive.Files[last].Data), "\n")
	return archive.Files[:last], strings.HasPrefix(string(archive.Comment), "lambda"), strings.Split(told, "\n")
}

// stories runs a test for each story of a folder.
func stories(t *testing.T, folder string, run func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { run(t, file) })
	}
}

// Each story in testdata/faults tells every fault: the file, line and column, what
// is wrong, what to write. One whose comment begins with "lambda" is loaded as in a real Lambda.
func TestFaults(t *testing.T) {
	stories(t, "faults", func(t *testing.T, file string) {
		documents, lambda, want := story(t, file)
		folder := write(t, documents...)
		set, err := destination.Load(folder, destination.Config{RealLambda: lambda})
		var faults destination.Faults
		if !errors.As(err, &faults) || set != nil {
			t.Fatalf("Load returned %v and the error %v", set, err)
		}
		got := strings.Split(strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), ""), "\n")
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("faults (-want +got):\n%s\nall:\n%s", difference, strings.Join(got, "\n"))
		}
	})
}

// Each story in testdata/warnings loads, and tells what of it is switched off and why.
func TestWarnings(t *testing.T) {
	stories(t, "warnings", func(t *testing.T, file string) {
		documents, lambda, want := story(t, file)
		folder := write(t, documents...)
		set, err := destination.Load(folder, destination.Config{RealLambda: lambda})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, each := range set.Warnings() {
			got = append(got, strings.TrimPrefix(each.String(), folder+string(filepath.Separator)))
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("warnings (-want +got):\n%s\nall:\n%s", difference, strings.Join(got, "\n"))
		}
	})
}

func TestFolderFaults(t *testing.T) {
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, ".hidden.yaml"), []byte("a: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(empty, "README.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	windows, nested := t.TempDir(), t.TempDir()
	for _, name := range []string{"orders.yaml.txt", "b.yaml.bak", "c", "d"} {
		if err := os.WriteFile(filepath.Join(windows, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(nested, "apis"), 0o700); err != nil {
		t.Fatal(err)
	}
	const document = "put the OpenAPI document of an API into it as NAME.yaml or NAME.json"
	const remedy = "make it a folder of OpenAPI documents that this program may read, or name the one that is: " +
		"by KEYRELAY_DESTINATIONS, to make by DESTINATIONS=folder, to a command of keyrelay by its argument"
	for folder, want := range map[string]string{
		empty:                             empty + ": the folder of destinations holds no document, but README.md; " + document,
		windows:                           windows + ": the folder of destinations holds no document, but b.yaml.bak, c, d, others; " + document,
		nested:                            nested + ": the folder of destinations holds no document, but the folder apis; " + document,
		t.TempDir():                       "the folder of destinations holds no document; " + document,
		filepath.Join(empty, "absent"):    filepath.Join(empty, "absent") + ": the folder of destinations does not exist; " + remedy,
		filepath.Join(empty, "README.md"): filepath.Join(empty, "README.md") + ": the folder of destinations cannot be read; " + remedy,
	} {
		_, err := destination.Load(folder, destination.Config{})
		var faults destination.Faults
		if !errors.As(err, &faults) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestEndings reads documents whose endings have capitals, as some editors write them.
func TestEndings(t *testing.T) {
	for name, document := range map[string]string{
		"api.YAML": "openapi: 3.1.0\nservers: [{url: https://api.example.com}]\n",
		"api.Yml":  "openapi: 3.1.0\nservers: [{url: https://api.example.com}]\n",
		"api.JSON": "{\"openapi\": \"3.1.0\",\t\"servers\": [{\"url\": \"https://api.example.com\"}]}",
	} {
		if found := load(t, txtar.File{Name: name, Data: []byte(document)}).Destinations(); len(found) != 1 || found[0].Name != "api" {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// TestNearScope warns of a scope that is nearly one that the flow declares, and of no other.
func TestNearScope(t *testing.T) {
	for scope, near := range map[string]bool{"orders.wrte": true, "Orders.Write": true, "orders.write": false, "stock": false} {
		set := load(t, txtar.File{Name: "api.yaml", Data: []byte("openapi: 3.1.0\nservers: [{url: https://api.example.com}]\nsecurity: [{oauth: [" + scope + "]}]\n" +
			"components: {securitySchemes: {oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://a.example/t', scopes: {orders.write: w, orders.read: r}}}}}}\n")})
		warnings := set.Warnings()
		if near != (len(warnings) == 1 && strings.Contains(warnings[0].String(), "api.yaml:3:21: the flow has no scope "+scope+"; write orders.write")) || !near && len(warnings) > 0 {
			t.Errorf("%s: %v", scope, warnings)
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
