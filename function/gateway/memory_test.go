package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"keyrelay/function/gateway"
)

// made returns how many bytes work makes, garbage included.
func made(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestAllocations holds a handler to three allocations for a request and its
// answer: one string for all texts, the body, and the encoded answer.
func TestAllocations(t *testing.T) {
	skipUnderRace(t)
	for name, payload := range map[string][]byte{"REST": restEvent(t), "HTTP API": httpAPIEvent(t)} {
		handler := gateway.Lambda(typicalHandler(), nil)
		if got := testing.AllocsPerRun(1000, func() { handler.Invoke(context.Background(), payload) }); got > 3 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// TestLargeEvent sees that a body is copied once on its way in and once on its way out.
func TestLargeEvent(t *testing.T) {
	skipUnderRace(t)
	const size = 6 << 20
	body := large(size)
	payload := asJSON(t, map[string]any{"path": "/", "httpMethod": "POST", "body": body})
	response := &gateway.Response{Status: 200, Body: []byte(body[:5<<20])}
	var got []byte
	handler := gateway.Lambda(handlerFunc(func(_ context.Context, request *gateway.Request, err error) *gateway.Response {
		if got = request.Body; err != nil {
			t.Error(err)
		}
		return response
	}), nil)
	var answer []byte
	bytes := made(func() { answer, _ = handler.Invoke(context.Background(), payload) })
	if limit := uint64(size + len(answer) + 1<<20); bytes > limit {
		t.Errorf("%d bytes were made, more than %d", bytes, limit)
	}
	if string(got) != body {
		t.Errorf("a body of %d bytes arrived as %d others", size, len(got))
	}
}

// TestDeclaredBodyCostsNothing sees that a caller who declares a long body and
// sends none is given no memory for it.
func TestDeclaredBodyCostsNothing(t *testing.T) {
	handler := gateway.HTTP(handlerFunc(func(_ context.Context, _ *gateway.Request, err error) *gateway.Response {
		if !errors.Is(err, gateway.ErrRecordBroken) {
			t.Errorf("error %v", err)
		}
		return ok()
	}))
	request := httptest.NewRequest("POST", "/", brokenBody{})
	request.ContentLength = gateway.MaxRecordBytes
	if got := made(func() { handler.ServeHTTP(httptest.NewRecorder(), request) }); got > 128<<10 {
		t.Errorf("%d bytes were made", got)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestLongestBody sees that little is thrown away while the longest body is read.
func TestLongestBody(t *testing.T) {
	body := large(gateway.MaxRecordBytes)
	handler := gateway.HTTP(handlerFunc(func(_ context.Context, request *gateway.Request, err error) *gateway.Response {
		if err != nil || len(request.Body) != len(body) {
			t.Errorf("a body of %d bytes, error %v", len(request.Body), err)
		}
		return ok()
	}))
	for _, length := range []int64{gateway.MaxRecordBytes, -1} {
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		request.ContentLength = length
		if got := made(func() { handler.ServeHTTP(httptest.NewRecorder(), request) }); got > 13<<20 {
			t.Errorf("%d bytes were made for a declared length of %d", got, length)
		}
	}
}

// TestLargeEventIsNotKept sees that the memory that one large event took is not kept for the next.
func TestLargeEventIsNotKept(t *testing.T) {
	skipUnderRace(t)
	handler := gateway.Lambda(handlerFunc(func(context.Context, *gateway.Request, error) *gateway.Response { return ok() }), nil)
	kept := func(payload []byte) uint64 {
		var before, after runtime.MemStats
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		runtime.GC()
		runtime.GC() // the second one takes what a pool let go of
		runtime.ReadMemStats(&before)
		if _, err := handler.Invoke(context.Background(), payload); err != nil {
			t.Error(err)
		}
		runtime.GC() // what is in a pool survives the first
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(payload)
		return max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
	}
	for name, values := range map[string][]string{
		"one long value":  {strings.Repeat("x", 5<<20)},
		"many values":     make([]string, 50_000),
		"a few of a kind": {"x", "y"},
	} {
		payload := asJSON(t, map[string]any{"path": "/", "httpMethod": "POST", "multiValueHeaders": map[string]any{"X-Large": values}})
		if got := kept(payload); got > 256<<10 {
			t.Errorf("%s: %d bytes were kept", name, got)
		}
	}
}
