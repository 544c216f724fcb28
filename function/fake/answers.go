package fake

import (
	"fmt"
	"io"
	"net/http"
)

// Says answers with a body and its media type; "" for none.
func Says(status int, mediaType, body string) Handler {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if mediaType != "" {
			w.Header().Set("Content-Type", mediaType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Tokens answers as a token endpoint does (RFC 6749 section 5.1), with a token that
// contains the call's number and lives that many seconds.
func Tokens(seconds int) Handler {
	return func(call int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token": "token-number-%d", "token_type": "bearer", "expires_in": %d}`, call, seconds) // #nosec G705 -- two numbers
	}
}

// CutOff ends the connection in the middle of the body that it announced.
func CutOff(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, part)
	}
}
