package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// oddAnswers are bodies that are hard to put into one JSON text, with their media types.
var oddAnswers = [][2]string{
	{"application/json", ` {"a" : 1.10} `},
	{"application/json", "\ufeff[1]"},
	{"application/json; charset=iso-8859-1", "{\"a\":\"\xe9\"}"},
	{"application/json", "{\"a\":\"\xe9\"}"},
	{"application/json", `{"a":1,}`},
	{"application/json", `{"a":"\ud800"}`},
	{"application/json", `{"a":1,"a":2}`},
	{"application/json", strings.Repeat("[", 5000) + strings.Repeat("]", 5000)},
	{"application/json", strings.Repeat(`{"a":`, 199) + "1" + strings.Repeat("}", 199)},
	{"application/json", "1e999999"},
	{"application/json; charset=utf-16", "\xfe\xff\x00[\x001\x00]"},
	{"text/plain; charset=windows-1252", "10 \x80 \x93quoted\x94"},
	{"text/plain", "a \"b\"\\\n\x00\x7f\u2028\U0001f4a9"},
	{"text/plain; charset=utf-16le", "\x3d\xd8"},
	{"text/html", "<script>]]>&amp;</script>"},
	{"image/png", "\x89PNG\r\n\x1a\n\x00\xff"},
	{"", ""},
	{"multipart/mixed; boundary=\"\xff\"", "\xff"},
}

// TestResults has the results of a split batch read by JSON parsers that others wrote:
// whatever each API answers, it is one text that all of them take, with an entry for each record.
func TestResults(t *testing.T) {
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header()["Content-Type"] = []string{oddAnswers[number][0]}
		w.Header().Set("Location", "/orders/\"1\"")
		_, _ = io.WriteString(w, oddAnswers[number][1])
	}))
	defer downstream.Close()
	folder := t.TempDir()
	document := "openapi: 3.1.0\ninfo: {title: Orders, version: '1'}\nservers: [{url: '" + downstream.URL + "'}]\nx-keyrelay-network: loopback\nx-keyrelay-batch: split\n"
	if err := os.WriteFile(filepath.Join(folder, "orders.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	relay := startRelay(t, folder)
	var batch []string
	for i := range oddAnswers {
		batch = append(batch, fmt.Sprintf(`{"n":%d}`, i))
	}
	request, err := http.NewRequest(http.MethodPost, relay, strings.NewReader("["+strings.Join(batch, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Osmos-Outbound-Url", downstream.URL+"/orders")
	request.Header.Set("X-Osmos-Query-Param-Fields", "n")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	results, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %d %.300s", err, answer.StatusCode, results)
	}
	const python = `import json,sys; r=json.loads(sys.stdin.buffer.read().decode("utf-8","strict")); print(len(r), r[0]["body"]["a"], r[2]["body"]["a"], r[11]["body"], r[15]["base64"])`
	const node = `const r=JSON.parse(new TextDecoder("utf-8",{fatal:true}).decode(require("fs").readFileSync(0))); console.log(r.length, r[0].body.a, r[2].body.a, r[11].body, r[15].base64)`
	for _, reader := range [][]string{{"python3", "-X", "utf8", "-c", python}, {"node", "-e", node}} {
		prepared := command(t, nil, reader[0], reader[1:]...)
		prepared.Stdin = bytes.NewReader(results)
		const want = "18 1.1 é 10 € “quoted” iVBORw0KGgoA/w=="
		if got := strings.TrimSpace(output(t, prepared)); got != want {
			t.Errorf("%s reads %q, not %q", reader[0], got, want)
		}
	}
}
