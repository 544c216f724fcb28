package destination_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
)

// published is a document as vendors publish them: most of it is texts and schemas.
func published(megabytes int) string {
	const text = "Returns what belongs to it, page by page. The order is that of their creation unless sort says otherwise. "
	const operation = `
    "/resources/%[1]d/{id}/items": {
      "get": {
        "operationId": "listItems%[1]d", "summary": "List items", "description": "%[2]s", "tags": ["items"], "security": [{"token": ["read"]}],
        "parameters": [{"name": "id", "in": "path", "required": true, "description": "%[3]s", "schema": {"type": "string"}},
          {"name": "page", "in": "query", "description": "%[3]s", "schema": {"type": "integer", "default": 1}}],
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object", "properties": {
          "id": {"type": "integer", "description": "%[3]s", "example": 17}, "name": {"type": "string", "description": "%[3]s", "enum": ["a", "b", "c"]}}}}}}}}
      }
    },`
	var document strings.Builder
	document.WriteString(`{"openapi": "3.0.3", "info": {"title": "Published"}, "servers": [{"url": "https://api.example.com"}],
  "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}, "paths": {`)
	for i := 0; document.Len() < megabytes<<20; i++ {
		fmt.Fprintf(&document, operation, i, strings.Repeat(text, 8), text)
	}
	document.WriteString(`"/last": {"get": {}}}}`)
	return document.String()
}

// BenchmarkLoad reads documents of 1, 3 and 13 MB, as they are published and packed.
// peak-MB is what the heap holds at the end of the load, garbage included, and
// kept-MB what the destinations need afterwards.
func BenchmarkLoad(b *testing.B) {
	for _, megabytes := range []int{1, 3, 13} {
		folder := write(b, txtar.File{Name: "api.json", Data: []byte(published(megabytes))})
		target, size := packed(b, folder)
		b.Run(fmt.Sprintf("%dMB/unpacked", megabytes), func(b *testing.B) { benchmarkLoad(b, folder) })
		b.Run(fmt.Sprintf("%dMB/packed-%dKB", megabytes, size>>10), func(b *testing.B) { benchmarkLoad(b, target) })
	}
}

func benchmarkLoad(b *testing.B, folder string) {
	var peak, kept uint64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		set, err := destination.Load(folder, destination.Config{})
		if err != nil {
			b.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		peak = max(peak, after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))
		runtime.GC()
		runtime.ReadMemStats(&after)
		kept = max(kept, after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))
		runtime.KeepAlive(set)
	}
	information, err := os.Stat(filepath.Join(folder, "api.json"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(information.Size())
	b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	b.ReportMetric(float64(kept)/(1<<20), "kept-MB")
}
