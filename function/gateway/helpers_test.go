package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyrelay/function/gateway"
)

// corpus is the folder of further test data beside the project's folder, which may be absent.
const corpus = "../../../shared/corpus"

// own is the folder of the project's own cases.
const own = "../testdata/hostile"

// hostileFiles returns the files below a folder of the project's own cases and of
// the further test data, by their names in it.
func hostileFiles(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, root := range []string{filepath.Join(own, folder), filepath.Join(corpus, folder)} {
		if _, err := os.Stat(root); err != nil {
			continue
		}
		err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			files[name], err = os.ReadFile(filepath.Join(root, name))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// hostileLines returns the lines of a file of the project's own cases, and of the
// further test data that a pattern matches.
func hostileLines(t *testing.T, name, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, pattern))
	if err != nil {
		t.Fatal(err)
	}
	var cases []string
	for _, file := range append(files, filepath.Join(own, name)) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimRight(line, "\r\n"); !strings.HasPrefix(line, "# ") {
				cases = append(cases, line)
			}
		}
	}
	return cases
}

// A received is what a Handler was called with, kept beyond its return.
type received struct {
	Method, Path, ID string
	Header           http.Header
	Body             []byte
	Err              error
}

func keep(request *gateway.Request, err error) received {
	return received{request.Method, request.Path, request.ID, request.Header.Clone(), bytes.Clone(request.Body), err}
}

// A handlerFunc answers every request, read whole or not.
type handlerFunc func(ctx context.Context, request *gateway.Request, err error) *gateway.Response

func (f handlerFunc) Handle(ctx context.Context, request *gateway.Request) *gateway.Response {
	return f(ctx, request, request.ReadBody())
}

func (f handlerFunc) Refuse(ctx context.Context, request *gateway.Request, err error) *gateway.Response {
	return f(ctx, request, err)
}

func ok() *gateway.Response { return &gateway.Response{Status: http.StatusOK} }

// decode hands one event to the handler and returns what came of it.
func decode(t testing.TB, payload []byte) received {
	t.Helper()
	var got received
	calls := 0
	_, err := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, err error) *gateway.Response {
		got = keep(request, err)
		calls++
		return ok()
	}), nil).Invoke(context.Background(), payload)
	if err != nil {
		t.Fatalf("Invoke returned an error: %v", err)
	}
	if calls != 1 {
		t.Fatalf("the handler was called %d times", calls)
	}
	return got
}

// encode answers an event of the format with response and returns the answer.
func encode(t testing.TB, payload string, response *gateway.Response) (answer []byte, fits bool) {
	t.Helper()
	answer, err := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, _ error) *gateway.Response {
		fits = request.Fits(response)
		return response
	}), nil).Invoke(context.Background(), []byte(payload))
	if err != nil {
		t.Fatalf("Invoke returned an error: %v", err)
	}
	return answer, fits
}

// The smallest events of both formats.
const (
	eventV1 = `{"resource":"/","path":"/","httpMethod":"GET","requestContext":{}}`
	eventV2 = `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`
)

// diff compares what was received, errors by their sentinels and no header with an empty one.
func diff(want, got received) string {
	return cmp.Diff(want, got, cmpopts.EquateErrors(), cmpopts.EquateEmpty())
}

// asJSON returns the JSON text of value.
func asJSON(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// skipUnderRace skips a test that counts allocations: under the race detector a
// sync.Pool drops a part of what is put into it, and append makes more.
func skipUnderRace(t *testing.T) {
	t.Helper()
	build, _ := debug.ReadBuildInfo()
	if slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("allocations are not those of the program under the race detector")
	}
}

// large returns a text of the length with a quotation mark in each 16 bytes.
func large(length int) string {
	return strings.Repeat(`0123456789"abcde`, length/16+1)[:length]
}
