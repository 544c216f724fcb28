package relay_test

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// resultOf has one record delivered in a batch, and returns the result of it.
func (s *stage) resultOf(t *testing.T, answer http.HandlerFunc) (string, answer) {
	t.Helper()
	s.api.answerWith(answer)
	got := s.send(t.Context(), s.post("/v2/orders", `[{"n":1}]`, "Content-Type", "application/json"))
	text := strings.TrimPrefix(strings.TrimSuffix(string(got.body), "]"), "[")
	if _, results, found := strings.Cut(string(got.body), `"results":[`); found {
		text = strings.TrimSuffix(results, "]}")
	}
	return text, got
}

// splitAPI is an API that takes one record at a time.
const splitAPI = loopbackAPI + `x-keyrelay-batch: split
`

// TestResultBodies sees that every body is told in a batch, in one text that is UTF-8
// and JSON: as JSON, as a text in whatever character set it came, or as base64.
func TestResultBodies(t *testing.T) {
	s := newStage(t, splitAPI)
	for name, test := range map[string]struct{ contentType, body, want string }{
		"JSON":                           {"application/json", ` {"a" : 1.10} `, `"body":{"a" : 1.10}`},
		"JSON with a byte order mark":    {"application/json", "\ufeff[1]", `"body":[1]`},
		"JSON in Latin-1":                {"application/json; charset=ISO-8859-1", "{\"a\":\"\xe9\"}", `"body":{"a":"é"}`},
		"JSON that says it is Latin-1":   {"application/json; charset=iso-8859-1", `{"a":"é"}`, `"body":{"a":"é"}`},
		"JSON in UTF-16":                 {"application/json; charset=utf-16", "\xfe\xff\x00[\x001\x00]", `"body":[1]`},
		"JSON in UTF-16 that says none":  {"application/json", "\xff\xfe[\x001\x00]\x00", `"body":[1]`},
		"JSON in Latin-1 that says none": {"application/json", "{\"a\":\"\xe9\"}", `"base64":"eyJhIjoi6SJ9","mediaType":"application/json"`},
		"nearly JSON":                    {"application/json", `{"a":1,}`, `"body":"{\"a\":1,}"`},
		"deep JSON":                      {"application/json", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), `"body":"` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `"`},
		"a text":                         {"text/plain", "a \"b\"\n\x00\u2028", `"body":"a \"b\"\n\u0000` + "\u2028" + `"`},
		"a text in windows-1252":         {`text/plain; charset="windows-1252"`, "10 \x80", `"body":"10 €"`},
		"a text in cp1252":               {`text/plain; charset=CP1252`, "10 \x80", `"body":"10 €"`},
		"a text in Latin-1":              {"text/plain; charset=latin1", "caf\xe9", `"body":"café"`},
		"a text in Latin-9":              {"text/plain; charset=ISO_8859-15", "10 \xa4", `"body":"10 €"`},
		"a text in KOI8-R":               {"text/plain; charset=koi8-r", "\xc4\xc1", `"body":"да"`},
		"a text in UTF-16LE":             {"text/plain; charset=utf-16le", "\xac\x20", `"body":"€"`},
		"a text in half a UTF-16":        {"text/plain; charset=utf-16le", "\x3d\xd8", `"base64":"Pdg=","mediaType":"text/plain; charset=utf-16le"`},
		"a text in an unknown one":       {"text/plain; charset=shift_jis", "\x83\x41", `"base64":"g0E=","mediaType":"text/plain; charset=shift_jis"`},
		"seven bits of an unknown one":   {"text/plain; charset=iso-2022-jp", "\x1b$B%\"\x1b(B", `"base64":"GyRCJSIbKEI=","mediaType":"text/plain; charset=iso-2022-jp"`},
		"a text of no media type":        {"", "caf\xe9", `"base64":"Y2Fm6Q==","mediaType":""`},
		"an image":                       {"image/png", "\x89PNG", `"base64":"iVBORw==","mediaType":"image/png"`},
		"nothing":                        {"", "", `"body":""`},
	} {
		got, _ := s.resultOf(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{test.contentType}
			_, _ = io.WriteString(w, test.body)
		})
		if difference := cmp.Diff(`{"status":200,`+test.want+`}`, got); difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
	}
}

