package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyrelay/function/gateway"
)

// FuzzEvent compares what an event becomes with what encoding/json and the types
// of aws-lambda-go make of it.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		eventV1, eventV2,
		`{"path":"/a","httpMethod":"POST","multiValueHeaders":{"x-a":["1"," 2"],"X-A":[null]},"body":"\ud83d\ude00\ud800\n","requestContext":{"stage":"s","requestId":"i"}}`,
		`{"version":"2.0","rawPath":"/s/x","cookies":["a=1"," b "],"headers":{"cookie":"c"},"body":"/+8=","isBase64Encoded":true,"requestContext":{"stage":"s","http":{"method":"PUT"}}}`,
		`{"version":"1.0","resource":"/x","path":"/b/x","httpMethod":"GET","n":[-0.1e+5,true,false,null,{}],"headers":{"a":"b\r\n"}}`,
		`{"httpMethod":"GET","path":"/","requestContext":{"elb":{}}}`, `{"a":01}`, `{"a":"\x"}`, `{"a":[1,]}`, "\"\x00\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got := decode(t, payload)
		if !json.Valid(payload) {
			if !errors.Is(got.Err, gateway.ErrEvent) {
				t.Fatalf("this is no JSON, but the error is %v", got.Err)
			}
			return
		}
		want, known := oracle(payload)
		if !known || ambiguous(payload) {
			return
		}
		if d := diff(want.normal(), got.normal()); d != "" {
			t.Error(d)
		}
	})
}

// ambiguous reports whether encoding/json may read a member that is none of that
// exact name, or the last of several.
func ambiguous(payload []byte) bool {
	decoder := json.NewDecoder(strings.NewReader(string(payload)))
	found, _ := ambiguousValue(decoder)
	return found
}

func ambiguousValue(decoder *json.Decoder) (found bool, end bool) {
	token, err := decoder.Token()
	delimiter, isDelimiter := token.(json.Delim)
	switch {
	case err != nil, delimiter == ']', delimiter == '}':
		return false, true
	case !isDelimiter:
		return false, false
	}
	names := make(map[string]bool)
	for {
		if delimiter == '{' {
			name, _ := decoder.Token()
			text, isText := name.(string)
			if !isText {
				return found, false
			}
			folded := strings.ToLower(strings.ToUpper(text))
			found = found || names[folded] || strings.ContainsFunc(text, func(c rune) bool { return c >= utf8.RuneSelf }) || isMisspelt(text)
			names[folded] = true
		}
		inner, last := ambiguousValue(decoder)
		found = found || inner
		if last {
			return found, false
		}
	}
}

// isMisspelt reports whether encoding/json takes a name for another one.
func isMisspelt(name string) bool {
	for _, known := range []string{
		"version", "resource", "path", "httpMethod", "rawPath", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded",
		"requestContext", "requestId", "stage", "http", "method", "elb", "connectionId", "type", "methodArn", "routeArn",
	} {
		if name != known && strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

// FuzzAnswer checks that an answer says in JSON what the response said.
func FuzzAnswer(f *testing.F) {
	f.Add(true, []byte(`{"a":"b"}`), "X-A", "v", "w")
	f.Add(false, []byte("\xff\x00"), "Set-Cookie", "a=1", "b=\"2\"")
	f.Add(true, []byte("\b\f\n\r\t\"\\\x00\x1f\u2028"), "X-A", "caf\xe9", "")
	f.Add(false, []byte(nil), "Content-Length", "1", "2")
	f.Fuzz(func(t *testing.T, first bool, body []byte, name, value, second string) {
		response := &gateway.Response{Status: 200, Header: http.Header{name: {value, second}}, Body: body}
		event := eventV2
		if first {
			event = eventV1
		}
		answer, fits := encode(t, event, response)
		if !fits || len(answer) > gateway.MaxAnswerBytes {
			t.Fatalf("fits %v, length %d", fits, len(answer))
		}
		var got events.APIGatewayV2HTTPResponse // it has the members of both formats
		strictly(t, answer, &got)
		if d := cmp.Diff(expectedAnswer(first, response), got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s\n%s", d, answer)
		}
	})
}

func expectedAnswer(first bool, response *gateway.Response) events.APIGatewayV2HTTPResponse {
	want := events.APIGatewayV2HTTPResponse{StatusCode: response.Status, Body: string(response.Body)}
	if !utf8.Valid(response.Body) {
		want.Body, want.IsBase64Encoded = base64.StdEncoding.EncodeToString(response.Body), true
	}
	for name, values := range response.Header {
		texts := []string{latin(values[0]), latin(values[1])}
		switch {
		case name == "Content-Length":
		case first:
			want.MultiValueHeaders = map[string][]string{latin(name): texts}
		case name == "Set-Cookie":
			want.Cookies = texts
		default:
			want.Headers = map[string]string{latin(name): strings.Join(texts, ", ")}
		}
	}
	return want
}

// latin reads what is not UTF-8 as ISO-8859-1.
func latin(text string) string {
	var out strings.Builder
	for i, c := range text {
		if c == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			c = rune(text[i])
		}
		out.WriteRune(c)
	}
	return out.String()
}
