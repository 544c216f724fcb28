package relay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"keyrelay/function/fake"
)

// lines are the cases of a file in testdata/hostile, and those of further test data
// beside the project's folder that a pattern matches, where there are any.
func lines(t *testing.T, name, pattern string) []string {
	t.Helper()
	var all []string
	for _, file := range append([]string{filepath.Join("../testdata/hostile", name)}, corpus(t, pattern)...) {
		for line := range strings.Lines(string(read(t, file))) {
			if !strings.HasPrefix(line, "# ") {
				all = append(all, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return all
}

// corpus lists the files of the further test data that a pattern matches.
func corpus(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../../shared/corpus", pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// hostileURLs lists hostile URLs, and each of them again with the port at which a
// canary listens on this machine.
func hostileURLs(t *testing.T, port string) []string {
	hostile := lines(t, "urls.txt", "ssrf/*.txt")
	var hosts []string
	for _, file := range corpus(t, "ssrf/safeurl_blocked_hosts.json") {
		if err := json.Unmarshal(read(t, file), &hosts); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range corpus(t, "ssrf/smokescreen_ip_classes.json") {
		var classes []struct{ IP string }
		if err := json.Unmarshal(read(t, file), &classes); err != nil {
			t.Fatal(err)
		}
		for _, class := range classes {
			hosts = append(hosts, class.IP, "["+class.IP+"]")
		}
	}
	for _, host := range hosts {
		hostile = append(hostile, "http://"+host, "https://"+host+"/")
	}
	anyPort := regexp.MustCompile(`:(80|443|22|25|8080)\b`)
	for _, each := range hostile {
		if moved := anyPort.ReplaceAllString(each, ":"+port); moved != each {
			hostile = append(hostile, moved)
		}
	}
	return append(hostile, "http://127.0.0.1:"+port, "http://localhost:"+port+"/v2", "http://[::ffff:127.0.0.1]:"+port+"/v2/orders",
		"http://2130706433:"+port+"/v2", "http://0:"+port+"/v2", "//127.0.0.1:"+port+"/v2", "http:127.0.0.1:"+port)
}

// TestHostileURLs sends each hostile URL through the whole relay: it is refused,
// the canary sees no connection, and no secret is read.
func TestHostileURLs(t *testing.T) {
	canary := newAPI(t)
	_, port, _ := strings.Cut(canary.host, ":")
	s := newStage(t, managedDocument, publicOrders)
	for _, hostile := range hostileURLs(t, port) {
		got := s.send(t.Context(), sent{method: "POST", url: hostile, body: []byte(`{"a":1}`)})
		if got.problem == "" || got.status >= 500 {
			t.Errorf("%q: %d %s", hostile, got.status, got.body)
		}
	}
	if opened, reads := canary.opened.Load()+s.api.opened.Load(), s.secrets.TakeCalls(); opened != 0 || reads != 0 {
		t.Errorf("%d connections were seen and %d secrets read", opened, reads)
	}
}

const publicOrders = `
openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: "https://api.example.com/v2"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: http, scheme: bearer}}}
`

// TestHostilePaths puts what is hostile behind a declared server: it is refused, or
// it stays below that server.
func TestHostilePaths(t *testing.T) {
	s := newStage(t, managedDocument)
	server := "http://" + s.api.host + "/v2"
	admitted := 0
	for _, hostile := range hostileURLs(t, "1") {
		for _, joint := range []string{"", "/"} {
			call := sent{method: "POST", url: server + joint + hostile, header: map[string]string{"X-Relay-Dry-Run": "true"}}
			got := s.send(t.Context(), call)
			if got.problem != "" {
				continue
			}
			admitted++
			var shown struct{ URL string }
			if err := json.Unmarshal(got.body, &shown); err != nil {
				t.Fatal(err)
			}
			target, err := url.Parse(shown.URL)
			if err != nil || target.Host != s.api.host || target.Path != "/v2" && !strings.HasPrefix(target.Path, "/v2/") || strings.Contains(target.Path, "/../") {
				t.Errorf("%q leads to %q", call.url, shown.URL)
			}
		}
	}
	if admitted == 0 || s.api.opened.Load() != 0 || s.secrets.TakeCalls() != 0 {
		t.Errorf("%d were admitted, with %d connections and %d reads", admitted, s.api.opened.Load(), s.secrets.TakeCalls())
	}
}

// moved sends a record from which the field k moves to the query.
func (s *stage) moved(record []byte) (answer, []fake.Request) {
	s.t.Helper()
	got := s.send(s.t.Context(), s.post("/v2/orders", string(record), "X-Osmos-Query-Param-Fields", "k"))
	return got, s.api.Take()
}

// jsonTexts are texts by names that begin with y_ for what is JSON, n_ for what is
// not, and i_ for what may be read or refused.
func jsonTexts(t *testing.T) map[string][]byte {
	t.Helper()
	texts := make(map[string][]byte)
	for _, line := range lines(t, "json.txt", "none") {
		name, quoted, _ := strings.Cut(line, " ")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		texts[name] = []byte(text)
	}
	for _, file := range corpus(t, "json/JSONTestSuite/test_*/*.json") {
		texts[filepath.Base(file)] = read(t, file)
	}
	return texts
}

// TestJSONTexts sends each text as a record's value. What is JSON arrives byte for
// byte, what is not is refused and nothing arrives, and of what may be read either
// happens. A name that occurs twice is JSON by the letter, but no record.
func TestJSONTexts(t *testing.T) {
	s := newStage(t, managedDocument)
	for name, text := range jsonTexts(t) {
		got, arrived := s.moved(fmt.Appendf(nil, `{"a":1,"k":"v","value":%s}`, text))
		relayed := got.status == http.StatusOK && len(arrived) == 1 && arrived[0].URI == "/v2/orders?k=v" &&
			bytes.Equal(arrived[0].Body, fmt.Appendf(nil, `{"a":1,"value":%s}`, text))
		refused := got.problem == "record-invalid" && len(arrived) == 0
		twice := strings.Contains(name, "duplicate")
		switch {
		case strings.HasPrefix(name, "y_") && !twice && !relayed, strings.HasPrefix(name, "n_") && !refused, !relayed && !refused:
			t.Errorf("%s: %d %s, and %d requests arrived", name, got.status, got.body, len(arrived))
		}
	}
}

// TestInvalidRecords sends what is no JSON as the whole record.
func TestInvalidRecords(t *testing.T) {
	s := newStage(t, managedDocument)
	for name, text := range jsonTexts(t) {
		if !strings.HasPrefix(name, "n_") {
			continue
		}
		got, arrived := s.moved(text)
		if missing := got.problem == "field-missing" && len(text) == 0; got.problem != "record-invalid" && got.problem != "batch-not-declared" && !missing || len(arrived) != 0 {
			t.Errorf("%s: %d %s, and %d requests arrived", name, got.status, got.body, len(arrived))
		}
	}
	if reads := s.secrets.TakeCalls(); reads != 0 {
		t.Errorf("%d secrets were read", reads)
	}
}

// TestHeaderNames sends each header name that attackers try: what the relay must not
// forward never arrives, and of the rest most does. Package plan says which exactly.
func TestHeaderNames(t *testing.T) {
	s := newStage(t, managedDocument)
	withheld := regexp.MustCompile(`^(x[-_]osmos[-_].*|x[-_]relay[-_].*|x[-_]forwarded[-_].*|x[-_]amz.*|cloudfront[-_].*|` +
		`connection|keep[-_]alive|proxy[-_]connection|te|trailer|transfer[-_]encoding|upgrade|http2[-_]settings|` +
		`proxy[-_]authenticate|proxy[-_]authorization|proxy[-_]authentication[-_]info|content[-_]length|expect|` +
		`host|accept[-_]encoding|authorization|cookie|x[-_]api[-_]key|x[-_]partner[-_]key|forwarded|x[-_]real[-_]ip)$`)
	ownPrefix := regexp.MustCompile(`^(?i)x[-_](osmos|relay)[-_]`)
	names, forwarded := lines(t, "header-names.txt", "headers/*lowercase_headers.txt"), 0
	for _, name := range names {
		got := s.send(t.Context(), s.get("/v2/orders", name, "tried"))
		arrived := s.api.Take()
		if got.problem == "header-invalid" && len(arrived) == 0 && strings.ContainsAny(name, " :/()<>@,;\\\"[]?={}") {
			continue
		}
		if ownPrefix.MatchString(name) && got.problem == "header-invalid" && len(arrived) == 0 {
			continue
		}
		if len(arrived) != 1 {
			t.Errorf("%q: %d %s", name, got.status, got.body)
			continue
		}
		came := arrived[0].Header.Get(name) == "tried"
		if came && withheld.MatchString(strings.ToLower(name)) {
			t.Errorf("%q is forwarded", name)
		}
		if came {
			forwarded++
		}
	}
	if forwarded < len(names)/3 {
		t.Errorf("%d of %d are forwarded", forwarded, len(names))
	}
}

// TestLineBreaks tries to break out of a URL, a path value, a query value and a
// header value. Whatever arrives is one request that holds the value as data.
func TestLineBreaks(t *testing.T) {
	s := newStage(t, managedDocument)
	server := "http://" + s.api.host + "/v2/"
	for _, attempt := range lines(t, "line-breaks.txt", "headers/*crlf*.txt") {
		decoded, err := url.PathUnescape(attempt)
		if err != nil {
			decoded = attempt
		}
		for _, value := range []string{attempt, decoded} {
			record, _ := json.Marshal(map[string]string{"v": value, "kept": value})
			for _, call := range []sent{
				{method: "POST", url: server + value},
				{method: "POST", url: server + "?q=" + value},
				{method: "POST", url: server + "{v}", body: record},
				{method: "POST", url: server, body: record, header: map[string]string{"X-Osmos-Query-Param-Fields": "v"}},
				{method: "POST", url: server, body: record, header: map[string]string{"X-Relay-Header-Fields": "v=X-Value"}},
			} {
				s.send(t.Context(), call)
				mustBeData(t, call, value, s.api.Take())
			}
		}
	}
}

func mustBeData(t *testing.T, call sent, value string, arrived []fake.Request) {
	t.Helper()
	if len(arrived) > 1 {
		t.Errorf("%q became %d requests", value, len(arrived))
	}
	for _, request := range arrived {
		for _, injected := range []string{"Set-Cookie", "Location", "X-Xss-Protection", "Last-Modified"} {
			if _, found := request.Header[injected]; found {
				t.Errorf("%q brought a header in: %v", value, request.Header)
			}
		}
		if call.body == nil || value == "" {
			continue
		}
		target, err := url.ParseRequestURI(request.URI)
		if err != nil {
			t.Errorf("%q became the URI %q", value, request.URI)
		} else if target.Path != "/v2/"+value && target.Query().Get("v") != value && request.Header.Get("X-Value") != value {
			t.Errorf("%q arrived as %q %v", value, request.URI, request.Header)
		}
	}
}

// TestEvents gives events of many kinds to the whole function, whole, cut off
// anywhere, and with each byte changed: it answers each with an envelope that API
// Gateway takes, and never with a Go error.
func TestEvents(t *testing.T) {
	s := newStage(t, managedDocument)
	give := func(file string, event []byte) answer {
		encoded := s.invoke(t.Context(), event)
		if bytes.HasPrefix(encoded, []byte(`{"batchItemFailures":[{`)) {
			return answer{status: 400, problem: "the messages of a queue all come again"}
		}
		return readAnswer(t, encoded)
	}
	files := corpus(t, "events/*/*.json")
	for _, pattern := range []string{"../../events/*.json", "../testdata/hostile/events/*.json"} {
		own, err := filepath.Glob(pattern)
		if err != nil || len(own) == 0 {
			t.Fatal("there are no events", pattern, err)
		}
		files = append(files, own...)
	}
	for _, file := range files {
		event := read(t, file)
		for _, whole := range [][]byte{event, []byte("null"), []byte("[]"), nil, bytes.Repeat([]byte("["), 1<<16)} {
			if got := give(file, whole); got.problem == "" || got.status >= 500 {
				t.Errorf("%s: %d %s", file, got.status, got.body)
			}
		}
		for at := 0; at < len(event); at += 1 + len(event)/20 {
			give(file, event[:at])
			give(file, bytes.Replace(event, event[at:at+1], []byte{event[at] ^ 1}, 1))
		}
	}
	if opened, reads := s.api.opened.Load(), s.secrets.TakeCalls(); opened != 0 || reads != 0 {
		t.Errorf("%d connections were seen and %d secrets read", opened, reads)
	}
	checkLog(t, s.log.String())
}