// TestResultsHoldNoCredential sees that no charset in which an API echoes its key gets it
// into a batch's answer, where all of them become UTF-8.
func TestResultsHoldNoCredential(t *testing.T) {
	s := newStage(t, managedDocument+"x-keyrelay-batch: split\n")
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	for contentType, charset := range map[string]encoding.Encoding{
		"application/json": big, "text/plain": big, `text/plain; charset="UTF-16"`: big, "text/plain;charset=utf-16le": little,
		"text/plain; charset=windows-1252": charmap.Windows1252, `text/plain; charset="IBM Code Page 037"`: charmap.CodePage037,
	} {
		got, _ := s.resultOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			body, _ := charset.NewEncoder().String(`{"key": "` + r.Header.Get("X-Partner-Key") + `"}`)
			_, _ = io.WriteString(w, body)
		})
		if strings.Contains(got, theKey) || !strings.Contains(got, "***") && !strings.Contains(got, "base64") {
			t.Errorf("%s: %s", contentType, got)
		}
	}
}

// TestResultHeaders sees what else of an answer a batch tells: where it points to, and when to try again.
func TestResultHeaders(t *testing.T) {
	s := newStage(t, splitAPI)
	for name, test := range map[string]struct {
		status      int
		header      http.Header
		want, retry string
	}{
		"created":            {201, http.Header{"Location": {"/orders/1"}}, `{"status":201,"location":"/orders/1","body":""}`, ""},
		"moved":              {307, http.Header{"Location": {"http://b.example/?a=1&b"}}, `{"status":307,"location":"http://b.example/?a=1&b","body":""}`, ""},
		"too many requests":  {429, http.Header{"Retry-After": {"17"}}, `{"status":429,"retryAfter":17,"body":""}`, "17"},
		"a date of the past": {503, http.Header{"Retry-After": {"Thu, 26 Nov 2020 15:00:00 GMT"}}, `{"status":503,"body":""}`, ""},
		"no date":            {503, http.Header{"Retry-After": {"soon"}}, `{"status":503,"body":""}`, ""},
		"below zero":         {503, http.Header{"Retry-After": {"-1"}}, `{"status":503,"body":""}`, ""},
		"too great":          {503, http.Header{"Retry-After": {"99999999999999999999"}}, `{"status":503,"body":""}`, ""},
		"accepted":           {200, http.Header{"Retry-After": {"17"}}, `{"status":200,"retryAfter":17,"body":""}`, ""},
	} {
		got, whole := s.resultOf(t, func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), test.header)
			w.WriteHeader(test.status)
		})
		if got != test.want || whole.header.Get("Retry-After") != test.retry {
			t.Errorf("%s: got %s with Retry-After %q", name, got, whole.header.Get("Retry-After"))
		}
	}
}

// TestBatchRetryAfter sees the longest Retry-After of all records that were refused for now.
func TestBatchRetryAfter(t *testing.T) {
	s := newStage(t, splitAPI)
	s.api.answerWith(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", r.URL.Query().Get("wait"))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	got := s.send(t.Context(), s.post("/v2/orders", `[{"wait":"3"},{"wait":"40"},{"wait":"5"}]`, "Content-Type", "application/json", "X-Osmos-Query-Param-Fields", "wait"))
	if got.problem != "batch-incomplete" || got.header.Get("Retry-After") != "40" {
		t.Errorf("Retry-After is %q: %s", got.header.Get("Retry-After"), got.body)
	}
}

// TestEmptyBatch sees that no records have no results.
func TestEmptyBatch(t *testing.T) {
	s := newStage(t, splitAPI)
	for _, body := range []string{"[]", " [ ] "} {
		got := s.send(t.Context(), s.post("/v2/orders", body, "Content-Type", "application/json"))
		if got.status != http.StatusOK || string(got.body) != "[]" || len(s.api.Take()) != 0 {
			t.Errorf("%q: %d %s", body, got.status, got.body)
		}
	}
}
