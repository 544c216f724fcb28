package speed_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkRetrieved compares a warm invocation whose credential was retrieved with
// one whose credential is a static key, in one process, by short turns: what both send
// downstream is the same.
func BenchmarkRetrieved(b *testing.B) {
	downstream := startDownstream(b)
	static, retrieved := restEvent(downstream+"/s", record(1<<10)), restEvent(downstream+"/r", record(1<<10))
	relay := startFunction(b, buildRelay(b), retrieved, "AWS_SAM_LOCAL=true",
		"KEYRELAY_DESTINATIONS="+bothDocuments(b, downstream, startKeys(b)), "DOWNSTREAM_KEY="+benchmarkKey)
	relay.event = static
	relay.run(b, 200)
	var times, cpus []float64
	for b.Loop() {
		relay.event = retrieved
		retrievedTime, retrievedCPU := relay.run(b, 50)
		relay.event = static
		staticTime, staticCPU := relay.run(b, 50)
		times = append(times, float64(retrievedTime)/float64(staticTime))
		cpus = append(cpus, float64(retrievedCPU)/float64(staticCPU))
	}
	b.ReportMetric(median(times), "time-ratio")
	b.ReportMetric(median(cpus), "cpu-ratio")
	b.ReportMetric(0, "ns/op")
}

const benchmarkKey = "0123456789abcdef"

// startKeys hands out the key that the static document has, for an hour.
func startKeys(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"key":"`+benchmarkKey+`","expires_in":3600}`)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// bothDocuments writes a document with a static key and one with a retrieved key.
func bothDocuments(b *testing.B, downstream, keys string) string {
	b.Helper()
	folder := b.TempDir()
	for path, scheme := range map[string]string{
		"s": `x-keyrelay-secret: "env:DOWNSTREAM_KEY"`,
		"r": `x-itential-dynamic-retrieval: {method: POST, url: "` + keys + `", responsePointer: /key}`,
	} {
		document := `openapi: 3.1.0
info: {title: Downstream, version: "1"}
servers: [{url: "` + downstream + `/` + path + `"}]
x-keyrelay-network: loopback
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Downstream-Key, ` + scheme + `}
`
		if err := os.WriteFile(filepath.Join(folder, path+".yaml"), []byte(document), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return folder
}
