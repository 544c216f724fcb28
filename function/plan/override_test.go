package plan_test

import (
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// names reads a file of names; lines with # are comments.
func names(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			names = append(names, strings.Fields(line)...)
		}
	}
	return names
}

// declaring writes a document whose one operation declares parameters, or says nothing.
func declaring(t *testing.T, in string, parameters ...string) *destination.Set {
	t.Helper()
	document := "openapi: 3.1.0\ninfo: {title: Declaring, version: \"1\"}\nservers: [{url: \"https://declaring.example.com\"}]\npaths:\n  /a/b:\n    post:\n      parameters:\n"
	for _, name := range parameters {
		document += "        - {name: " + quoteJSON(name) + ", in: " + in + ", schema: {type: string}}\n"
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "declaring.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return load(t, folder)
}

// sends reports whether a header field reaches the destination, as the caller's own
// and as one made from the record.
func sends(t *testing.T, set *destination.Set, name string) (own, moved bool) {
	t.Helper()
	field := textproto.CanonicalMIMEHeaderKey(name)
	request := &gateway.Request{Method: "POST", Header: http.Header{"X-Osmos-Outbound-Url": {"https://declaring.example.com/a/b"}, field: {"sent"}}}
	_, own = newPlan(t, set, request).Header[field]
	delete(request.Header, field)
	request.Body = []byte(`{"f":"moved"}`)
	request.Header["X-Relay-Header-Fields"] = []string{"f=" + name}
	outbound, err := plan.New(set, request)
	if err != nil {
		mustRefuse(t, err, plan.ErrHeader)
		return own, false
	}
	return own, outbound.Header.Get(name) == "moved"
}

// TestOverridingHeaders tries the header fields by which a caller could have another
// request made than the operation. Each is forwarded where the operation declares it,
// which shows that nothing else keeps it back.
func TestOverridingHeaders(t *testing.T) {
	for _, name := range names(t, "override_headers.txt") {
		if own, moved := sends(t, declaring(t, "query"), name); own || moved {
			t.Errorf("%s is sent: %v as a header, %v from a field", name, own, moved)
		}
		if under := strings.ReplaceAll(name, "-", "_"); under != name {
			if own, moved := sends(t, declaring(t, "query"), under); own || moved {
				t.Errorf("%s is sent: %v as a header, %v from a field", under, own, moved)
			}
		}
		never := strings.HasPrefix(name, "Proxy-Conn") || name == "X-Real-Ip"
		if own, moved := sends(t, declaring(t, "header", name), name); !never && (!own || !moved) {
			t.Errorf("%s is declared, and sent: %v as a header, %v from a field", name, own, moved)
		}
	}
}

// TestSpellingsOfTheBody sees that no second spelling says what the body is: CGI, and servers
// that name fields as it does, would see a form where an unread body was.
func TestSpellingsOfTheBody(t *testing.T) {
	for _, name := range []string{"Content_Type", "Content_type", "CONTENT_TYPE", "Content.Type", "Content_Encoding", "Content~Encoding"} {
		if own, moved := sends(t, declaring(t, "header", name), name); own || moved {
			t.Errorf("%s is sent: %v as a header, %v from a field", name, own, moved)
		}
	}
}

// TestForwardedHeaders tries the header fields that APIs are called with, and ranges,
// which are not forwarded: halves of a credential would pass the mask.
func TestForwardedHeaders(t *testing.T) {
	set := declaring(t, "query")
	for _, name := range names(t, "forwarded_headers.txt") {
		if own, moved := sends(t, set, name); !own || !moved {
			t.Errorf("%s is sent: %v as a header, %v from a field", name, own, moved)
		}
	}
	for _, name := range []string{"Range", "If-Range", "if_range", "Request-Range"} {
		if own, moved := sends(t, set, name); own || moved {
			t.Errorf("%s is sent: %v as a header, %v from a field", name, own, moved)
		}
		if own, moved := sends(t, declaring(t, "header", name), name); own || moved {
			t.Errorf("%s is declared, and sent: %v as a header, %v from a field", name, own, moved)
		}
	}
}

// TestOverridingParameters tries query parameters in the same manner: in the outbound
// URL, behind either separator, and moved there. Each is sent where the operation
// declares it, and where the document has no paths.
func TestOverridingParameters(t *testing.T) {
	everything := load(t, "testdata/destinations")
	for _, written := range names(t, "overriding_parameters.txt") {
		request := to("POST", "https://declaring.example.com/a/b?a=1&"+written+"=DELETE", nil)
		refuses := func(set *destination.Set) bool {
			_, err := plan.New(set, request)
			if err != nil {
				mustRefuse(t, err, plan.ErrURL)
			}
			return err != nil
		}
		if !refuses(declaring(t, "query")) {
			t.Errorf("%s is sent", written)
		}
		request.Header.Set("X-Osmos-Outbound-Url", "https://declaring.example.com/a/b?a=1;"+written+"=DELETE")
		if !refuses(declaring(t, "query")) {
			t.Errorf("%s is sent behind a semicolon", written)
		}
		request.Header.Set("X-Osmos-Outbound-Url", "https://api.example.com/a/b?"+written+"=DELETE")
		if refuses(everything) {
			t.Errorf("%s is refused where the document has no paths", written)
		}
		if strings.ContainsAny(written, "%+") {
			continue
		}
		request.Header.Set("X-Osmos-Outbound-Url", "https://declaring.example.com/a/b?"+written+"=DELETE")
		if refuses(declaring(t, "query", written)) {
			t.Errorf("%s is refused where it is declared", written)
		}
		moving := to("POST", "https://declaring.example.com/a/b", []byte(`{"`+written+`":"DELETE"}`))
		moving.Header.Set("X-Osmos-Query-Param-Fields", written)
		checkReason(t, declaring(t, "query"), moving, plan.ErrHeader)
		if outbound := newPlan(t, declaring(t, "query", written), moving); !strings.HasSuffix(outbound.URL.RawQuery, "=DELETE") {
			t.Errorf("%s is declared and becomes %s", written, outbound.URL)
		}
	}
	for _, fine := range []string{"method", "url", "verb", "path", "payment_method", "methods", "a.method", "callback_url", "m", "user", "user_id", "as", "acts_as", "sudoku", "impersonation_log", "route", "rest", "copy_source"} {
		newPlan(t, declaring(t, "query"), to("POST", "https://declaring.example.com/a/b?"+fine+"=DELETE", nil))
	}
}

// TestOverridingBodies tries the members by which frameworks read another method from the
// body of a POST. Each has a neighbour that is a member like any other.
func TestOverridingBodies(t *testing.T) {
	const form, parts = "application/x-www-form-urlencoded", `multipart/form-data; boundary="b"`
	part := func(disposition string) string {
		return "--b\r\n" + disposition + "\r\n\r\nDELETE\r\n--b--\r\n"
	}
	for _, test := range []struct {
		contentType, body string
		sends             bool
	}{
		{form, "a=1&_method=DELETE", false}, {form, "a=1;%5fmethod=DELETE", false}, {"Application/X-WWW-Form-Urlencoded; charset=utf-8", "X-HTTP-Method-Override=DELETE", false},
		{form, "method=DELETE&a=_method", true},
		{form, "url=x&http_method=2&httpMethod=GET&payment_method_override=a", true}, {form, "_http_method=DELETE", false}, {form, "$httpMethod=DELETE", false}, {form, "x_http_method=DELETE", false}, {form, "X-Method-Override=DELETE", false}, {form, "_METHOD[]=DELETE", false},
		{parts, part(`Content-Disposition: form-data; name="_method"`), false}, {parts, part("content-disposition : form-data;\r\n name=_METHOD"), false},
		{parts, part(`Content-Disposition: form-data; name="_method`), false}, {parts, strings.ReplaceAll(part(`Content-Disposition: form-data; name='_method'`), "\r\n", "\n"), false},
		{parts, part(`Content-Disposition: form-data; name="method"`), true}, {parts, part(`Content-Disposition: form-data; name="a"` + "\r\n\r\n_method"), true},
		{parts, part(`Content-Disposition: form-data; name=file; filename=payment method.pdf`), true}, {parts, part(`Content-Disposition: form-data; name="file"; filename="a "_method".pdf"`), true},
		{parts, part(`Content-Disposition: form-data; name="payment method"; filename=a b.pdf`), true}, {parts, part(`Content-Disposition: form-data; name="method"; filename=a b.pdf`), true}, {parts, part(`Content-Disposition: form-data; name="file"; filename="_method"`), true},
		{parts, part("Content-Disposition: form-data; name=\"file\"; filename=\"a.eml\"\r\n\r\nSubject: x\r\nContent-Disposition: attachment; filename=Payment method.pdf"), true},
		{parts, part("Content-Disposition: form-data; name=\"file\"\r\n\r\nContent-Disposition: form-data; name=\"_method\""), true},
		{parts, part(`Content-Disposition: form-data; filename=a b.pdf; name="_method"`), false}, {parts, part(`Content-Disposition: form-data; filename=a b; name*=utf-8''%5Fmethod`), false}, {parts, part(`Content-Disposition: form-data; name = _method; filename=a b`), false},
		{parts, part(`Content-Disposition: form-data; name="a"; filename="x\"; name=\"_method"`), false}, {parts, part(`Content-Disposition: form-data; name="a"; name="_method"`), false},
		{parts, part("\r\nContent-Disposition: form-data; name=_method"), false}, {parts, part("X: a\n\nContent-Disposition: form-data; name=_method"), false},
		{parts, "--b\rContent-Disposition: form-data; name=_method\r\rDELETE\r--b--\r", false}, {parts, "--b\r\n\r\nx\r\n--c\r\n\r\nx--b\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE", false},
		{"application/json", `{"a":1,"_method":"DELETE"}`, false}, {"", `{"\u005fmethod":"DELETE"}`, false}, {"application/vnd.api+json", ` {"_method":"PUT","_method":"DELETE"}`, false}, {"text/plain", `{"_method":"DELETE"}`, false},
		{"application/json", `{"method":"DELETE","a":{"_method":"DELETE"},"b":"_method","c":"\u0041"}`, true}, {"text/plain", "_method=DELETE", true},
		// Types that servers read in their own ways.
		{"", "_method=DELETE", false}, {" ", "a=1&%5Fmethod=DELETE", false}, {"", "method=DELETE", true}, {"text/plain, " + form, "_method=DELETE", false}, {form + ", text/plain", "_method=DELETE", false},
		{`"` + form + `"`, "_method=DELETE", false}, {form + " x", "_method=DELETE", false}, {"text/html", "_method=DELETE", true},
		{"multipart/mixed; boundary=b", part("Content-Disposition: form-data; name=_method"), false}, {"multipart/related; boundary=b", part("Content-Disposition: form-data; name=_method"), false},
		{"multipart/mixed; boundary=b", part("Content-Type: application/http") + "_method", true},
		// Names that servers put together or decode.
		{parts, part(`Content-Disposition: form-data; name="=?utf-8?B?X21ldGhvZA==?="`), false}, {parts, part(`Content-Disposition: form-data; name="=?utf-8?Q?=5Fmethod?="`), false}, {parts, part(`Content-Disposition: form-data; name="=?ibm037?B?bZSFo4iWhA==?="`), false},
		{parts, part("Content-Disposition: form-data; " + strings.Repeat("name=", 1<<20)), false}, {parts, part("Content-Disposition: form-data; " + strings.Repeat("name=a; ", 99)), true},
		{parts, part(`Content-Disposition: form-data; filename=a b; name*0="_me"; name*1="thod"`), false}, {parts, part(`Content-Disposition: form-data; filename=a b; name==?utf-8?B?X21ldGhvZA==?=`), false},
		{parts, part(`Content-Disposition: form-data; name="=?utf-8?B?bWV0aG9k?="; filename="=?iso-2022-jp?B?GyRC?="`), true}, {parts, part(`Content-Disposition: form-data; name="a=?b"`), true}, {form, "[method]=x&a[_method]=y", true}, {form, "[_method]=DELETE", false},
		{form, "rest_route=/wp/v2/users", false}, {form, "ps_method=DELETE", false}, {form, "_switch_user=admin", false}, {form, "switch_user=a&sudo=b&route=c", true}, {"application/json", `{"rest_route":"/a","ps_method":"x","_switch_user":"y"}`, true},
		// JSON in any case, and what only some readers of JSON take.
		{"application/json", `{"_METHOD":"DELETE"}`, false}, {"application/json", `{"\u005fMetho\u0044":"DELETE"}`, false}, {"application/json", `{"_methods":1,"a_method":2,"\u0061_method":3}`, true},
		{"application/json", `{"a":NaN,"_method":"DELETE"}`, false}, {"application/json", `{/**/"_method":"DELETE"}`, false}, {"application/json", `/**/{"_method":"DELETE"}`, false}, {"application/json", `{_method:'DELETE'}`, false}, {"application/json", `{'\x5fmethod':'DELETE'}`, false},
		{"application/json", `{"a":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + `,"_method":"DELETE"}`, false}, {"text/plain", "\xef\xbb\xbf{\"_method\":\"DELETE\"}", false}, {"application/json", "{\"a\":\"\xff\",\"_method\":\"DELETE\"}", false},
		{"application/json", `{"a":NaN,"payment_method":"card","name":"Jos\u00e9"}`, true}, {"application/x-ndjson", `{"a":1}` + "\n" + `{"b":"the _method"}`, true}, {"text/json", `[{"_method":"DELETE"}]`, true}, {"text/plain", `say "_method"`, true},
	} {
		request := to("POST", "https://declaring.example.com/a/b", []byte(test.body))
		request.Header["Content-Type"] = []string{test.contentType}
		_, err := plan.New(declaring(t, "query"), request)
		if !test.sends {
			mustRefuse(t, err, plan.ErrRecord)
		} else if err != nil {
			t.Errorf("%s %s: %v", test.contentType, test.body, err)
		}
		request.Header.Set("X-Osmos-Outbound-Url", "https://api.example.com/a/b")
		if _, err = plan.New(load(t, "testdata/destinations"), request); err != nil {
			t.Errorf("%s %s is refused where the document has no paths: %v", test.contentType, test.body, err)
		}
	}
}

// TestOverridesInTemplates sees that a template's own members are the operator's, and that
// those of a field that it takes whole are not.
func TestOverridesInTemplates(t *testing.T) {
	folder := t.TempDir()
	document := "openapi: 3.1.0\ninfo: {title: Shaped, version: \"1\"}\nservers: [{url: \"https://shaped.example.com\"}]\npaths:\n"
	for path, template := range map[string]string{"whole": `"{{{data}}}"`, "own": `{_method: "{{{data}}}", a: "{{{o?}}}"}`} {
		document += "  /" + path + ": {post: {x-keyrelay-body: " + template + "}}\n" +
			"  /" + path + "/form: {post: {x-keyrelay-body: " + template + ", requestBody: {content: {application/x-www-form-urlencoded: {}}}}}\n"
	}
	if err := os.WriteFile(filepath.Join(folder, "shaped.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set := load(t, folder)
	for _, test := range []struct {
		path, record string
		sends        bool
	}{
		{"whole", `{"data":{"_method":"DELETE"}}`, false}, {"whole/form", `{"data":{"_method":"DELETE"}}`, false}, {"whole/form", `{"data":{"rest_route":"/"}}`, false},
		{"whole", `{"data":{"a":{"_method":"DELETE"}}}`, true}, {"whole/form", `{"data":{"a":{"_method":"DELETE"}}}`, true},
		{"own", `{"data":"PUT","o":{"_method":"DELETE"}}`, true}, {"own/form", `{"data":"PUT","o":{"_method":"DELETE"}}`, true},
	} {
		_, err := plan.New(set, to("POST", "https://shaped.example.com/"+test.path, []byte(test.record)))
		if !test.sends {
			mustRefuse(t, err, plan.ErrRecord)
		} else if err != nil {
			t.Errorf("%s %s: %v", test.path, test.record, err)
		}
	}
}

// TestUnreadableBodies sends bodies in which a member would not be seen. One that no server
// reads as a form or as JSON passes, as any does where another method is no other operation,
// and where the operation declares the coding.
func TestUnreadableBodies(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	for _, test := range []struct {
		contentType, coding, body string
		sends                     bool
	}{
		{json, "br", "\x0b\x02\x80", false}, {form, "zstd", "(\xb5/\xfd", false}, {"multipart/form-data; boundary=b", "compress", "\x1f\x9d", false}, {"", "br", "\x8b", false}, {"text/plain", "gzip, gzip", "\x1f\x8b", false},
		{"application/vnd.api+json", "aes128gcm", "\x00", false}, {"a b", "br", "\x8b", false}, {json, "identity", "{}", true}, {json, "deflate", "x\x9c", false},
		{"application/x-protobuf", "snappy", "\xff\x06", true}, {"text/csv", "br", "\x8b", true}, {"application/octet-stream", "zstd", "(\xb5/\xfd", true}, {"image/png", "br", "\x8b", true},
		{form + "; charset=utf-7", "", "+AF8-method=DELETE", false}, {form + ";charset=ibm037", "", "%6D%94=%C4", false}, {form + "; charset=\"UTF-16\"", "", "%00_", false}, {json + "; charset=utf-32le", "", "{\x00\x00\x00", false},
		{json + "; charset=utf-8; charset=utf-16", "", "{}", false}, {form + "; charset*=utf-8''utf-16", "", "%00_", false}, {json + "; charset*=us-ascii'en'ibm037", "", "\xc0", false}, {form, "8bit, br", "\x8b", false}, {"multipart/form-data; charset=unicode; boundary=b", "", "--b--", false}, {json, "", "{\x00}\x00", false}, {json, "", "\x00{\x00}", false}, {json, "", "\xff\xfe{\x00", false}, {json, "", "\xfe\xff\x00{", false},
		{form + "; charset=UTF-8", "", "a=1", true}, {form + "; charset=Shift_JIS", "", "a=%95%5C", true}, {form + "; charset*=utf-8''utf-8", "", "a=1", true}, {json, "UTF-8", "{}", true}, {form, "none", "a=1", true}, {json, "identity, 8bit", "{}", true},
		{json + "; charset=ANSI_X3.4-1968", "", "{}", true}, {form + "; charset=x-sjis", "", "a=1", true}, {json + "; charset=cp850", "", "{}", true}, {json + "; charset=cp500", "", "\xc0", false}, {json + "; charset=iso-8859-1", "", "{\"a\":\"\xe9\"}", true}, {json + ";charset=", "", "{}", true}, {json + `; charset=""; a=b`, "", "{}", true}, {json + "; charset=utf-8, " + json + "; charset=utf-8", "", "{}", true},
		{"text/csv; charset=utf-16", "", "a\x00", true}, {"application/octet-stream", "", "\x00\x01", true},
	} {
		request := to("POST", "https://declaring.example.com/a/b", []byte(test.body))
		request.Header["Content-Type"] = []string{test.contentType}
		if test.coding != "" {
			request.Header["Content-Encoding"] = []string{test.coding}
		}
		_, err := plan.New(declaring(t, "query"), request)
		if !test.sends {
			mustRefuse(t, err, plan.ErrRecordNotJSON)
		} else if err != nil {
			t.Errorf("%s %s: %v", test.contentType, test.coding, err)
		}
		if _, err := plan.New(declaring(t, "header", "content-encoding"), request); test.coding != "" && err != nil {
			t.Errorf("%s %s is refused where the operation declares the coding: %v", test.contentType, test.coding, err)
		}
		request.Header.Set("X-Osmos-Outbound-Url", "https://api.example.com/a/b")
		if _, err = plan.New(load(t, "testdata/destinations"), request); err != nil {
			t.Errorf("%s %s is refused where the document has no paths: %v", test.contentType, test.coding, err)
		}
	}
}

// TestPathValues fills the path with values by which servers could leave it: each has
// a neighbour, one step beside it, that is a value like any other.
func TestPathValues(t *testing.T) {
	set := load(t, "testdata/destinations")
	for value, fills := range map[string]bool{
		"..": false, "...": true, ".": false, ".a": true, "..a": true, "a..": true,
		"..;": false, "..;a=b": false, "a;..": true, ";..": true, "..;/x": false, "x/..;a/y": false, "x/..a;/y": true, ".;": false,
		" ..": false, ".. ": false, ".. /x": false, ". .": true,
		`x\..`: false, `x\..a`: true, "/..": false,
		"\x00": false, "a\x00b": false, "\x1f": false, "\x7f": false, "a\tb": false, "a\nb": false, "a b": true, "ü": true,
		"%2e%2e": false, "%2E%2e%2Fx": false, "..%2fx": false, "%2e%2ea": true, "x%2f..%2f": false, "%252e%252e": false, "%25252e%25252e": false, "%00": false, "%250a": false,
		"%2e%2e;": false, "..%3b": false, "..%20": false, "100%": true, "%zz": true, "50%25": true,
		"%c0%ae%c0%ae": false, "%c0%ae%c0%aea": true, "\uff0e\uff0e": false, "\uff0e\uff0ea": true, "\u2024.": false, "%u002e%u002e": false, "%U002E.": false, "%u002ea": true, "x%c0%af..": false, "..\u3000": false, "a/b": true,
		"..?x": false, "..#": false, "x/..?": false, "..?x/y": false, "a..?x": true, "?..": true, "..x?": true, "%2e%2e%3f": false,
		"%e0%80%ae%e0%80%ae": false, "%f0%80%80%ae.": false, "%fc%80%80%80%80%ae.": false, "x%e0%80%af..": false, "%e0%80%ae%e0%80%aea": true, "%e0%81%ae": true, "%f0%80%80%80": false,
		"\u2025": false, "\ufe30": false, "\ufe52.": false, "x\ufe68..": false, "\u2026": true, ".\u2025": true, ".\u200b.": false, "\ufeff..": false, "..\u00ad": false, ".\u200ba.": true, "..\u00e9": true, "%2e%ff%2e": false, "https://a.example//b": true,
	} {
		request := to("GET", "https://api.example.com/items/{a}/x", []byte(`{"a":`+quoteJSON(value)+`}`))
		outbound, err := plan.New(set, request)
		if !fills {
			if mustRefuse(t, err, plan.ErrPathExpressionFill); err == nil {
				t.Errorf("%q becomes %s", value, outbound.URL)
			}
		} else if err != nil || outbound.URL.Path != "/items/"+value+"/x" {
			t.Errorf("%q: %v", value, err)
		}
	}
	// Two values, or a value and what stands beside it, can make a step together.
	for url, record := range map[string]string{
		"https://api.example.com/{a}{b}": `{"a":".","b":"x"}`, "https://api.example.com/.{b}": `{"b":"x"}`, "https://api.example.com/.{a}/x": `{"a":"b"}`,
	} {
		newPlan(t, set, to("GET", url, []byte(record)))
	}
	for url, record := range map[string]string{
		"https://api.example.com/{a}{b}": `{"a":".","b":";x"}`, "https://api.example.com/.{b}": `{"b":"."}`, "https://api.example.com/..{a}/x": `{"a":";"}`,
	} {
		checkReason(t, set, to("GET", url, []byte(record)), plan.ErrPathExpressionFill)
	}
}

// TestPathOfAnotherOperation reaches for an operation with a literal path through the
// template beside it, in the manners in which servers still see the literal one.
func TestPathOfAnotherOperation(t *testing.T) {
	set := load(t, "testdata/destinations")
	const server = "https://orders.example.com/v2/orders/"
	body := func(id string) []byte { return []byte(`{"session":"s","all":true,"id":` + quoteJSON(id) + `}`) }
	for segment, id := range map[string]string{
		"mine;": "mine;", "mine;a=b": "mine;a=b", "MINE": "MINE", "Mine": "Mine", "mine%20": "mine ", "mine%20%20": "mine\u0020 ", "mine.": "mine.", "mine.json": "mine.json",
		"mine%2520": "mine%20", "mine%253Ba": "mine%3Ba", "min%2565": "min%65", "%6DINE": "mINE", "mine..": "mine..", "mine;%20.x": "mine; .x", "%20mine": " mine",
		"mine%3Fx": "mine?x", "mine%23x": "mine#x", "mine%253F": "mine%3F", "mine+": "mine+", "mine%C2%A0": "mine\u00a0", "m%C4%B1ne": "m\u0131ne", "%EF%BD%8Dine": "\uff4dine", "m%EF%BC%A9ne": "m\uff29ne",
	} {
		checkReason(t, set, to("PUT", server+segment, body(id)), destination.ErrOperation)
		checkReason(t, set, to("PUT", server+"{id}", body(id)), destination.ErrOperation)
	}
	checkReason(t, set, to("PUT", server+"{id}", body("mine/")), destination.ErrOperation)
	for segment, operation := range map[string]string{
		"mine": "/orders/mine", "%6Dine": "/orders/mine", "mine2": "/orders/{orderId}", "amine": "/orders/{orderId}", "mine-": "/orders/{orderId}", "a;mine": "/orders/{orderId}",
		"json.mine": "/orders/{orderId}", "MIN": "/orders/{orderId}",
	} {
		if outbound := newPlan(t, set, to("PUT", server+segment, body("x"))); outbound.Operation.Path != operation {
			t.Errorf("%s is %s", segment, outbound.Operation.Path)
		}
	}
}
