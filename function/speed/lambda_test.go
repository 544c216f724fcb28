package speed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"keyrelay/function/fake"
)

// BenchmarkInvocation compares a warm invocation with a handler that decodes the
// typed event and makes one bare round trip of the same outbound request, both as
// processes at the same kind of Runtime API endpoint. Short rounds in turn keep the
// noise of the machine out of the ratio.
func BenchmarkInvocation(b *testing.B) {
	downstream := startDownstream(b)
	event := restEvent(downstream, record(1<<10))
	relay := startRelay(b, buildRelay(b), downstream, event)
	bare := startFunction(b, os.Args[0], event, roleVariable+"=handler", downstreamOfRole+"="+downstream)
	compare(b, relay.runs(b, 250), bare.runs(b, 250), 1.5, 1.3)
}

// BenchmarkLargeRecord compares a warm invocation of a 100 KB record with the function
// that one writes in an hour, which decodes the record and encodes it again.
func BenchmarkLargeRecord(b *testing.B) {
	downstream := startDownstream(b)
	manager := fake.Serve(b, fake.NewSecrets(map[string]string{"key": "0123456789abcdef"}))
	event := restEvent(downstream, record(100<<10))
	relay := startRelay(b, buildRelay(b), downstream, event)
	lazy := startFunction(b, buildLazy(b), event, "API="+downstream, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+manager,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example")
	compare(b, relay.runs(b, 20), lazy.runs(b, 20), 0.6, 0.5)
}

// bareHandler is what keyrelay is compared with: it moves nothing, checks nothing and logs nothing.
func bareHandler(downstream string) {
	transport := &http.Transport{}
	lambda.Start(func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		request, err := http.NewRequestWithContext(ctx, event.HTTPMethod, downstream+"/orders?customer=c-42", strings.NewReader(event.Body))
		if err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
		for _, name := range []string{"Accept", "Content-Type", "User-Agent"} {
			request.Header.Set(name, event.Headers[name])
		}
		request.Header.Set("Accept-Encoding", "identity")
		request.Header.Set("Via", "1.1 bare")
		request.Header.Set("X-Downstream-Key", "0123456789abcdef")
		answer, err := transport.RoundTrip(request)
		if err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return events.APIGatewayProxyResponse{StatusCode: answer.StatusCode, Body: string(body)}, err
	})
}

// A function is a process that serves invocations of one Runtime API endpoint.
type function struct {
	process *process
	event   []byte
	next    chan struct{}
	done    chan struct{}
	// handed is when the last event was handed out, and answered when its answer was there.
	handed, answered time.Time
}

// startFunction starts a program at a Runtime API endpoint of its own,
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
func startFunction(b *testing.B, program string, event []byte, environment ...string) *function {
	started := &function{event: event, next: make(chan struct{}), done: make(chan struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: started}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	started.process = start(b, program, append(environment, "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=speed", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256")...)
	started.process.drain()
	started.run(b, 200)
	return started
}

// startRelay starts a program of keyrelay as a function that may call the downstream.
func startRelay(b *testing.B, program, downstream string, event []byte) *function {
	b.Helper()
	return startFunction(b, program, event, "AWS_SAM_LOCAL=true", "KEYRELAY_DESTINATIONS="+documents(b, downstream), "DOWNSTREAM_KEY=0123456789abcdef")
}

// ServeHTTP hands out invocations and takes their answers.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		select {
		case <-f.next:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(30*time.Second).UnixMilli()))
		f.handed = time.Now()
		_, _ = w.Write(f.event)
		return
	}
	answer, _ := io.ReadAll(r.Body)
	f.answered = time.Now()
	w.WriteHeader(http.StatusAccepted)
	var response events.APIGatewayProxyResponse
	if json.Unmarshal(answer, &response) != nil || response.StatusCode != http.StatusOK {
		panic("the function did not answer 200: " + string(answer))
	}
	f.done <- struct{}{}
}

// run makes a number of invocations, one after the other.
func (f *function) run(b *testing.B, count int) (elapsed, cpu time.Duration) {
	before, began := f.process.cpu(b), time.Now()
	for range count {
		select {
		case f.next <- struct{}{}:
			<-f.done
		case <-f.process.ended:
			b.Fatal("the function ended")
		}
	}
	return time.Since(began), f.process.cpu(b) - before
}

// runs makes a number of invocations at each call.
func (f *function) runs(b *testing.B, count int) measurement {
	return func() (elapsed, cpu time.Duration) { return f.run(b, count) }
}

// restEvent is an event of a REST API as the gateway sends it.
func restEvent(downstream, body string) []byte {
	headers := map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "Host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
		"User-Agent": "osmos", "X-Amzn-Trace-Id": "Root=1-5e66d96f-7491f09xmpl79d18acf3d050", "X-Api-Key": "caller-key",
		"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https",
		"X-Osmos-Outbound-Url": downstream + "/orders", "X-Osmos-Query-Param-Fields": "customer",
	}
	multi := make(map[string][]string)
	for name, value := range headers {
		multi[name] = []string{value}
	}
	event, _ := json.Marshal(events.APIGatewayProxyRequest{
		Resource: "/", Path: "/", HTTPMethod: "POST", Headers: headers, MultiValueHeaders: multi, Body: body,
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: "123456789012", ResourceID: "2gxmpl", Stage: "v1", DomainName: "abcdefghij.execute-api.us-east-1.amazonaws.com",
			RequestID: "1d3e9c2b-5a4f-4a7e-8f00-9d1e2f3a4b5c", Protocol: "HTTP/1.1", ResourcePath: "/", HTTPMethod: "POST", APIID: "abcdefghij",
			RequestTime: "22/Nov/2026:07:11:00 +0000", RequestTimeEpoch: 1795331460000,
			Identity: events.APIGatewayRequestIdentity{SourceIP: "203.0.113.7", UserAgent: "osmos", APIKey: "caller-key", APIKeyID: "abcdef1234"},
		},
	})
	return event
}
