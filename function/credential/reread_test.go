package credential_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/fake"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// TestClientRotated reads the client's secret again when the endpoint does not
// accept it, once, and repeats the retrieval: whatever 4xx it says so with, or a 200
// without a credential.
func TestClientRotated(t *testing.T) {
	for _, refusal := range []struct {
		status int
		body   string
	}{{401, ""}, {400, `{"error": "invalid_client"}`}, {400, `error=invalid_client`}, {400, `{"error": "invalid_grant"}`}, {400, `bad`}, {403, ""}, {404, ""}, {409, ""}, {422, `{}`},
		{200, `{"error": "invalid_client"}`}, {200, `{"error": "bad_verification_code"}`}, {200, `<html>Sign in</html>`}, {200, `{"access_token": ""}`}, {204, ""}} {
		synctest.Test(t, func(t *testing.T) {
			accepted := atomic.Pointer[string]{}
			w := newBubble(map[string]string{"client": client}, func(call int, rw http.ResponseWriter, r *http.Request) {
				if _, secret, _ := r.BasicAuth(); secret != *accepted.Load() {
					fake.Says(refusal.status, "", refusal.body)(call, rw, r)
					return
				}
				fake.Tokens(60)(call, rw, r)
			})
			first, second, third := "the-client-secret", "the-second-secret", "the-third-secret"
			accepted.Store(&first)
			outbound := w.plan(w.oauth())
			w.mustAuthorize(t, outbound, "Bearer token-number-1")
			w.secrets.Put("client", `{"client_id": "the-client", "client_secret": "the-second-secret"}`)
			accepted.Store(&second)
			time.Sleep(time.Minute)
			w.mustAuthorize(t, outbound, "Bearer token-number-3")
			mustHaveCalls(t, w.secrets, 2)
			accepted.Store(&third)
			time.Sleep(time.Minute)
			_, err := w.store.Get(t.Context(), outbound)
			mustFail(t, err, retrieval.ErrFailed, "hush")
			w.mustHaveRetrieved(t, 4)
			mustHaveCalls(t, w.secrets, 1)
		})
	}
}

// TestEndpointFails reads no secret again where the endpoint itself fails or asks to be left alone.
func TestEndpointFails(t *testing.T) {
	for _, status := range []int{429, 500, 502, 503} {
		w := newWorld(t, map[string]string{"client": client}, fake.Says(status, "", ""))
		_, err := w.store.Get(t.Context(), w.plan(w.oauth()))
		mustFail(t, err, retrieval.ErrFailed)
		w.mustHaveRetrieved(t, 1)
		mustHaveCalls(t, w.secrets, 1)
	}
}

// TestInputsFixed reads a secret again that is not of the right shape.
func TestInputsFixed(t *testing.T) {
	for _, broken := range []string{`{"client_secret": "the-client-secret"}`, `{"client_id": "the-client"}`} {
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(map[string]string{"client": broken}, fake.Tokens(60))
			outbound := w.plan(w.oauth())
			_, err := w.store.Get(t.Context(), outbound)
			mustFail(t, err, secret.ErrUnavailable)
			w.secrets.Put("client", client)
			time.Sleep(10 * time.Second)
			w.mustAuthorize(t, outbound, "Bearer token-number-1")
		})
	}
}
