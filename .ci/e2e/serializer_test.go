package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"keyrelay/function/destination"
)

// TestSerializer compares the dry run of every operation of the documents that
// vendors publish, and of one in testdata that has every style, with the request
// that an independent serializer builds, as testdata/serializer.mjs says.
func TestSerializer(t *testing.T) {
	folder := t.TempDir()
	ownStyles, err := os.ReadFile(filepath.Join(root(t), ".ci/e2e/testdata/styles.json"))
	if err != nil {
		t.Fatal(err)
	}
	writeDocument(t, folder, "styles", ownStyles)
	t.Logf("%d documents of vendors load", writeVendors(t, folder))
	relay := startRelay(t, folder)
	t.Log("\n" + output(t, command(t, nil, "node", ".ci/e2e/testdata/serializer.mjs", filepath.Join(root(t), ".tools", "peer"), folder, relay)))
}

// writeVendors writes the documents that load into a folder, and returns how many these are.
func writeVendors(t *testing.T, folder string) (count int) {
	t.Helper()
	packed, err := os.Open(filepath.Join(root(t), "../shared/corpus/openapi/vendors.jsonl.gz"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the shared test data is not on this machine")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Name string
			Doc  json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		alone := t.TempDir()
		writeDocument(t, alone, line.Name, line.Doc)
		if _, err := destination.Load(alone, destination.Config{RealLambda: true}); err == nil {
			writeDocument(t, folder, line.Name, line.Doc)
			count++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return count
}

func writeDocument(t *testing.T, folder, name string, document []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name+".json"), document, 0o600); err != nil {
		t.Fatal(err)
	}
}
