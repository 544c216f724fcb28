package speed_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// record is a flat record of about the given size with a field to move.
func record(size int) string {
	var text strings.Builder
	text.WriteString(`{"customer":"c-42"`)
	for i := 0; text.Len() < size; i++ {
		text.WriteString(`,"field` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + json.Number(strconv.Itoa(i)).String() + `":"value with some text ` + strconv.Itoa(i) + `"`)
	}
	text.WriteString("}")
	return text.String()
}

// startDownstream answers every request with a small JSON document.
func startDownstream(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"o-1","state":"accepted","items":[1,2,3]}`)
	}))
	b.Cleanup(server.Close)
	return server.URL
}
