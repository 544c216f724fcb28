package mask_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
	"keyrelay/function/mask"
)

// encodings are what an answer may do to a text that it echoes.
func encodings(secret string) map[string]string {
	marshalled, _ := json.Marshal(secret)
	inJSON := string(marshalled[1 : len(marshalled)-1])
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(secret)
	query := url.QueryEscape(secret)
	return map[string]string{
		"raw": secret, "query": query, "path": url.PathEscape(secret), "RFC 3986": strings.ReplaceAll(query, "+", "%20"),
		"lower case":      lowerHex(query),
		"lower case path": lowerHex(url.PathEscape(secret)),
		"JSON of Go":      inJSON, "JSON": plain.String()[1 : plain.Len()-2], "JSON of PHP": strings.ReplaceAll(inJSON, "/", `\/`),
	}
}

func lowerHex(encoded string) string {
	parts := strings.Split(encoded, "%")
	for i, part := range parts[1:] {
		parts[i+1] = strings.ToLower(part[:2]) + part[2:]
	}
	return strings.Join(parts, "%")
}

// TestMask finds a secret in whatever way it is echoed, in body and header.
func TestMask(t *testing.T) {
	for _, secret := range []string{"k-1234567", "a/b+c d=e&f\"g\\h<i>é~!*'()", "sk_live_51H8xQ2eZvKYlo2C0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789", strings.Repeat("long", 50)} {
		masker := mask.New(secret)
		for name, echoed := range encodings(secret) {
			response := &gateway.Response{
				Body:   []byte(`{"before": "` + echoed + `", "twice": "x` + echoed + echoed + `"}`),
				Header: http.Header{"Location": {"/?a=" + echoed + "&b", "/"}, "Etag": {`"other"`}},
			}
			if !masker.Mask(response) {
				t.Errorf("%s of %q: not found", name, secret)
			}
			if got := string(response.Body); got != `{"before": "***", "twice": "x******"}` {
				t.Errorf("%s of %q left %s", name, secret, got)
			}
			want := http.Header{"Location": {"/?a=***&b", "/"}, "Etag": {`"other"`}}
			if difference := cmp.Diff(want, response.Header); difference != "" {
				t.Errorf("%s of %q (-want +got):\n%s", name, secret, difference)
			}
		}
	}
}

// TestMaskBase64 finds a secret within base64 of anything, in both alphabets: what
// is left of it when decoded is less than a byte at each end.
func TestMaskBase64(t *testing.T) {
	const secret = "key~?>ü/ü>?~key"
	masker := mask.New(secret)
	for before := range 7 {
		for after := range 4 {
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
				text := encoding.EncodeToString([]byte("0123456"[:before] + secret + "6543"[:after]))
				response := &gateway.Response{Body: []byte(text)}
				masker.Mask(response)
				left := strings.ReplaceAll(string(response.Body), "***", "")
				if kept := len(text) - len(left); kept < (len(secret)*8-10)/6 {
					t.Errorf("%d before, %d behind: %s became %s", before, after, text, response.Body)
				}
			}
		}
	}
}

// TestMaskLeavesAlone leaves an answer without the secret as it is, and one whose
// secret is too short to be told from ordinary text.
func TestMaskLeavesAlone(t *testing.T) {
	body := []byte(`{"almost": "k-123456", "cut": "k-12345`)
	response := &gateway.Response{Body: body, Header: http.Header{"X-Short": {"", "k"}}}
	masker := mask.New("k-1234567")
	if found := masker.Mask(response); found || &response.Body[0] != &body[0] || len(response.Body) != len(body) {
		t.Errorf("found %v in %s", found, response.Body)
	}
	if allocated := testing.AllocsPerRun(100, func() { masker.Mask(response) }); allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
	response = &gateway.Response{Body: []byte("seven-7 seven-7")}
	if found := mask.New("seven-7").Mask(response); found || string(response.Body) != "seven-7 seven-7" {
		t.Errorf("found %v", found)
	}
}

// FuzzMask looks for what is left of a secret after masking.
func FuzzMask(f *testing.F) {
	f.Add("k-1234567", "a", "b")
	f.Add("aaaaaaaaa", "aaaa", "aaa")
	f.Add("a/b+c d=e", "%20", "\\")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < 8 || len(secret) > 200 || !utf8.ValidString(secret) || strings.ContainsAny(secret, "*{") ||
			strings.Contains("***"+before+after, secret) {
			t.Skip()
		}
		masker := mask.New(secret)
		for _, echoed := range slices.Sorted(maps.Values(encodings(secret))) {
			response := &gateway.Response{Body: []byte(before + echoed + after)}
			if !masker.Mask(response) || bytes.Contains(response.Body, []byte(secret)) {
				t.Errorf("%q is left in %q", secret, response.Body)
			}
		}
	})
}

// BenchmarkMask masks the largest answer, which holds nothing to hide.
func BenchmarkMask(b *testing.B) {
	masker := mask.New("sk_live_51H8xQ2e/ZvKYlo2C0+aBc", "partner:sk_live_51H8xQ2e/ZvKYlo2C0+aBc")
	response := &gateway.Response{Body: bytes.Repeat([]byte(`{"id": 12345, "name": "An order of 17 items", "ok": true},`+"\n"), gateway.MaxAnswerBytes/60)}
	b.SetBytes(int64(len(response.Body)))
	b.ReportAllocs()
	for b.Loop() {
		masker.Mask(response)
	}
}
