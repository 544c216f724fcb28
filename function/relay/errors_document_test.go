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

Find the name in the answer's ` + "`type`" + `, ` + "`urn:keyrelay:problem:NAME`" + `, or in ` + "`problem`" + ` of a log entry. Then read the answer's ` + "`detail`" + `: it says what to do in this case, and
` + "`fields`" + ` and ` + "`allowed`" + ` list what it is about. Callers are not told everything, so the log's ` + "`detail`" + ` often says more: its entry
has the answer's ` + "`X-Relay-Request-Id`" + ` as ` + "`requestId`" + `. Dead letters have two more problems, see [later.md](later.md#dead-letters).

Every answer that keyrelay itself makes is ` + "`application/problem+json`" + ` (RFC 9457), and its ` + "`Proxy-Status`" + ` (RFC 9209) holds ` + "`keyrelay; error=TYPE`" + `. An answer
from the API has ` + "`keyrelay; received-status=NNN`" + ` instead, whatever its status: then look at the API. The names never change. This page is generated from the code.

| status | name | what happened | what to do | error types of Proxy-Status |
| --- | --- | --- | --- | --- |
`)
	for _, problem := range relay.Problems() {
		fmt.Fprintf(&text, "| %d | `%s` | %s | %s | %s |\n", problem.Status, problem.Name, problem.Title, problem.Remedy, strings.Join(problem.ProxyErrors(), ", "))
	}
	return text.String()
}
