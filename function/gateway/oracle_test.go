package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"keyrelay/function/gateway"
)

// mark holds the members that tell events apart.
type mark struct {
	Version                   string
	Type, MethodArn, RouteArn any
	RequestContext            struct{ Elb, ConnectionID any }
}

// oracle decodes an event slowly, with encoding/json and the types of
// aws-lambda-go. It reports false where those types do not take the event.
func oracle(payload []byte) (received, bool) {
	var kind mark
	if err := json.Unmarshal(payload, &kind); err != nil {
		return received{Err: gateway.ErrEvent}, !json.Valid(payload)
	}
	foreign := kind.Type != nil || kind.MethodArn != nil || kind.RouteArn != nil ||
		kind.RequestContext.Elb != nil || kind.RequestContext.ConnectionID != nil
	switch {
	case foreign:
		return received{Err: gateway.ErrEvent}, true
	case kind.Version == "2.0":
		return oracleV2(payload)
	case kind.Version == "" || kind.Version == "1.0":
		return oracleV1(payload, kind.Version)
	}
	return received{Err: gateway.ErrEvent}, true
}

func oracleV1(payload []byte, version string) (received, bool) {
	var event events.APIGatewayProxyRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return received{}, false
	}
	if event.HTTPMethod == "" || event.Path == "" {
		return received{Err: gateway.ErrEvent}, true
	}
	path := event.Path
	if r := event.Resource; r == "/" || strings.HasPrefix(r, "/") && strings.HasSuffix(path, r) {
		path = r
	} else if version == "1.0" {
		path = afterStage(path, event.RequestContext.Stage)
	}
	fields := event.MultiValueHeaders
	if len(fields) == 0 {
		fields = single(event.Headers)
	}
	want := received{Method: event.HTTPMethod, Path: path, ID: event.RequestContext.RequestID}
	return want.with(fields, nil, event.Body, event.IsBase64Encoded), true
}

func oracleV2(payload []byte) (received, bool) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return received{}, false
	}
	if event.RequestContext.HTTP.Method == "" || event.RawPath == "" {
		return received{Err: gateway.ErrEvent}, true
	}
	path := event.RawPath
	if _, route, _ := strings.Cut(event.RouteKey, " "); route == "/" || strings.HasPrefix(route, "/") && strings.HasSuffix(path, route) {
		path = route
	} else {
		path = afterStage(path, event.RequestContext.Stage)
	}
	want := received{Method: event.RequestContext.HTTP.Method, Path: path, ID: event.RequestContext.RequestID}
	return want.with(single(event.Headers), event.Cookies, event.Body, event.IsBase64Encoded), true
}

func afterStage(path, stage string) string {
	if stage == "" || stage == "$default" {
		return path
	}
	if rest, found := strings.CutPrefix(path[1:], stage); found && rest == "" {
		return path[:1]
	} else if found && rest[0] == '/' {
		return rest
	}
	return path
}

func single(headers map[string]string) map[string][]string {
	fields := make(map[string][]string)
	for name, value := range headers {
		fields[name] = []string{value}
	}
	return fields
}

// with adds fields and body.
func (r received) with(fields map[string][]string, cookies []string, body string, encoded bool) received {
	header := make(http.Header)
	for name, values := range fields {
		if !isToken(name) {
			r.Err = gateway.ErrHeader
		}
		for _, value := range values {
			key := textproto.CanonicalMIMEHeaderKey(name)
			header[key] = append(header[key], strings.Trim(value, " \t"))
		}
	}
	if cookie := strings.Join(cookies, "; "); cookie != "" {
		header["Cookie"] = []string{strings.Trim(cookie, " \t")}
	}
	for _, values := range header {
		if slices.ContainsFunc(values, func(value string) bool {
			return strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7F })
		}) {
			r.Err = gateway.ErrHeader
		}
	}
	if r.Err != nil {
		return r
	}
	r.Header, r.Body = header, []byte(body)
	if encoded {
		decoded, err := base64.StdEncoding.DecodeString(body)
		if r.Body = decoded; err != nil {
			r.Body, r.Err = nil, gateway.ErrRecordBroken
		}
	}
	return r
}

func isToken(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" &&
		!strings.ContainsAny(name, "\"(),/:;<=>?@[\\]{} \x7f") && !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7F })
}

// normal makes a received comparable with the oracle's: bytes that are not UTF-8
// become U+FFFD as in encoding/json, and values of names that came in several
// cases have no order.
func (r received) normal() received {
	header := make(http.Header)
	for name, values := range r.Header {
		for _, value := range values {
			header[name] = append(header[name], string([]rune(value)))
		}
		slices.Sort(header[name])
	}
	r.Header = header
	r.Method, r.Path, r.ID = string([]rune(r.Method)), string([]rune(r.Path)), string([]rune(r.ID))
	if r.Err == nil {
		r.Body = []byte(string([]rune(string(r.Body))))
	}
	return r
}
