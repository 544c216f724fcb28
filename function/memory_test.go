package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// maxGrowth is how much the largest answer, record or attack may make the program grow.
const maxGrowth = 32 << 20

// keyedDocument is an API whose key is long enough to be masked.
func keyedDocument(downstream string) string {
	return openDocument(downstream) + `
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key, x-keyrelay-secret: "env:KEY"}}}
`
}

// built builds the program as it is deployed: the test binary has the race
// detector in it, which takes memory of its own.
func built(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/proc/self/clear_refs"); err != nil {
		t.Skip("skipped: this system does not tell the most memory that a process used")
	}
	program := filepath.Join(t.TempDir(), "keyrelay")
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return program
}

// growth is how many bytes a process grows at most above what it has, while
// something is done to it.
func growth(t *testing.T, process int, done func()) int {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/", process)
	if err := os.WriteFile(folder+"clear_refs", []byte("5"), 0); err != nil {
		t.Skip("skipped: the most memory that a process used cannot be reset here")
	}
	before := kilobytes(t, folder+"status", "VmRSS:")
	done()
	return (kilobytes(t, folder+"status", "VmHWM:") - before) << 10
}

func kilobytes(t *testing.T, file, name string) int {
	t.Helper()
	status, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, name); found {
			value, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("%s has no %s", file, name)
	return 0
}

// largeDownstream answers with what the path asks for.
func largeDownstream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch r.URL.Path {
	case "/large":
		_, _ = w.Write(bytes.Repeat([]byte("some text "), gateway.MaxAnswerBytes/10))
	case "/echo":
		_, _ = w.Write(bytes.Repeat([]byte(r.Header.Get("X-Key")+","), gateway.MaxAnswerBytes/31))
	case "/binary":
		_, _ = w.Write(bytes.Repeat([]byte{0xFF}, gateway.MaxAnswerBytes/4*3-1000))
	case "/fields":
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		_, err = io.WriteString(connection, "HTTP/1.1 200 OK\r\n")
		for i := 0; err == nil; i++ {
			_, err = fmt.Fprintf(connection, "x%d:\r\n", i)
		}
	case "/endless":
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 64<<10))
		}
	}
}

// A load is something large that is sent or asked for, and what must come of it.
type load struct {
	method, path string
	body         func() io.Reader
	fields       string
	status       int
}

// endlessRecord is a record that never ends, of a length that is not declared.
func endlessRecord() io.Reader {
	return io.MultiReader(strings.NewReader(`{"a": "`), io.LimitReader(neverending{}, 1<<40))
}

type neverending struct{}

// Read fills the buffer.
func (neverending) Read(into []byte) (int, error) {
	return copy(into, bytes.Repeat([]byte("x"), len(into))), nil
}

// largestRecord has 10 MB and a field to move.
func largestRecord() io.Reader {
	const head, tail = `{"moved": 1, "text": "`, `"}`
	return strings.NewReader(head + strings.Repeat("x", gateway.MaxRecordBytes-len(head)-len(tail)) + tail)
}

// manyMembers is a record of 10 MB with members as short as can be, nested or not.
func manyMembers(nested string) func() io.Reader {
	return func() io.Reader {
		record := []byte(`{"moved":1`)
		for i := 0; len(record) < gateway.MaxRecordBytes-20; i++ {
			if i%20_000 == 0 {
				record = append(record, nested...)
			}
			record = append(strconv.AppendInt(append(record, `,"m`...), int64(i), 36), `":1`...)
		}
		return bytes.NewReader(append(record, '}'))
	}
}

// longArray is a record of 10 MB with an array whose elements are as short as can be.
func longArray() io.Reader {
	return strings.NewReader(`{"` + longName() + `":[` + strings.Repeat("1,", gateway.MaxRecordBytes/2-2000) + `1]}`)
}

// longName is the name of a field that an array would repeat.
func longName() string { return strings.Repeat("n", 1000) }

// TestMemory sees that the largest answer, the largest record and attacks without
// end make the program grow by less than 32 MB.
func TestMemory(t *testing.T) {
	program := built(t)
	downstream := httptest.NewServer(http.HandlerFunc(largeDownstream))
	defer downstream.Close()
	t.Run("over HTTP", func(t *testing.T) { growOverHTTP(t, program, downstream.URL) })
	t.Run("in Lambda", func(t *testing.T) { growInLambda(t, program, downstream.URL) })
	t.Run("Secrets Manager without end", func(t *testing.T) { growForSecret(t, downstream.URL) })
}

func growOverHTTP(t *testing.T, program, downstream string) {
	nothing := func() io.Reader { return http.NoBody }
	for name, load := range map[string]load{
		"an answer of 6 MB":                             {"GET", "/large", nothing, "", 200},
		"an answer of 6 MB that holds only the key":     {"GET", "/echo", nothing, "", 200},
		"an answer without end":                         {"GET", "/endless", nothing, "", 502},
		"header fields of an answer without end":        {"GET", "/fields", nothing, "", 502},
		"a token without end":                           {"GET", "/token/endless", nothing, "", 502},
		"header fields of a token without end":          {"GET", "/token/fields", nothing, "", 502},
		"a record of 10 MB, sent on as it is":           {"POST", "/", largestRecord, "", 200},
		"a record of 10 MB, a field moved":              {"POST", "/", largestRecord, "moved", 200},
		"a record of 10 MB of many members":             {"POST", "/", manyMembers(""), "moved", 413},
		"a record of 10 MB of many members, nested":     {"POST", "/", manyMembers(`,"o":{"moved":1`), "moved", 413},
		"an array of 10 MB, moved under a long name":    {"POST", "/", longArray, longName(), 413},
		"a record without end":                          {"POST", "/", endlessRecord, "", 413},
		"a record without end, from which a field goes": {"POST", "/", endlessRecord, "a", 413},
	} {
		t.Run(name, func(t *testing.T) {
			port := fake.FreePort(t)
			command := exec.Command(program)
			command.Env = []string{"PORT=" + port, "KEYRELAY_CALLER_KEYS=none", "KEY=0123456789-the-key-of-the-test", "CLIENT=" + `{"client_id": "a", "client_secret": "b"}`,
				"KEYRELAY_DESTINATIONS=" + writeDocuments(t, keyedDocument(downstream), tokenDocument(downstream, "/endless"), tokenDocument(downstream, "/fields"))}
			awaitServing(t, command)
			relayed(port, downstream, "")
			grown := growth(t, command.Process.Pid, func() { load.carry(t, port, downstream) })
			t.Logf("%.1f MB", float64(grown)/(1<<20))
			if grown >= maxGrowth || strings.Contains(name, "without end") && grown >= maxGrowth/2 {
				t.Errorf("the program grew by %d bytes", grown)
			}
		})
	}
}

