package relay_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/relay"
)

// update rewrites docs/errors.md: go test ./function/relay -run TestErrorsDocument -update
var update = flag.Bool("update", false, "rewrite docs/errors.md")

// TestErrorsDocument holds docs/errors.md to the one list in the code.
func TestErrorsDocument(t *testing.T) {
	const file = "../../docs/errors.md"
	want := errorsDocument()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(want, string(got)); difference != "" {
		t.Errorf("docs/errors.md differs from the code; run go test ./function/relay -run TestErrorsDocument -update\n%s", difference)
	}
}

func errorsDocument() string {
	var text strings.Builder
	text.WriteString(`# Errors

Every answer that keyrelay itself makes is ` + "`application/problem+json`" + ` (RFC 9457). Its ` + "`type`" + ` is ` + "`urn:keyrelay:problem:NAME`" + `; the names below are
stable. ` + "`detail`" + ` says what to do about the case at hand, and ` + "`fields`" + ` and ` + "`allowed`" + ` list what it is about. ` + "`Proxy-Status`" + ` (RFC 9209) carries
` + "`keyrelay; error=TYPE`" + `; an answer that came from the API carries ` + "`keyrelay; received-status=NNN`" + ` instead, whatever its status. This page is generated from
the code.

| status | name | what happened | what to do | error types of Proxy-Status |
| --- | --- | --- | --- | --- |
`)
	for _, problem := range relay.Problems() {
		fmt.Fprintf(&text, "| %d | `%s` | %s | %s | %s |\n", problem.Status, problem.Name, problem.Title, problem.Remedy, strings.Join(problem.ProxyErrors(), ", "))
	}
	return text.String()
}
