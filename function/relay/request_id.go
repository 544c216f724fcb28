package relay

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"

	"keyrelay/function/gateway"
)

// maxIDLength bounds a request id that the caller chose.
const maxIDLength = 128

// idCharacters are what such an id may be made of.
const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+=@"

// requestID returns what the log and the answer call a request: the gateway's id, the
// trace id of its traceparent (W3C Trace Context section 3.2), its X-Request-Id, or
// one made here.
func requestID(request *gateway.Request) string {
	if request.ID != "" {
		return request.ID
	}
	if id := traceID(request.Header["Traceparent"]); id != "" {
		return id
	}
	if sent := request.Header["X-Request-Id"]; len(sent) == 1 && isID(sent[0]) {
		return sent[0]
	}
	return madeID()
}

// madeID returns an id that no other request has, as long as a trace id.
func madeID() string {
	return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) // #nosec G404 -- it tells requests apart and is no secret
}

// traceID returns the trace id of a traceparent; empty if there is no valid one.
func traceID(sent []string) string {
	if len(sent) != 1 {
		return ""
	}
	parts := strings.Split(sent[0], "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || len(parts[1]) != 32 || strings.Trim(parts[1], "0") == "" || parts[1] != strings.ToLower(parts[1]) {
		return ""
	}
	if _, err := hex.DecodeString(parts[1]); err != nil {
		return ""
	}
	return parts[1]
}

// isID reports whether a text is fit for a log and a header.
func isID(text string) bool {
	return text != "" && len(text) <= maxIDLength &&
		strings.Trim(text, idCharacters) == ""
}
