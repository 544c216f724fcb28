package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyrelay/function/gateway"
)

// A received is what a Handler was called with, kept beyond its return.
type received struct {
	Method, Path, ID string
	Header           http.Header
	Body             []byte
	Err              error
}

func keep(request *gateway.Request, err error) received {
	return received{request.Method, request.Path, request.ID, request.Header.Clone(), bytes.Clone(request.Body), err}
}

// A handlerFunc answers every request, read whole or not.
type handlerFunc func(ctx context.Context, request *gateway.Request, err error) *gateway.Response

func (f handlerFunc) Handle(ctx context.Context, request *gateway.Request) *gateway.Response {
	return f(ctx, request, request.ReadBody())
}

func (f handlerFunc) Refuse(ctx context.Context, request *gateway.Request, err error) *gateway.Response {
	return f(ctx, request, err)
}

func ok() *gateway.Response { return &gateway.Response{Status: http.StatusOK} }

// decode hands one event to the handler and returns what came of it.
func decode(t testing.TB, payload []byte) received {
	t.Helper()
	var got received
	calls := 0
	_, err := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, err error) *gateway.Response {
		got = keep(request, err)
		calls++
		return ok()
	}), nil).Invoke(context.Background(), payload)
	if err != nil {
		t.Fatalf("Invoke returned an error: %v", err)
	}
	if calls != 1 {
		t.Fatalf("the handler was called %d times", calls)
	}
	return got
}

// encode answers an event of the format with response and returns the answer.
func encode(t testing.TB, payload string, response *gateway.Response) (answer []byte, fits bool) {
	t.Helper()
	answer, err := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, _ error) *gateway.Response {
		fits = request.Fits(response)
		return response
	}), nil).Invoke(context.Background(), []byte(payload))
	if err != nil {
		t.Fatalf("Invoke returned an error: %v", err)
	}
	return answer, fits
}

// The smallest events of both formats.
const (
	eventV1 = `{"resource":"/","path":"/","httpMethod":"GET","requestContext":{}}`
	eventV2 = `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`
)

// diff compares what was received, errors by their sentinels and no header with an empty one.
func diff(want, got received) string {
	return cmp.Diff(want, got, cmpopts.EquateErrors(), cmpopts.EquateEmpty())
}

// asJSON returns the JSON text of value.
func asJSON(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// skipUnderRace skips a test that counts allocations: under the race detector a
// sync.Pool drops a part of what is put into it, and append makes more.
func skipUnderRace(t *testing.T) {
	t.Helper()
	build, _ := debug.ReadBuildInfo()
	if slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("allocations are not those of the program under the race detector")
	}
}

// large returns a text of the length with a quotation mark in each 16 bytes.
func large(length int) string {
	return strings.Repeat(`0123456789"abcde`, length/16+1)[:length]
}
