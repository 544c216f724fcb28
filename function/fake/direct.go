package fake

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/upstream"
)

// Direct is an HTTP client that calls its server as a function, for a testing/synctest
// bubble, which has no network.
type Direct struct{ http.Handler }

// Do passes a request to the handler. It implements aws.HTTPClient.
func (d Direct) Do(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	served := make(chan struct{})
	go func() {
		defer close(served)
		d.ServeHTTP(recorder, request)
	}()
	select {
	case <-served:
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	response := recorder.Result()
	response.Request = request
	return response, nil
}

// Call is an upstream.CallFunc with the bounds and reasons of Client.Call.
func (d Direct) Call(ctx context.Context, of *destination.Destination, request *http.Request, _ *tls.Certificate, limit int) (*upstream.Answer, error) {
	asked := cache.Now()
	limited, cancel := context.WithTimeout(ctx, of.AuxiliaryTimeout)
	defer cancel()
	request.Header.Set("User-Agent", upstream.UserAgent)
	response, err := d.Do(request.WithContext(limited))
	if err != nil {
		return nil, &gateway.Refusal{Reason: upstream.ErrTimeout, Cause: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, &gateway.Refusal{Reason: upstream.ErrAnswerIncomplete, Cause: err}
	case len(body) > limit:
		return nil, &gateway.Refusal{Reason: upstream.ErrAnswerTooLarge}
	}
	return &upstream.Answer{Status: response.StatusCode, Header: response.Header, Body: body, Asked: asked}, nil
}
