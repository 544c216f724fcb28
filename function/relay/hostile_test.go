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
	"strings"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/hostile"
)

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
	urls := hostile.Lines(t, "urls.txt", "ssrf/*.txt")
	var hosts []string
	for _, text := range hostile.Files(t, "ssrf/safeurl_blocked_hosts.json") {
		if err := json.Unmarshal(text, &hosts); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range hostile.Files(t, "ssrf/smokescreen_ip_classes.json") {
		var classes []struct{ IP string }
		if err := json.Unmarshal(text, &classes); err != nil {
			t.Fatal(err)
		}
		for _, class := range classes {
			hosts = append(hosts, class.IP, "["+class.IP+"]")
		}
	}
	for _, host := range hosts {
		urls = append(urls, "http://"+host, "https://"+host+"/")
	}
	anyPort := regexp.MustCompile(`:(80|443|22|25|8080)\b`)
	for _, each := range urls {
		if moved := anyPort.ReplaceAllString(each, ":"+port); moved != each {
			urls = append(urls, moved)
		}
	}
	return append(urls, "http://127.0.0.1:"+port, "http://localhost:"+port+"/v2", "http://[::ffff:127.0.0.1]:"+port+"/v2/orders",
		"http://2130706433:"+port+"/v2", "http://0:"+port+"/v2", "//127.0.0.1:"+port+"/v2", "http:127.0.0.1:"+port)
}

// TestHostileURLs sends each hostile URL through the whole relay: it is refused,
// the canary sees no connection, and no secret is read.
func TestHostileURLs(t *testing.T) {
	canary := newAPI(t)
	_, port, _ := strings.Cut(canary.host, ":")
	s := newStage(t, managedDocument, publicOrders)
	for _, outbound := range hostileURLs(t, port) {
		got := s.send(t.Context(), sent{method: "POST", url: outbound, body: []byte(`{"a":1}`)})
		if got.problem == "" || got.status >= 500 {
			t.Errorf("%q: %d %s", outbound, got.status, got.body)
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
	for _, outbound := range hostileURLs(t, "1") {
		for _, joint := range []string{"", "/"} {
			call := sent{method: "POST", url: server + joint + outbound, header: map[string]string{"X-Relay-Dry-Run": "true"}}
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

// TestJSONTexts sends each text as a record's value. What is JSON arrives byte for
// byte, what is not is refused and nothing arrives, and of what may be read either
// happens. A name that occurs twice is JSON by the letter, but no record.
func TestJSONTexts(t *testing.T) {
	s := newStage(t, managedDocument)
	for name, text := range hostile.JSON(t) {
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
	for name, text := range hostile.JSON(t) {
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
	names, forwarded := hostile.Lines(t, "header-names.txt", "headers/*lowercase_headers.txt"), 0
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
	for _, attempt := range hostile.Lines(t, "line-breaks.txt", "headers/*crlf*.txt") {
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
	events := hostile.Events(t)
	samples, err := filepath.Glob("../../events/*.json")
	if err != nil || len(samples) == 0 {
		t.Fatal("there are no samples", err)
	}
	for _, file := range samples {
		events[file] = read(t, file)
	}
	for file, event := range events {
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
