package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"keyrelay/function/gateway"
	"keyrelay/function/hostile"
)

func TestEvents(t *testing.T) {
	tests := []struct {
		name, event string
		want        received
	}{
		{
			"REST, every member",
			`{"version":"1.0","resource":"/","path":"/","httpMethod":"POST","headers":{"X-Last":"2"},"multiValueHeaders":{"x-osmos-outbound-url":["https://a.example"],"X-Two":["1","2"]},
			  "queryStringParameters":{"q":"1"},"requestContext":{"stage":"prod","requestId":"id-1","path":"/prod/","identity":{"apiKey":null}},"body":"{\"a\":\"\u00fc\"}","isBase64Encoded":false}`,
			received{Method: "POST", Path: "/", ID: "id-1", Body: []byte(`{"a":"ü"}`), Header: http.Header{"X-Osmos-Outbound-Url": {"https://a.example"}, "X-Two": {"1", "2"}}},
		},
		{
			"REST, headers only, as sam local and handwritten events have it",
			`{"path":"/","httpMethod":"GET","headers":{"x-lower":" padded\t","X-None":null},"multiValueHeaders":{},"cookies":["none=1"],"body":null,"isBase64Encoded":true,"requestContext":{"requestId":null}}`,
			received{Method: "GET", Path: "/", Header: http.Header{"X-Lower": {"padded"}, "X-None": {""}}},
		},
		{
			"REST, one name in several cases keeps every value in order",
			`{"path":"/","httpMethod":"GET","multiValueHeaders":{"x-a":["1","2"],"X-B":["b"],"X-A":["3"],"X-C":null,"X-D":[]}}`,
			received{Method: "GET", Path: "/", Header: http.Header{"X-A": {"1", "2", "3"}, "X-B": {"b"}}},
		},
		{
			"HTTP API, stage and cookies",
			`{"version":"2.0","routeKey":"ANY /","rawPath":"/prod/","cookies":["a=1","b=2"],"headers":{"accept":"a,b","cookie":"old=1"},
			  "requestContext":{"stage":"prod","requestId":"id-2","http":{"method":"PUT","path":"/prod/"}},"body":"/+8=","isBase64Encoded":true}`,
			received{Method: "PUT", Path: "/", ID: "id-2", Body: []byte{0xff, 0xef}, Header: http.Header{"Accept": {"a,b"}, "Cookie": {"a=1; b=2"}}},
		},
		{
			"HTTP API, the emulators leave cookies among the headers",
			`{"version":"2.0","rawPath":"/","headers":{"cookie":"a=1"},"requestContext":{"stage":"$default","http":{"method":"GET"}},"body":""}`,
			received{Method: "GET", Path: "/", Header: http.Header{"Cookie": {"a=1"}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := diff(test.want, decode(t, []byte(test.event))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEventBodies(t *testing.T) {
	tests := []struct {
		name, event string
		want        received
	}{
		{
			"base64 with escaped solidus",
			`{"path":"/","httpMethod":"POST","body":"\/\/\/\/","isBase64Encoded":true}`,
			received{Method: "POST", Path: "/", Body: []byte{0xff, 0xff, 0xff}},
		},
		{
			"escapes in names, and half a surrogate pair",
			`{"p\u0061th":"\/","httpMethod":"POST","headers":{"x-\u0061":"\u0041"},"body":"\ud800 \ud83d\ude00 \b\f\n\r\t\"\\\/"}`,
			received{Method: "POST", Path: "/", Body: []byte("\uFFFD \U0001F600 \b\f\n\r\t\"\\/"), Header: http.Header{"X-A": {"A"}}},
		},
		{
			"a body that is not UTF-8 stays as it is",
			"{\"path\":\"/\",\"httpMethod\":\"POST\",\"body\":\"\xff\xfe\"}",
			received{Method: "POST", Path: "/", Body: []byte{0xff, 0xfe}},
		},
		{
			"base64 that is none",
			`{"path":"/","httpMethod":"POST","headers":{"a":"b"},"body":"{}","isBase64Encoded":true,"requestContext":{"requestId":"i"}}`,
			received{Method: "POST", Path: "/", ID: "i", Header: http.Header{"A": {"b"}}, Err: gateway.ErrRecordBroken},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := diff(test.want, decode(t, []byte(test.event))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestEventLeavesNothing sees that a request holds nothing of the ones before it.
func TestEventLeavesNothing(t *testing.T) {
	var got received
	handler := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, err error) *gateway.Response {
		got = keep(request, err)
		return ok()
	}), nil)
	for range 100 {
		handler.Invoke(context.Background(), []byte(`{"path":"/x","httpMethod":"POST","headers":{"A":"1","X-B":"2"},"body":"b","requestContext":{"requestId":"i"}}`))
		handler.Invoke(context.Background(), []byte(`{"path":"/","httpMethod":"GET","headers":{"X-C":"3"}}`))
		if d := diff(received{Method: "GET", Path: "/", Header: http.Header{"X-C": {"3"}}}, got); d != "" {
			t.Fatal(d)
		}
		handler.Invoke(context.Background(), []byte(`{`))
		if d := diff(received{Err: gateway.ErrEvent}, got); d != "" {
			t.Fatal(d)
		}
	}
}

func TestPathBelowTheRelaysAddress(t *testing.T) {
	v1 := func(resource, path string) string {
		return `{"resource":"` + resource + `","path":"` + path + `","httpMethod":"GET","requestContext":{"stage":"prod"}}`
	}
	routed := func(route, stage, path string) string {
		return `{"version":"2.0","routeKey":"` + route + `","rawPath":"` + path + `","requestContext":{"stage":"` + stage + `","http":{"method":"GET"}}}`
	}
	v2 := func(stage, path string) string {
		return `{"version":"2.0","rawPath":"` + path + `","requestContext":{"stage":"` + stage + `","http":{"method":"GET"}}}`
	}
	httpAPI1 := func(stage, path string) string {
		return `{"version":"1.0","resource":"$default","path":"` + path + `","httpMethod":"GET","requestContext":{"stage":"` + stage + `"}}`
	}
	tests := []struct{ event, want string }{
		{v1("/", "/"), "/"},
		{v1("/", "/relay"), "/"}, // a custom domain with the base path relay
		{v1("/", "/nested/relay/"), "/"},
		{v1("/orders", "/relay/orders"), "/orders"},
		{v1("/orders", "/relay/orders/"), "/relay/orders/"},
		{v1("/{proxy+}", "/anything"), "/anything"},
		{v1("", "/anything"), "/anything"},
		{v1("$default", "/anything"), "/anything"},
		{httpAPI1("prod", "/prod/"), "/"},
		{httpAPI1("prod", "/prod"), "/"},
		{httpAPI1("prod", "/prod/orders"), "/orders"},
		{httpAPI1("prod", "/production"), "/production"},
		{httpAPI1("$default", "/orders"), "/orders"},
		{v2("$default", "/"), "/"},
		{v2("$default", "/$default/x"), "/$default/x"},
		{v2("prod", "/prod"), "/"},
		{v2("prod", "/prod/"), "/"},
		{v2("prod", "/prod/x"), "/x"},
		{v2("prod", "/production"), "/production"},
		{v2("", "/x"), "/x"},                          // a function URL has no stage
		{routed("POST /", "$default", "/relay"), "/"}, // a custom domain with the base path relay
		{routed("ANY /", "prod", "/nested/relay/"), "/"},
		{routed("POST /orders", "prod", "/relay/orders"), "/orders"},
		{routed("ANY /{proxy+}", "prod", "/prod/x"), "/x"},
		{routed("$default", "prod", "/prod/"), "/"},
	}
	for _, test := range tests {
		if got := decode(t, []byte(test.event)); got.Path != test.want || got.Err != nil {
			t.Errorf("%s: path %q, error %v; want %q", test.event, got.Path, got.Err, test.want)
		}
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	events := []string{
		``, ` `, `null`, `[]`, `"x"`, `1`, `{`, `{}`, `{} {}`, eventV1 + `x`, eventV1[:len(eventV1)-1],
		`{"Records":[{"eventSource":"aws:sqs"}]}`,
		`{"version":2.0,"rawPath":"/","requestContext":{"http":{"method":"GET"}}}`,
		`{"version":"3.0","httpMethod":"GET","path":"/"}`,
		`{"version":"2.0","httpMethod":"GET","path":"/"}`,
		`{"httpMethod":"GET"}`, `{"path":"/"}`, `{"httpMethod":"","path":"/"}`,
		`{"version":"2.0","rawPath":"/","requestContext":{}}`, `{"version":"2.0","requestContext":{"http":{"method":"GET"}}}`,
		`{"httpMethod":"GET","path":"/","path":"/x"}`,
		`{"httpMethod":"GET","path":"/","body":null,"body":"x"}`,
		`{"httpMethod":"GET","path":"/","b\u006fdy":"y","body":"x"}`,
		`{"httpMethod":"GET","path":"/","headers":{},"headers":{"a":"b"}}`,
		`{"httpMethod":"GET","path":"/","headers":{"a":"1","a":"2"}}`,
		`{"httpMethod":"GET","path":"/","multiValueHeaders":{"a":["1"],"\u0061":["2"]}}`,
		`{"httpMethod":"GET","path":"/","requestContext":{"identity":{"sourceIp":"a","sourceIp":"b"}}}`,
		`{"httpMethod":"GET","path":"/","other":[{"a":1,"a":1}]}`,
		`{"httpMethod":"GET","path":"/","isBase64Encoded":true,"isBase64Encoded":false}`,
		`{"httpMethod":"GET","path":"/","requestContext":{},"requestContext":{}}`,
		`{"httpMethod":"GET","path":"/","requestContext":{"requestId":"a","requestId":"b"}}`,
		`{"httpMethod":"GET","path":"/","requestContext":"x"}`,
		`{"httpMethod":"GET","path":"/","requestContext":{"elb":{}}}`,
		`{"httpMethod":"GET","path":"/","requestContext":{"connectionId":"x"}}`,
		`{"httpMethod":"GET","path":"/","type":"REQUEST"}`,
		`{"httpMethod":"GET","path":"/","isBase64Encoded":"true"}`,
		`{"httpMethod":"GET","path":"/","body":1}`,
		`{"httpMethod":"GET","path":"/","body":{}}`,
		`{"httpMethod":"GET","path":"/","headers":"x"}`,
		`{"httpMethod":"GET","path":"/","headers":{"a":1}}`,
		`{"httpMethod":"GET","path":"/","headers":{"a":["1"]}}`,
		`{"httpMethod":"GET","path":"/","multiValueHeaders":{"a":"1"}}`,
		`{"httpMethod":"GET","path":"/","multiValueHeaders":[]}`,
		`{"version":"2.0","rawPath":"/","cookies":"a","requestContext":{"http":{"method":"GET"}}}`,
		`{"version":"2.0","rawPath":"/","cookies":[1],"requestContext":{"http":{"method":"GET"}}}`,
		`{"httpMethod":"GET","path":"/","x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		`{"httpMethod":"GET","path":"/","x":"\ud83d\uzzzz"}`,
		"{\"httpMethod\":\"GET\",\"path\":\"/\",\"body\":\"line\nbreak\"}",
	}
	for _, event := range events {
		if got := decode(t, []byte(event)); diff(received{Err: gateway.ErrEvent}, received{Err: got.Err}) != "" {
			t.Errorf("%.200s: error %v, want ErrEvent", event, got.Err)
		}
	}
}

// TestRefusedEventIsAnswered checks that even an event of an unknown kind gets an
// answer that a gateway understands.
func TestRefusedEventIsAnswered(t *testing.T) {
	response := &gateway.Response{Status: http.StatusBadRequest, Header: http.Header{"A": {"b"}}, Body: []byte("x")}
	for payload, want := range map[string]string{
		`{"Records":`:                 `{"statusCode":400,"multiValueHeaders":{"A":["b"]},"body":"x","isBase64Encoded":false}`,
		`{"version":"2.0","rawPath":`: `{"statusCode":400,"headers":{"A":"b"},"body":"x","isBase64Encoded":false}`,
	} {
		if got, _ := encode(t, payload, response); string(got) != want {
			t.Errorf("%s: answer %s, want %s", payload, got, want)
		}
	}
}

// TestSampleEvents sees that every event that the project ships is a request, but for that of a queue.
func TestSampleEvents(t *testing.T) {
	files, err := filepath.Glob("../../events/[hr]*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no sample events: ", err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, payload); got.Err != nil || got.Path != "/" || got.ID == "" {
			t.Errorf("%s: path %q, id %q, error %v", file, got.Path, got.ID, got.Err)
		}
	}
}

// TestForeignEvents compares every event, of HTTP and of other kinds, with what the types of
// aws-lambda-go make of it.
func TestForeignEvents(t *testing.T) {
	for name, payload := range hostile.Events(t) {
		want, known := oracle(withoutQuery(t, payload))
		if !known && name != "events/wrong-types.json" {
			t.Errorf("%s: aws-lambda-go does not take this event", name)
		}
		if isRequest := want.Err != gateway.ErrEvent; isRequest == isOtherKind(name) {
			t.Errorf("%s: taken for a request: %v", name, isRequest)
		}
		if d := diff(want.normal(), decode(t, payload).normal()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestJSONTexts puts every text into an event. Those that may be read or refused
// are as encoding/json has them, which takes invalid UTF-8 besides.
func TestJSONTexts(t *testing.T) {
	for name, text := range hostile.JSON(t) {
		event := slices.Concat([]byte(`{"path":"/","httpMethod":"GET","other":[`), text, []byte(`]}`))
		want := json.Valid(text) && utf8.Valid(text)
		if strings.HasPrefix(name, "y_") && !want || strings.HasPrefix(name, "n_") && want {
			t.Errorf("%s: encoding/json says %v", name, want)
		}
		if strings.Contains(name, "duplicated_key") || strings.Contains(name, "object_same_key") {
			want = false // an event that says two things is refused
		}
		if !want && json.Valid(event) {
			continue // an array's inside, or nothing
		}
		if got := decode(t, event); (got.Err == nil) != want {
			t.Errorf("%s: error %v", name, got.Err)
		}
	}
}

// isOtherKind tells by its name an event that is no HTTP request of a gateway.
func isOtherKind(name string) bool {
	for _, kind := range []string{"uthorizer", "custom-auth", "websocket", "alb-", "response", "rotation", "load-balancer", "queue", "storage", "schedule", "no-members", "wrong-types"} {
		if strings.Contains(name, kind) && !strings.Contains(name, "v2-request-") && !strings.HasSuffix(name, "V2LambdaAuthorizerEvent.json") {
			return true
		}
	}
	return false
}

// withoutQuery drops the query, which is a placeholder text in two events and
// does not matter.
func withoutQuery(t *testing.T, payload []byte) []byte {
	if !bytes.Contains(payload, []byte("{{{querystringparameters}}}")) {
		return payload
	}
	var event map[string]json.RawMessage
	if err := json.Unmarshal(payload, &event); err != nil {
		t.Fatal(err)
	}
	delete(event, "queryStringParameters")
	return asJSON(t, event)
}
