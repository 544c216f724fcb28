package e2e

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// starts is how often each program is started; the median counts.
const starts = 31

// TestColdStart prints the size of the zip and the time from the start of the program
// until it asks for its first event, as ratios to a function that does nothing.
// docs/cost.md tells what they were.
func TestColdStart(t *testing.T) {
	folder := t.TempDir()
	output(t, command(t, []string{"ARTIFACTS_DIR=" + folder + "/keyrelay"}, "make", "--silent", "build-Relay"))
	output(t, command(t, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc,nethttpomithttp2",
		"-o", folder+"/noop/bootstrap", "./.ci/e2e/testdata/noop"))
	names := []string{"keyrelay", "noop"}
	sizes, times := make(map[string]int), make(map[string][]time.Duration)
	for _, name := range names {
		sizes[name] = zipSize(t, filepath.Join(folder, name))
	}
	for range starts {
		for _, name := range names {
			times[name] = append(times[name], startTime(t, filepath.Join(folder, name, "bootstrap")))
		}
	}
	for _, name := range names {
		slices.Sort(times[name])
	}
	keyrelay, noop := times["keyrelay"][starts/2], times["noop"][starts/2]
	t.Logf("zip: %d bytes, %.2f times a no-op function's %d", sizes["keyrelay"], float64(sizes["keyrelay"])/float64(sizes["noop"]), sizes["noop"])
	t.Logf("start: %s, %.2f times a no-op function's %s (median of %d)", keyrelay.Round(100*time.Microsecond), float64(keyrelay)/float64(noop), noop.Round(100*time.Microsecond), starts)
}

// startTime starts a function and waits until it asks for its first event.
func startTime(t *testing.T, program string) time.Duration {
	t.Helper()
	asked := make(chan time.Time, 1)
	runtime := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	}))
	defer runtime.Close()
	function := exec.Command(program)
	function.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(runtime.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=start",
		"_HANDLER=bootstrap", "AWS_REGION=us-east-1", "KEYRELAY_NETWORKS=private",
	}
	function.Stderr = os.Stderr
	began := time.Now()
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- function.Wait() }()
	select {
	case at := <-asked:
		_ = function.Process.Kill()
		<-ended
		return at.Sub(began)
	case err := <-ended:
		t.Fatalf("the function ended before it asked for an event: %v", err)
		return 0
	}
}

// zipSize is what the folder's files take, packed as sam packs them.
func zipSize(t *testing.T, folder string) int {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		into, err := archive.Create(strings.TrimPrefix(path, folder+"/"))
		if err != nil {
			return err
		}
		_, err = io.Copy(into, file)
		return err
	})
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.Len()
}
