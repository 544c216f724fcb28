package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"keyrelay/function/gateway"
)

// restEvent returns an event of 3 KB as a REST API sends it for a connector's request.
func restEvent(t testing.TB) []byte {
	values := connectorHeader()
	last := make(map[string]string)
	for name, list := range values {
		last[name] = list[len(list)-1]
	}
	return asJSON(t, events.APIGatewayProxyRequest{
		Resource: "/", Path: "/", HTTPMethod: "POST", Headers: last, MultiValueHeaders: values,
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: "123456789012", ResourceID: "abc123def4", Stage: "prod", DomainName: "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
			DomainPrefix: "a1b2c3d4e5", RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", ExtendedRequestID: "JKJaXmPLvHcESHA=", Protocol: "HTTP/1.1",
			Identity:     events.APIGatewayRequestIdentity{APIKey: "k", APIKeyID: "i", SourceIP: "192.0.2.1", UserAgent: "axios/1.7.2"},
			ResourcePath: "/", Path: "/prod/", HTTPMethod: "POST", RequestTime: "22/Nov/2026:08:00:00 +0000", RequestTimeEpoch: 1795334400000, APIID: "a1b2c3d4e5",
		},
		Body: connectorRecord(),
	})
}

// httpAPIEvent returns the same request as an HTTP API sends it.
func httpAPIEvent(t testing.TB) []byte {
	headers := make(map[string]string)
	for name, list := range connectorHeader() {
		headers[strings.ToLower(name)] = strings.Join(list, ",")
	}
	return asJSON(t, events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "ANY /", RawPath: "/prod/", Cookies: []string{"a=1", "b=2"}, Headers: headers,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "ANY /", Stage: "prod", RequestID: "JKJaXmPLvHcESHA=",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST", Path: "/prod/", Protocol: "HTTP/1.1", SourceIP: "192.0.2.1"},
		},
		Body: connectorRecord(),
	})
}

func connectorHeader() map[string][]string {
	return map[string][]string{
		"Accept": {"application/json, text/plain, */*"}, "Accept-Encoding": {"gzip, compress, deflate, br"}, "Content-Type": {"application/json"},
		"Host": {"a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"}, "User-Agent": {"axios/1.7.2"}, "X-Amzn-Trace-Id": {"Root=1-6740-c6af9ac67b6111e69a4193e8"},
		"x-api-key": {"0123456789abcdef0123456789abcdef01234567"}, "X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Port": {"443"}, "X-Forwarded-Proto": {"https"},
		"X-Osmos-Outbound-Url": {"https://api.example.com/v2/orders"}, "X-Osmos-Query-Param-Fields": {"tenant, region"}, "X-Two": {"1", "2"},
	}
}

func connectorRecord() string {
	return `{"tenant":"acme","region":"eu-central-1","order_id":"10042","customer":"Jane Doe","total":"1.10","note":"` + strings.Repeat("a line\\n", 120) + `"}`
}

// typicalHandler answers with 500 bytes of JSON.
func typicalHandler() gateway.Handler {
	response := &gateway.Response{
		Status: http.StatusOK,
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {"Sun, 22 Nov 2026 08:00:00 GMT"}, "Proxy-Status": {"keyrelay; received-status=200"}, "Set-Cookie": {"a=1", "b=2"}},
		Body:   []byte(`{"ok":true,"items":[` + strings.Repeat(`{"id":"10042"},`, 32) + `{}]}`),
	}
	return handlerFunc(func(context.Context, *gateway.Request, error) *gateway.Response { return response })
}

// typedHandler does the same with encoding/json and the types of aws-lambda-go.
func typedHandler() func([]byte) ([]byte, error) {
	response := typicalHandler().Refuse(context.Background(), nil, nil)
	return func(payload []byte) ([]byte, error) {
		var event events.APIGatewayProxyRequest
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, err
		}
		return json.Marshal(events.APIGatewayProxyResponse{StatusCode: response.Status, MultiValueHeaders: response.Header, Body: string(response.Body)})
	}
}

// BenchmarkInvoke interleaves the handler with a typed handler and reports the ratio
// of their times, of one invocation with a 3 KB event.
func BenchmarkInvoke(b *testing.B) {
	payload := restEvent(b)
	handler, typed := gateway.Lambda(typicalHandler(), nil), typedHandler()
	var own, others time.Duration
	for b.Loop() {
		start := time.Now()
		handler.Invoke(context.Background(), payload)
		middle := time.Now()
		if _, err := typed(payload); err != nil {
			b.Fatal(err)
		}
		own += middle.Sub(start)
		others += time.Since(middle)
	}
	b.ReportMetric(float64(own)/float64(others), "of-typed")
	b.ReportMetric(float64(own.Nanoseconds())/float64(b.N), "own-ns/op")
	b.ReportMetric(float64(len(payload)), "event-bytes")
}

// BenchmarkLargeBody is the same with a record of 1 MB each way.
func BenchmarkLargeBody(b *testing.B) {
	body := large(1 << 20)
	payload := asJSON(b, map[string]any{"path": "/", "httpMethod": "POST", "body": body})
	handler := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, _ error) *gateway.Response {
		return &gateway.Response{Status: http.StatusOK, Body: request.Body}
	}), nil)
	b.SetBytes(int64(2 * len(body)))
	for b.Loop() {
		handler.Invoke(context.Background(), payload)
	}
}
