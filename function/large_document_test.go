package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// largeDocument is a document of 13 MB, as large as the largest that vendors publish,
// with a thousand operations: most of it is texts and schemas.
func largeDocument() string {
	const operation = `
    "/resources/%[1]d/{id}/items": {
      "get": {"operationId": "listItems%[1]d", "summary": "List items", "description": "%[2]s", "tags": ["items"],
        "parameters": [{"name": "id", "in": "path", "required": true, "description": "%[3]s", "schema": {"type": "string"}},
          {"name": "page", "in": "query", "description": "%[3]s", "schema": {"type": "integer", "default": 1}}],
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object", "properties": {%[4]s}}}}}}}
    },`
	text := strings.Repeat("Returns what belongs to it, page by page. The order is that of their creation. ", 3)
	var members []string
	for i := range 40 {
		members = append(members, fmt.Sprintf(`"member_%d": {"type": "string", "description": %q, "example": "octocat"}`, i, text))
	}
	var document strings.Builder
	document.WriteString(`{"openapi": "3.0.3", "info": {"title": "Large", "version": "1"}, "servers": [{"url": "https://api.example.com"}], "paths": {`)
	for i := 0; document.Len() < 13<<20; i++ {
		fmt.Fprintf(&document, operation, i, strings.Repeat(text, 4), text, strings.Join(members, ", "))
	}
	document.WriteString(`"/last": {"get": {}}}}`)
	return document.String()
}

// TestLargeDocument starts the program as a function with a document of 13 MB. Packed it
// takes less than 64 MB at its most, so that a function of 128 MB is enough; unpacked
// it gives back what the reading took before it asks for its first event.
func TestLargeDocument(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("skipped: this system does not tell how much memory a process uses")
	}
	program, err := buildForLambda()
	if err != nil {
		t.Fatal(err)
	}
	unpacked, packed := t.TempDir(), t.TempDir()
	writeFile(t, unpacked, "large.json", largeDocument())
	if text, err := exec.Command(program, "pack", unpacked, packed).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for folder, most := range map[string]struct{ peak, kept int }{packed: {64 << 10, 64 << 10}, unpacked: {1 << 20, 64 << 10}} {
		run := startInLambda(t, program, nil, "KEYRELAY_DESTINATIONS="+folder)
		run.await(t)
		status := fmt.Sprintf("/proc/%d/status", run.command.Process.Pid)
		kept, peak := kilobytes(t, status, "VmRSS:"), kilobytes(t, status, "VmHWM:")
		t.Logf("packed: %v: %d MB at its most, %d MB at the first event", folder == packed, peak>>10, kept>>10)
		if peak >= most.peak || kept >= most.kept {
			t.Errorf("packed: %v: %d KB at its most, %d KB at the first event", folder == packed, peak, kept)
		}
		run.events <- []byte(`{"resource":"/","path":"/","httpMethod":"GET","requestContext":{"requestId":"1"},"headers":{"X-Osmos-Outbound-Url":"https://api.example.com/resources/7/8/items","X-Relay-Dry-Run":"true"}}`)
		if answer := string(<-run.answers); !strings.Contains(answer, `"statusCode":200`) {
			t.Errorf("packed: %v: got %s", folder == packed, answer)
		}
	}
}

// TestManyDocuments starts the program as a function with four documents of 13 MB. They are
// read one after another, so that all of them take little more than one, about 140 MB.
func TestManyDocuments(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("skipped: this system does not tell how much memory a process uses")
	}
	program, err := buildForLambda()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		writeFile(t, folder, name+".json", strings.Replace(largeDocument(), "api.example.com", name+".example.com", 1))
	}
	run := startInLambda(t, program, nil, "KEYRELAY_DESTINATIONS="+folder)
	run.await(t)
	const most = 280 << 10
	if peak := kilobytes(t, fmt.Sprintf("/proc/%d/status", run.command.Process.Pid), "VmHWM:"); peak >= most {
		t.Errorf("%d KB at its most", peak)
	} else {
		t.Logf("%d MB at its most", peak>>10)
	}
}
