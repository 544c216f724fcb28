package plan_test

import (
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/hostile"
	"keyrelay/function/plan"
)

// withheld says the plain way which header names are not forwarded.
func withheld(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, family := range []string{"x-osmos-", "x-relay-", "x-forwarded-", "x-amz", "cloudfront-"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	for _, one := range []string{
		"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
		"proxy-authenticate", "proxy-authorization", "proxy-authentication-info", "content-length", "expect", "host", "via",
		"accept-encoding", "authorization", "cookie", "x-api-key", "forwarded", "x-real-ip", "range", "if-range",
	} {
		if name == one {
			return true
		}
	}
	return false
}

// TestHeaderNames sends every name that attackers try, also with underscores, as
// the caller's own header and as the name of a header made from the record: what is
// withheld is so in both, and so is what could override the request.
func TestHeaderNames(t *testing.T) {
	set := load(t, "testdata/destinations")
	for _, plain := range hostile.Lines(t, "header-names.txt", "headers/*lowercase_headers.txt") {
		for _, name := range []string{plain, strings.ReplaceAll(plain, "-", "_"), strings.ToUpper(plain)} {
			switch strings.ToLower(name) {
			case "connection", "content-type", "content-encoding":
				continue // what these say is heeded
			}
			if !isToken(name) {
				continue
			}
			field := textproto.CanonicalMIMEHeaderKey(name)
			request := moving("", []byte(`{"a":"own"}`))
			request.Header[field] = []string{"sent"}
			if lower := strings.ReplaceAll(strings.ToLower(name), "_", "-"); strings.HasPrefix(lower, "x-osmos-") || strings.HasPrefix(lower, "x-relay-") {
				checkReason(t, set, request, plan.ErrHeader)
				continue
			}
			outbound := newPlan(t, set, request)
			sent := len(outbound.Header[field]) == 1 && outbound.Header[field][0] == "sent"
			if sent && withheld(name) {
				t.Errorf("%s: forwarded is %v", name, sent)
			}
			request.Header["X-Relay-Header-Fields"] = []string{"a=" + name}
			_, err := plan.New(set, request)
			if !sent {
				mustRefuse(t, err, plan.ErrHeader)
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func isToken(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// TestInjection takes attempts to break out of a line from the record: in a header
// they are refused, in the path and the query they stay one encoded value.
func TestInjection(t *testing.T) {
	set := load(t, "testdata/destinations")
	attempts := hostile.Lines(t, "line-breaks.txt", "headers/*crlf*.txt")
	for _, attempt := range attempts {
		if decoded, err := url.QueryUnescape(attempt); err == nil {
			attempts = append(attempts, strings.ToValidUTF8(decoded, "?"))
		}
	}
	for _, attempt := range attempts {
		record := []byte(`{"a":` + quoteJSON(attempt) + `}`)
		request := moving("a", record)
		request.Header["X-Osmos-Outbound-Url"] = []string{"https://api.example.com/x/{a}/y"}
		segments := strings.FieldsFunc(attempt, func(r rune) bool { return r == '/' || r == '\\' })
		if slices.Contains(segments, "..") || strings.ContainsFunc(unescapeAll(attempt), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			checkReason(t, set, request, plan.ErrPathExpressionFill)
			continue
		}
		outbound := newPlan(t, set, request)
		if got := outbound.URL.Query().Get("a"); got != attempt {
			t.Errorf("query: got %q, want %q", got, attempt)
		}
		if got := outbound.URL.Path; got != "/x/"+attempt+"/y" || strings.Count(outbound.URL.EscapedPath(), "/") != 3 {
			t.Errorf("path: got %q from %q", outbound.URL.EscapedPath(), attempt)
		}
		request.Header["X-Relay-Header-Fields"] = []string{"a=X-A"}
		outbound, err := plan.New(set, request)
		if strings.ContainsAny(attempt, "\x00\v\r\n") {
			mustRefuse(t, err, plan.ErrHeader)
		} else if err != nil || outbound.Header.Get("X-A") != attempt {
			t.Errorf("header: %v", err)
		}
	}
}

// unescapeAll undoes percent escapes as often as there are any, those of IIS too.
func unescapeAll(text string) string {
	text = regexp.MustCompile("%[uU]00([0-9A-Fa-f]{2})").ReplaceAllString(text, "%$1")
	escape := regexp.MustCompile("%[0-9A-Fa-f]{2}")
	for escape.MatchString(text) {
		text = escape.ReplaceAllStringFunc(text, func(found string) string {
			decoded, _ := url.PathUnescape(found)
			return decoded
		})
	}
	return text
}

// TestRequestStaysAsItIs plans twice from one request and changes the first plan.
func TestRequestStaysAsItIs(t *testing.T) {
	set := load(t, "testdata/destinations")
	request := moving("a", []byte(`{"a":1,"b":2}`))
	request.Header["Via"] = append(make([]string, 0, 4), "1.1 before")
	request.Header["Accept"] = append(make([]string, 0, 4), "text/html")
	before := request.Header.Clone()
	outbound := newPlan(t, set, request)
	outbound.Header.Add("Accept", "text/plain")
	outbound.Header["Accept"][0] = "changed"
	outbound.Header["Via"][0] = "changed"
	for name, values := range before {
		if got := request.Header[name]; strings.Join(got, "|") != strings.Join(values, "|") {
			t.Errorf("%s became %q", name, got)
		}
	}
	if behind := request.Header["Via"][:2][1]; behind != "" {
		t.Errorf("the caller's array holds %q", behind)
	}
	if via := newPlan(t, set, request).Header["Via"]; len(via) != 2 {
		t.Errorf("Via is %q", via)
	}
}

// TestManyFields names more fields than are taken at once.
func TestManyFields(t *testing.T) {
	set := load(t, "testdata/destinations")
	var names strings.Builder
	for i := range 1001 {
		names.WriteString("f" + strconv.Itoa(i) + "?,")
	}
	checkReason(t, set, moving(names.String(), []byte(`{}`)), plan.ErrHeader)
	request := &gateway.Request{Method: "POST", Header: http.Header{
		"X-Osmos-Outbound-Url": {"https://api.example.com/"}, "Connection": {strings.Repeat("a,", 1000)},
	}}
	checkReason(t, set, request, plan.ErrHeader)
}