// tokenDocument is an API below /token whose token endpoint is at a path of the downstream.
func tokenDocument(downstream, path string) string {
	return openDocument(downstream+"/token"+path) + `
security: [{token: []}]
components: {securitySchemes: {token: {type: oauth2, flows: {clientCredentials: {tokenUrl: "` + downstream + path + `", scopes: {}}}, x-keyrelay-secret: "env:CLIENT"}}}
`
}

// carry makes the request.
func (l load) carry(t *testing.T, port, downstream string) {
	t.Helper()
	request, err := http.NewRequest(l.method, "http://127.0.0.1:"+port+"/", l.body())
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Osmos-Outbound-Url", downstream+l.path)
	request.Header.Set("X-Osmos-Query-Param-Fields", l.fields)
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != l.status {
		t.Errorf("got %s", answer.Status)
	}
}

// A runtimeAPI is the part of the Lambda Runtime API that a function needs,
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
type runtimeAPI struct {
	events  chan []byte
	answers chan []byte
}

// ServeHTTP hands out an event, or takes an answer in.
func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		a.answers <- body
		w.WriteHeader(http.StatusAccepted)
		return
	}
	select {
	case event := <-a.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
		_, _ = w.Write(event)
	case <-r.Context().Done():
	}
}

// growInLambda does the same in Lambda, where records and answers come in JSON.
func growInLambda(t *testing.T, program, downstream string) {
	for name, load := range map[string]load{
		"an answer of 6 MB":        {"GET", "/large", nil, "", 502},
		"a binary answer of 6 MB":  {"GET", "/binary", nil, "", 200},
		"an answer without end":    {"GET", "/endless", nil, "", 502},
		"an event of 6 MB":         {"POST", "/", nil, "", 200},
		"an event of 6 MB, moving": {"POST", "/", nil, "moved", 200},
	} {
		t.Run(name, func(t *testing.T) {
			run := startInLambda(t, program, nil, "KEY=0123456789-the-key-of-the-test", "KEYRELAY_DESTINATIONS="+writeDocuments(t, keyedDocument(downstream)))
			run.events <- load.event(t, downstream, 100)
			<-run.answers
			grown := growth(t, run.command.Process.Pid, func() {
				run.events <- load.event(t, downstream, 5<<20)
				if answer := <-run.answers; !bytes.Contains(answer, fmt.Appendf(nil, `"statusCode":%d`, load.status)) {
					t.Errorf("got %.300s", answer)
				}
			})
			mustGrowLittle(t, load, grown)
		})
	}
}

// mustGrowLittle holds what passes an answer to half of what anything may take.
func mustGrowLittle(t *testing.T, load load, grown int) {
	t.Helper()
	t.Logf("%.1f MB", float64(grown)/(1<<20))
	if grown >= maxGrowth || load.method == http.MethodGet && grown >= maxGrowth/2 {
		t.Errorf("the program grew by %d bytes", grown)
	}
}

// growForSecret does the same while Secrets Manager sends header fields without end.
func growForSecret(t *testing.T, downstream string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_, err := io.WriteString(connection, "HTTP/1.1 200 OK\r\n")
				for field := "X-Field: " + strings.Repeat("x", 4<<10) + "\r\n"; err == nil; {
					_, err = io.WriteString(connection, field)
				}
			}()
		}
	}()
	program, err := buildForLambda()
	if err != nil {
		t.Fatal(err)
	}
	keyed, _ := lambdaDocument(downstream, downstream, downstream)
	run := startInLambda(t, program, nil, append(awsEnvironment("http://"+listener.Addr().String()), "KEYRELAY_DESTINATIONS="+writeDocuments(t, keyed))...)
	_, _ = run.invoke(t, "http://127.0.0.1:1")
	grown := growth(t, run.command.Process.Pid, func() {
		if status, body := run.invoke(t, downstream); status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", status, body)
		}
	})
	mustGrowLittle(t, load{method: http.MethodGet}, grown)
}

// event is a REST event with a record of that size.
func (l load) event(t *testing.T, downstream string, size int) []byte {
	t.Helper()
	path, record := "/", `{"moved": 1, "text": "`+strings.Repeat("x", size)+`"}`
	if size > 100 {
		path = l.path
	}
	if l.method == http.MethodGet {
		record = ""
	}
	event, err := json.Marshal(map[string]any{
		"resource": "/", "path": "/", "httpMethod": l.method, "body": record,
		"multiValueHeaders": map[string][]string{"X-Osmos-Outbound-Url": {downstream + path}, "X-Osmos-Query-Param-Fields": {l.fields}},
		"requestContext":    map[string]any{"requestId": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}
