package plan_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// TestStories reads testdata/*.txtar: each request is followed by the outbound
// request that the plan is, or by the refusal.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	set := load(t, "testdata/destinations")
	for _, file := range files {
		story, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(story.Files); i += 2 {
			t.Run(filepath.Base(file)+"/"+story.Files[i].Name, func(t *testing.T) {
				request := parseRequest(t, story.Files[i].Data)
				got := answer(set, request)
				if difference := cmp.Diff(string(story.Files[i+1].Data), got); difference != "" {
					t.Errorf("%s (-want +got):\n%s\n%s", story.Files[i+1].Name, difference, got)
				}
			})
		}
	}
}

func load(t testing.TB, folder string) *destination.Set {
	t.Helper()
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// parseRequest reads a method and a path, header lines, an empty line and the body.
func parseRequest(t testing.TB, text []byte) *gateway.Request {
	t.Helper()
	head, body, hasBody := strings.Cut(string(text), "\n\n")
	first, lines, _ := strings.Cut(head, "\n")
	method, path, _ := strings.Cut(first, " ")
	request := &gateway.Request{Method: method, Path: path, Header: http.Header{}}
	scanner := bufio.NewScanner(strings.NewReader(lines))
	for scanner.Scan() {
		name, value, found := strings.Cut(scanner.Text(), ": ")
		if !found {
			t.Fatalf("%q is no header line", scanner.Text())
		}
		request.Header.Add(name, value)
	}
	if hasBody {
		request.Body = []byte(strings.TrimSuffix(body, "\n"))
	}
	return request
}

// answer writes what becomes of a request in the form that the stories have.
func answer(set *destination.Set, request *gateway.Request) string {
	outbound, err := plan.New(set, request)
	var text strings.Builder
	if err != nil {
		writeRefusal(&text, err)
	} else {
		writePlan(&text, outbound)
	}
	return text.String()
}

func writePlan(w io.Writer, p *plan.Plan) {
	if p.Batch != nil {
		writeBatch(w, p.Batch)
		return
	}
	fmt.Fprintf(w, "%s %s\n", p.Method, p.URL)
	for _, name := range slices.Sorted(maps.Keys(p.Header)) {
		for _, value := range p.Header[name] {
			fmt.Fprintf(w, "%s: %s\n", name, value)
		}
	}
	for _, fill := range p.Fills {
		fmt.Fprintf(w, "fill %s: ", fill.Field)
		for _, part := range fill.Parts {
			if part.Scheme != nil {
				fmt.Fprintf(w, "<%s>", part.Scheme.Name)
			}
			fmt.Fprint(w, part.Literal)
		}
		fmt.Fprintln(w)
	}
	if p.SessionToken != nil {
		fmt.Fprintf(w, "(session token: %s)\n", p.SessionToken())
	}
	if p.DryRun {
		fmt.Fprintf(w, "(dry run, dropped: %s)\n", strings.Join(p.Dropped, ", "))
	}
	if p.Body != nil {
		fmt.Fprintf(w, "\n%s\n", strings.ReplaceAll(string(p.Body), "\r", `\r`)) // that editors keep it
	}
}

func writeBatch(w io.Writer, batch *plan.Batch) {
	for i := range batch.Len() {
		fmt.Fprintf(w, "[%d] ", i)
		if outbound, err := batch.Record(i); err != nil {
			writeRefusal(w, err)
		} else {
			writePlan(w, outbound)
		}
	}
}

func writeRefusal(w io.Writer, err error) {
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) {
		fmt.Fprintf(w, "no refusal: %v\n", err)
		return
	}
	fmt.Fprintf(w, "%s\n%s\n", refusal.Reason, refusal.Detail)
	if refusal.Fields != nil {
		fmt.Fprintf(w, "fields: %s\n", strings.Join(refusal.Fields, ", "))
	}
	if refusal.Allowed != nil {
		fmt.Fprintf(w, "allowed: %s\n", strings.Join(refusal.Allowed, ", "))
	}
}
