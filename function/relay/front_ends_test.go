package relay_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// wireDocument is an API that takes records in several ways.
const wireDocument = loopback + `servers: [{url: "http://$API/wire"}]
paths:
  /plain: {post: {}}
  /optional: {post: {parameters: [{name: tenant, in: query, schema: {type: string}}, {name: X-Region, in: header, schema: {type: string}}]}}
  /split: {post: {x-keyrelay-batch: split}}
  /shaped: {post: {x-keyrelay-body: {all: "{{{a?}}}"}}}
  /coded: {post: {parameters: [{name: Content-Encoding, in: header, schema: {enum: [gzip, br]}}]}}
`

// anyDocument takes records whatever their media type says.
const anyDocument = loopback + `servers: [{url: "http://$API/any"}]
x-keyrelay-record-type: any
`

func gzipped(text string) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, _ = io.WriteString(writer, text)
	_ = writer.Close()
	return out.Bytes()
}

func deflated(t *testing.T, text string, framed bool) []byte {
	t.Helper()
	var out bytes.Buffer
	bare, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	writer := io.WriteCloser(bare)
	if framed {
		writer = zlib.NewWriter(&out)
	}
	_, _ = io.WriteString(writer, text)
	_ = writer.Close()
	return out.Bytes()
}

// TestRecordsOnTheWire sends records as senders and gateways code and name them. What
// arrives is the request line, the media type and the coding, and the body; or the
// name of a problem, with something that its detail says.
func TestRecordsOnTheWire(t *testing.T) {
	s := newStage(t, wireDocument, anyDocument)
	const json, named, mark = "application/json", "X-Osmos-Query-Param-Fields", "\xef\xbb\xbf"
	tests := map[string]struct {
		path, mediaType, coding string
		body                    []byte
		fields                  string
		// plain says that the body comes in events as a text.
		plain bool
		want  string
	}{
		"gzip":                                     {"/wire/plain", json, "gzip", gzipped(`{"a":1,"b":2}`), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"gzip by its older name, in capitals":      {"/wire/plain", json, "X-GZIP", gzipped(`{"a":1,"b":2}`), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"gzip, nothing taken":                      {"/wire/plain", "text/csv", "gzip", gzipped("a,b"), "", false, `/wire/plain text/csv [] a,b`},
		"two members of gzip":                      {"/wire/plain", json, "gzip", append(gzipped(`{"a":1,`), gzipped(`"b":2}`)...), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"inflated already":                         {"/wire/plain", json, "gzip", []byte(`{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 application/json [] {"b":2}`},
		"inflated already, a batch":                {"/wire/split", json, "gzip", []byte(`[{"b":2}]`), "", true, `/wire/split application/json [] {"b":2}`},
		"gzip, and not JSON by its type":           {"/wire/plain", "text/plain", "gzip", gzipped(`{"a":1}`), "a", false, `record-not-json "text/plain"`},
		"gzip, cut off":                            {"/wire/plain", json, "gzip", gzipped(`{"a":1,"b":2}`)[:20], "a", false, `record-invalid cannot be inflated`},
		"gzip, with something behind":              {"/wire/plain", json, "gzip", append(gzipped(`{"a":1}`), "x"...), "a", false, `record-invalid cannot be inflated`},
		"more than 10 MB in gzip":                  {"/wire/plain", json, "gzip", gzipped(`{"a":"` + strings.Repeat("x", 10<<20) + `"}`), "a", false, `record-too-large 10 MB`},
		"endless in gzip":                          {"/wire/plain", json, "gzip", gzipped(strings.Repeat(" ", 100<<20)), "", false, `record-too-large 10 MB`},
		"deflate":                                  {"/wire/plain", json, "deflate", deflated(t, `{"a":1,"b":2}`, true), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"deflate without a frame":                  {"/wire/plain", json, "Deflate", deflated(t, `{"a":1,"b":2}`, false), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"deflate, nothing taken":                   {"/wire/plain", "text/csv", "deflate", deflated(t, "a,b", true), "", false, `/wire/plain text/csv [] a,b`},
		"deflate, undone already":                  {"/wire/plain", json, "deflate", []byte(`{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 application/json [] {"b":2}`},
		"deflate, cut off":                         {"/wire/plain", json, "deflate", []byte("x\x9c"), "a", false, `record-invalid is deflate, but cannot be inflated`},
		"deflate without a frame, cut off":         {"/wire/plain", json, "deflate", deflated(t, `{"a":1,"b":2}`, false)[:9], "", false, `record-invalid is deflate, but cannot be inflated`},
		"deflate, with something behind":           {"/wire/plain", json, "deflate", append(deflated(t, `{"a":1}`, true), 'x'), "", false, `record-invalid is deflate, but cannot be inflated`},
		"more than 10 MB in deflate":               {"/wire/plain", json, "deflate", deflated(t, strings.Repeat(" ", 11<<20), false), "", false, `record-too-large 10 MB`},
		"another method in deflate":                {"/wire/plain", "application/x-www-form-urlencoded", "deflate", deflated(t, "_method=DELETE", true), "", false, `record-invalid "_method"`},
		"nothing in deflate":                       {"/wire/plain", json, "deflate", deflated(t, "", true), "", false, "/wire/plain application/json [] "},
		"brotli":                                   {"/wire/plain", json, "br", []byte("\x8b\x00"), "a", false, `record-not-json coded as "br"`},
		"several codings":                          {"/wire/plain", json, "gzip, gzip", gzipped("{}"), "a", false, `record-not-json coded as "gzip, gzip"`},
		"brotli, nothing taken":                    {"/wire/plain", "text/csv", "br", []byte("\x8b\x00"), "", false, "/wire/plain text/csv [br] \x8b\x00"},
		"brotli of JSON, nothing taken":            {"/wire/plain", json, "br", []byte("\x8b\x00"), "", false, `record-not-json coded as "br"`},
		"brotli of JSON, no operations declared":   {"/any/x", json, "br", []byte("\x8b\x00"), "", false, "/any/x application/json [br] \x8b\x00"},
		"brotli of JSON, its coding declared":      {"/wire/coded", json, "br", []byte("\x8b\x00"), "", false, "/wire/coded application/json [br] \x8b\x00"},
		"gzip, identity":                           {"/wire/plain", json, "GZIP, identity", gzipped(`{"a":1,"b":2}`), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"nothing in gzip":                          {"/wire/plain", json, "gzip", gzipped(""), "", false, "/wire/plain application/json [] "},
		"the beginning of gzip, nothing taken":     {"/wire/plain", json, "gzip", []byte("\x1f\x8b"), "", false, `record-invalid cannot be inflated`},
		"zstd":                                     {"/wire/plain", json, "zstd", []byte("(\xb5/\xfd"), "a", false, `record-not-json coded as "zstd"`},
		"brotli, a batch declared":                 {"/wire/split", json, "br", []byte("\x8b\x00"), "", false, `record-not-json coded as "br"`},
		"deflate, a body declared":                 {"/wire/shaped", json, "deflate", deflated(t, `{"a":1}`, true), "", false, `/wire/shaped application/json [] {"all":1}`},
		"UTF-16 that says so":                      {"/wire/plain", "application/json; charset=utf-16", "", []byte("\xff\xfe{\x00}\x00"), "a?", false, `record-invalid not UTF-8`},
		"UTF-16, nothing taken":                    {"/any/x", "application/json; charset=utf-16", "", []byte("\xff\xfe{\x00}\x00"), "", false, "/any/x application/json; charset=utf-16 [] \xff\xfe{\x00}\x00"},
		"UTF-16, operations declared":              {"/wire/plain", "application/json; charset=utf-16", "", []byte("\xff\xfe{\x00}\x00"), "", false, `record-not-json not written in UTF-8`},
		"ISO-8859-1 that says so":                  {"/wire/plain", "application/json; charset=iso-8859-1", "", []byte("{\"a\":\"\xe9\"}"), "a", false, `record-invalid not UTF-8`},
		"text/json":                                {"/wire/plain", "text/json", "", []byte(`{"a":1}`), "a", true, `record-not-json "text/json"`},
		"lines of JSON":                            {"/wire/plain", "application/x-ndjson", "", []byte("{\"a\":1}\n{\"a\":2}"), "a", true, `record-not-json "application/x-ndjson"`},
		"lines of JSON, a batch declared":          {"/wire/split", "application/x-ndjson", "", []byte("{\"a\":1}\n{\"a\":2}"), "", true, `record-not-json "application/x-ndjson"`},
		"parts, optional parameters declared":      {"/wire/optional", "multipart/form-data; boundary=x", "", []byte("--x--"), "", true, `record-not-json "multipart/form-data; boundary=x"`},
		"JSON in capitals, and an empty parameter": {"/wire/plain", "APPLICATION/JSON;", "", []byte(`{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 APPLICATION/JSON; [] {"b":2}`},
		"JSON in all but name":                     {"/wire/plain", "json", "", []byte(`{"a":1}`), "a", true, `record-not-json "json"`},
		"no coding, by name":                       {"/wire/plain", json, "identity", []byte(`{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 application/json [identity] {"b":2}`},
		"a charset for a coding":                   {"/wire/plain", json, "UTF-8", []byte(`{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 application/json [UTF-8] {"b":2}`},
		"no coding but gzip":                       {"/wire/plain", json, "none, gzip", gzipped(`{"a":1,"b":2}`), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"another method in a charset":              {"/wire/plain", "application/x-www-form-urlencoded", "utf-8", []byte("_method=DELETE"), "", true, `record-invalid "_method"`},
		"a byte order mark":                        {"/wire/plain", json, "", []byte(mark + `{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 application/json [] {"b":2}`},
		"a byte order mark in gzip":                {"/wire/plain", json, "gzip", gzipped(mark + `{"a":1,"b":2}`), "a", false, `/wire/plain?a=1 application/json [] {"b":2}`},
		"a byte order mark before a batch":         {"/wire/split", json, "", []byte(mark + `[{"b":2}]`), "", true, `/wire/split application/json [] {"b":2}`},
		"UTF-16":                                   {"/wire/plain", json, "", []byte("\xff\xfe{\x00}\x00"), "a", false, `record-invalid not UTF-8`},
		"a text, nothing taken":                    {"/wire/plain", "text/plain", "", []byte(`{"a":1}`), "", true, `/wire/plain text/plain [] {"a":1}`},
		"a text, a field named":                    {"/wire/plain", "text/plain; charset=UTF-8", "", []byte(`{"a":1}`), "a", true, `record-not-json "text/plain; charset=UTF-8"`},
		"a text, an optional field named":          {"/wire/plain", "text/plain", "", []byte(`{"a":1}`), "a?", true, `record-not-json "text/plain"`},
		"a text, optional parameters declared":     {"/wire/optional", "text/plain; charset=UTF-8", "", []byte(`{"tenant":"n","X-Region":"eu","b":1}`), "", true, `record-not-json x-keyrelay-record-type`},
		"a text, a batch declared":                 {"/wire/split", "text/plain", "", []byte(`[{"a":1}]`), "", true, `record-not-json "text/plain"`},
		"a text, a body declared":                  {"/wire/shaped", "text/plain", "", []byte(`{"a":1}`), "", true, `record-not-json "text/plain"`},
		"a form, optional parameters declared":     {"/wire/optional", "application/x-www-form-urlencoded", "", []byte(`tenant=n`), "", true, `record-not-json "application/x-www-form-urlencoded"`},
		"JSON by its type's ending":                {"/wire/optional", "application/cloudevents+json; charset=utf-8", "", []byte(`{"tenant":"n","b":1}`), "", true, `/wire/optional?tenant=n application/cloudevents+json; charset=utf-8 [] {"b":1}`},
		"no type":                                  {"/wire/optional", "", "", []byte(`{"tenant":"n","b":1}`), "", true, `/wire/optional?tenant=n application/json [] {"b":1}`},
		"an empty type":                            {"/wire/plain", " ", "", []byte(`{"a":1,"b":2}`), "a", true, `/wire/plain?a=1 application/json [] {"b":2}`},
		"nothing, that says gzip":                  {"/wire/plain", json, "gzip", nil, "", false, "/wire/plain application/json [] "},
		"types joined by a gateway":                {"/wire/plain", "application/json,application/json", "", []byte(`{"a":1}`), "a", true, `record-not-json "application/json,application/json"`},
		"any type":                                 {"/any/x", "text/plain; charset=UTF-8", "", []byte(`{"a":1,"b":2}`), "a", true, `/any/x?a=1 application/json [] {"b":2}`},
		"any type, nothing taken":                  {"/any/x", "text/plain", "", []byte(`hello`), "", true, `/any/x text/plain [] hello`},
		"any type, but not JSON":                   {"/any/x", "text/plain", "", []byte(`hello`), "a", true, `record-invalid not valid JSON`},
		"any type, in gzip, with a mark before":    {"/any/x", "text/plain", "gzip", gzipped(mark + `{"a":1,"b":2}`), "a", false, `/any/x?a=1 application/json [] {"b":2}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := s.raw(test.path, string(test.body), "Content-Md5", "of-what-was-sent")
			for name, value := range map[string]string{"Content-Type": test.mediaType, "Content-Encoding": test.coding, named: test.fields} {
				if value != "" {
					request.fields = append(request.fields, [2]string{name, value})
				}
			}
			for frontEnd, got := range s.throughAll(request, test.plain) {
				if said := got.problem + " " + got.detail; got.problem != "" && !matches(said, test.want) || got.problem == "" && !strings.HasPrefix(test.want, "/") {
					t.Errorf("%s: got %d %s", frontEnd, got.status, got.body)
				}
			}
			arrived := s.api.Take()
			if wanted := strings.HasPrefix(test.want, "/"); wanted && len(arrived) != 5 || !wanted && len(arrived) != 0 {
				t.Errorf("%d requests arrived", len(arrived))
			}
			for _, each := range arrived {
				if got := fmt.Sprintf("%s %s %s %s", each.URI, each.Header.Get("Content-Type"), each.Header["Content-Encoding"], each.Body); got != test.want {
					t.Errorf("got %.200q, want %q", got, test.want)
				}
				if sums := each.Header["Content-Md5"]; sums != nil && string(each.Body) != string(test.body) {
					t.Error("what says Content-MD5 of the bytes that were sent is forwarded with others")
				}
			}
		})
	}
}

// TestNamesOnTheWire names fields as senders do: what arrives is the request line and
// the body, or the name of a problem with something that its detail says.
func TestNamesOnTheWire(t *testing.T) {
	s := newStage(t, wireDocument)
	tests := map[string]struct{ url, fields, body, want string }{
		"a comma":                           {"/wire/plain", `"a,b", c`, `{"a,b":1,"c":2}`, `/wire/plain?a%2Cb=1&c=2 {}`},
		"quotes":                            {"/wire/plain", `"a\"b"?,c"d`, `{"a\"b":1,"c\"d":2}`, `/wire/plain?a%22b=1&c%22d=2 {}`},
		"a question mark of its own":        {"/wire/plain", `a?,"b?"`, `{"a?":1,"a":2,"b?":3}`, `/wire/plain?a%3F=1&b%3F=3 {"a":2}`},
		"one that may be absent":            {"/wire/plain", `a?,b?`, `{"b":3}`, `/wire/plain?b=3 {}`},
		"UTF-8":                             {"/wire/plain", "naïve", `{"naïve":1}`, `/wire/plain?na%C3%AFve=1 {}`},
		"UTF-8 that was read as ISO-8859-1": {"/wire/plain", "naÃ¯ve", `{"naïve":1}`, `/wire/plain?na%C3%AFve=1 {}`},
		"a quote that is not closed":        {"/wire/plain", `"a`, `{"a":1}`, `header-invalid not closed`},
		"an expression in the query":        {"/wire/plain?id={id}", "", `{"id":1}`, `outbound-url-invalid X-Osmos-Query-Param-Fields`},
		"white space within quotes":         {"/wire/plain", `" a "`, `{" a ":1}`, `/wire/plain?%20a%20=1 {}`},
		"nothing within quotes":             {"/wire/plain", `"",a`, `{"":0,"a":1}`, `/wire/plain?a=1 {"":0}`},
		"a question mark alone":             {"/wire/plain", `"?"`, `{"?":1}`, `/wire/plain?%3F=1 {}`},
		"something behind quotes":           {"/wire/plain", `"a"b`, `{"a":1}`, `header-invalid `},
		"composed, and decomposed":          {"/wire/plain", "cafe\u0301?", `{"caf\u00e9":1}`, `/wire/plain {"caf\u00e9":1}`},
		"a bare question mark":              {"/wire/plain?", "", `{"id":1}`, `/wire/plain? {"id":1}`},
		"one before fields":                 {"/wire/plain?", "id", `{"id":1}`, `/wire/plain?id=1 {}`},
	}
	for name, test := range tests {
		request := s.raw(test.url, test.body, "Content-Type", "application/json")
		if test.fields != "" {
			request.fields = append(request.fields, [2]string{"X-Osmos-Query-Param-Fields", test.fields})
		}
		for frontEnd, got := range s.throughAll(request, true) {
			if arrives := strings.HasPrefix(test.want, "/"); arrives != (got.problem == "") || !arrives && !matches(got.problem+" "+got.detail, test.want) {
				t.Errorf("%s, %s: got %d %s", name, frontEnd, got.status, got.body)
			}
		}
		for _, each := range s.api.Take() {
			if got := each.URI + " " + string(each.Body); got != test.want {
				t.Errorf("%s: got %s, want %s", name, got, test.want)
			}
		}
	}
	if got := s.overHTTP(s.raw("/wire/plain", `{"naïve":1}`, "X-Osmos-Query-Param-Fields", "na\xefve")); got.problem != "" || s.api.Take()[0].URI != "/wire/plain?na%C3%AFve=1" {
		t.Errorf("bytes of ISO-8859-1: got %d %s", got.status, got.body)
	}
}

// matches reports whether a problem and its detail hold the problem's name and the text that are wanted.
func matches(said, want string) bool {
	name, text, _ := strings.Cut(want, " ")
	return strings.HasPrefix(said, name+" ") && strings.Contains(said, text)
}

// TestRefusalsThatHelp sees that a refusal quotes what came, through every front end.
func TestRefusalsThatHelp(t *testing.T) {
	s := newStage(t, wireDocument)
	address := "http://" + s.api.host + "/wire/plain"
	const header = "X-Osmos-Outbound-Url"
	tests := map[string]struct {
		fields [][2]string
		want   string
	}{
		"a misspelt directive":          {[][2]string{{header, address}, {"X-Relay-Dryrun", "true"}}, `header-invalid "X-Relay-Dryrun". The nearest one that it knows is X-Relay-Dry-Run.`},
		"one in small letters":          {[][2]string{{header, address}, {"x-osmos-query-params-fields", "a"}}, `header-invalid nearest one that it knows is X-Osmos-Query-Param-Fields.`},
		"one of another product":        {[][2]string{{header, address}, {"X-Osmos-Job", "7"}}, `header-invalid "X-Osmos-Job"`},
		"one with underscores":          {[][2]string{{header, address}, {"X_Relay_Dry_Run", "true"}}, `header-invalid nearest one that it knows is X-Relay-Dry-Run.`},
		"two URLs":                      {[][2]string{{header, address}, {header, address}}, `outbound-url-invalid came more than once, as "` + address + `,`},
		"a plural":                      {[][2]string{{header, address}, {"X-Relay-Headers-Fields", "a"}}, `header-invalid nearest one that it knows is X-Relay-Header-Fields.`},
		"the URL's name, misspelt":      {[][2]string{{header, address}, {"X-Osmos-Outbound-Uri", address}}, `header-invalid nearest one that it knows is X-Osmos-Outbound-Url.`},
		"two URLs joined by a gateway":  {[][2]string{{header, address + "," + address}}, `outbound-url-invalid ` + address + `,` + address},
		"a dry run said twice":          {[][2]string{{header, address}, {"X-Relay-Dry-Run", "true"}, {"X-Relay-Dry-Run", "false"}}, `header-invalid X-Relay-Dry-Run`},
		"a dry run, neither yes nor no": {[][2]string{{header, address}, {"X-Relay-Dry-Run", "1"}}, `header-invalid came as "1"`},
	}
	for name, test := range tests {
		for frontEnd, got := range s.throughAll(wireRequest{fields: test.fields, body: []byte("{}")}, true) {
			if !matches(got.problem+" "+got.detail, test.want) {
				t.Errorf("%s, %s: got %d %s", name, frontEnd, got.status, got.body)
			}
		}
	}
	if arrived := s.api.Take(); len(arrived) > 0 {
		t.Errorf("%d refused requests were sent", len(arrived))
	}
}

// TestRequestsThatNetHTTPRefuses sees that these are answered as problems, with
// net/http's own status, and logged.
func TestRequestsThatNetHTTPRefuses(t *testing.T) {
	s := newStage(t, wireDocument)
	address := serving(t, s.handler)
	const start = "POST / HTTP/1.1\r\nHost: relay\r\n"
	for name, test := range map[string]struct {
		text, detail string
		status       int
	}{
		"a control character":         {start + "X-C: a\x01b\r\n\r\n", "control characters", 400},
		"a name with a space":         {start + "X C: a\r\n\r\n", "control characters", 400},
		"a header of 2 MB":            {start + "X-Big: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", "longer than 32 KB", 431},
		"a header of many fields":     {start + manyFields(501) + "\r\n", "more than 500 fields", 431},
		"many fields of one name":     {start + strings.Repeat("A:\r\n", 501) + "\r\n", "more than 500 fields", 431},
		"an expectation":              {start + "Expect: 200-ok\r\n\r\n", "Expect", 417},
		"no host":                     {"POST / HTTP/1.1\r\n\r\n", "missing required Host header", 400},
		"two lengths":                 {start + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "contradict", 400},
		"an unknown transfer coding":  {start + "Transfer-Encoding: gzip\r\n\r\n", "transfer", 501},
		"an unknown protocol version": {"POST / HTTP/3.0\r\nHost: relay\r\n\r\n", "unsupported protocol version", 505},
		"TLS":                         {"\x16\x03\x01\x00\xa5\x01\n\r\n\r\n", "https:// where this port speaks http://", 400},
		"no HTTP":                     {"SSH-2.0-OpenSSH_9.9\r\n\r\n", "not HTTP", 400},
	} {
		got := exchange(t, address, test.text)
		if got.problem != "header-invalid" || got.status != test.status || !strings.Contains(strings.ToLower(got.detail), strings.ToLower(test.detail)) ||
			!strings.Contains(string(got.body), fmt.Sprintf(`"status":%d`, test.status)) || got.header.Get("Proxy-Status") != "keyrelay; error=http_request_error" {
			t.Errorf("%s: got %d %v %s", name, got.status, got.header, got.body)
		}
	}
	lines := strings.Count(s.log.String(), `"problem":"header-invalid"`)
	if addresses := strings.Count(s.log.String(), `"address":"127.0.0.1"`); lines != 12 || addresses != lines {
		t.Errorf("the log has %d of 12 entries, %d with an address: %s", lines, addresses, s.log.String())
	}
}

// TestRefusedBehindAnotherRequest sees that this is so too for what came together with the
// request before it (RFC 9112 section 9.3.2).
func TestRefusedBehindAnotherRequest(t *testing.T) {
	s := newStage(t, wireDocument)
	connection, err := net.Dial("tcp", serving(t, s.handler))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, strings.Repeat("GET / HTTP/1.1\r\nHost: relay\r\n\r\n", 3)+"no HTTP\r\n\r\n")
	answers := bufio.NewReader(connection)
	for _, want := range []string{"outbound-url-missing", "outbound-url-missing", "outbound-url-missing", "header-invalid"} {
		got, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(got.Body)
		if answer := newAnswer(got.StatusCode, got.Header, body); answer.problem != want {
			t.Errorf("got %d %v %s, want %s", answer.status, answer.header, body, want)
		}
	}
}

// manyFields are fields of different names.
func manyFields(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "X-%d: a\r\n", i)
	}
	return text.String()
}

// TestAnswersOfAnAPIAreItsOwn sees that an answer of the API is not taken for one of net/http's own.
func TestAnswersOfAnAPIAreItsOwn(t *testing.T) {
	s := newStage(t, wireDocument)
	for _, status := range []int{400, 417, 431, 505} {
		s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Connection", "close")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "%d %s", status, http.StatusText(status))
		})
		request := s.raw("/wire/plain", "")
		answers := s.throughAll(request, true)
		for _, frontEnd := range slices.Sorted(maps.Keys(answers)) {
			if got := answers[frontEnd]; got.problem != "" || got.status != status || string(got.body) != fmt.Sprintf("%d %s", status, http.StatusText(status)) {
				t.Errorf("%s: got %d %s", frontEnd, got.status, got.body)
			}
		}
	}
}

// TestAnswerHeaderNames sees that a name that no gateway carries is a broken answer at every front end.
func TestAnswerHeaderNames(t *testing.T) {
	s := newStage(t, wireDocument)
	for _, line := range []string{"X Bad: 1", ": 1", "X(Bad): 1", "X\x01: 1", " X-Folded: 1", "X-Value: a\x00b"} {
		s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
			closing("HTTP/1.1 200 OK\r\n"+line+"\r\nContent-Length: 2\r\n\r\n{}")(w, nil)
		})
		request := s.raw("/wire/plain", "")
		for frontEnd, got := range s.throughAll(request, true) {
			if got.problem != "downstream-answer-broken" {
				t.Errorf("%q, %s: got %d %v %s", line, frontEnd, got.status, got.header, got.body)
			}
		}
	}
}

// TestAdviceOnTime sees that more time is advised only where there is some.
func TestAdviceOnTime(t *testing.T) {
	s := newStage(t, strings.Replace(wireDocument, "/plain: {post: {}}", "/plain: {post: {}}\n  /short: {post: {x-keyrelay-timeout: 1}}", 1))
	s.api.answerWith(hang)
	for path, test := range map[string]struct {
		time time.Duration
		want string
	}{
		"/short": {time.Minute, "28 seconds at most, with x-keyrelay-timeout"},
		"/plain": {600 * time.Millisecond, "a longer x-keyrelay-timeout does not help"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), test.time)
		got := s.send(ctx, s.post("/wire"+path, ""))
		cancel()
		if got.problem != "downstream-timeout" || !strings.Contains(got.detail, test.want) {
			t.Errorf("%s: got %d %s", path, got.status, got.body)
		}
	}
}
