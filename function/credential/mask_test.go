package credential_test

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

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// heldWith is a credential with one scheme and its secret.
func heldWith(t testing.TB, secret string, change func(*destination.SecurityScheme)) *credential.Credential {
	t.Helper()
	scheme := header(managed("keyrelay/it", ""))
	change(scheme)
	return mustGet(t, storeOn(t, newEndpoint(map[string]string{"keyrelay/it": secret})), planWith(scheme))
}

func asBasic(s *destination.SecurityScheme) { s.Kind, s.Field = destination.Basic, "Authorization" }

func inQuery(s *destination.SecurityScheme) { s.In = "query" }

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
		held := heldWith(t, secret, inQuery)
		for name, echoed := range encodings(secret) {
			response := &gateway.Response{
				Body:   []byte(`{"before": "` + echoed + `", "twice": "x` + echoed + echoed + `"}`),
				Header: http.Header{"Location": {"/?a=" + echoed + "&b", "/"}, "Etag": {`"other"`}},
			}
			if found := held.Mask(response); !slices.Equal(found, []string{"partnerKey"}) {
				t.Errorf("%s of %q: found %v", name, secret, found)
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
	held := heldWith(t, secret, inQuery)
	for before := range 7 {
		for after := range 4 {
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
				text := encoding.EncodeToString([]byte("0123456"[:before] + secret + "6543"[:after]))
				response := &gateway.Response{Body: []byte(text)}
				held.Mask(response)
				left := strings.ReplaceAll(string(response.Body), "***", "")
				if kept := len(text) - len(left); kept < (len(secret)*8-10)/6 {
					t.Errorf("%d before, %d behind: %s became %s", before, after, text, response.Body)
				}
			}
		}
	}
}

// TestMaskBasic hides the header's value, the pair and the password alone, but
// not the user's name.
func TestMaskBasic(t *testing.T) {
	held := heldWith(t, `{"username": "Aladdin-of-Agrabah", "password": "open sesame"}`, asBasic)
	const header = "QWxhZGRpbi1vZi1BZ3JhYmFoOm9wZW4gc2VzYW1l"
	for sent, want := range map[string]string{
		"Basic " + header:                "Basic ***",
		"Aladdin-of-Agrabah:open sesame": "***",
		"password=open+sesame":           "password=***",
		"user=Aladdin-of-Agrabah":        "user=Aladdin-of-Agrabah",
	} {
		response := &gateway.Response{Body: []byte(sent)}
		held.Mask(response)
		if string(response.Body) != want {
			t.Errorf("%q became %q, want %q", sent, response.Body, want)
		}
	}
}

// TestMaskMembers hides what a template was filled with.
func TestMaskMembers(t *testing.T) {
	held := heldWith(t, `{"key": "inner-key"}`, func(s *destination.SecurityScheme) {
		s.Value = &destination.ValueTemplate{Parts: []destination.TemplatePart{{Literal: "Token token="}, {Pointer: "/key", IsPointer: true}}}
	})
	response := &gateway.Response{Body: []byte("Token token=inner-key|inner-key")}
	if held.Mask(response); string(response.Body) != "***|***" {
		t.Errorf("left %s", response.Body)
	}
}

// TestMaskLeavesAlone leaves an answer without the secret as it is, and one whose
// secret is too short to be told from ordinary text.
func TestMaskLeavesAlone(t *testing.T) {
	body := []byte(`{"almost": "k-123456", "cut": "k-12345`)
	response := &gateway.Response{Body: body, Header: http.Header{"X-Short": {"", "k"}}}
	held := heldWith(t, "k-1234567", inQuery)
	if found := held.Mask(response); found != nil || &response.Body[0] != &body[0] || len(response.Body) != len(body) {
		t.Errorf("found %v in %s", found, response.Body)
	}
	if allocated := testing.AllocsPerRun(100, func() { held.Mask(response) }); allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
	response = &gateway.Response{Body: []byte("seven-7 seven-7")}
	if found := heldWith(t, "seven-7", inQuery).Mask(response); found != nil || string(response.Body) != "seven-7 seven-7" {
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
		held := heldWith(t, secret, inQuery)
		for _, echoed := range slices.Sorted(maps.Values(encodings(secret))) {
			response := &gateway.Response{Body: []byte(before + echoed + after)}
			if held.Mask(response) == nil || bytes.Contains(response.Body, []byte(secret)) {
				t.Errorf("%q is left in %q", secret, response.Body)
			}
		}
	})
}

// BenchmarkMask masks the largest answer, which holds nothing to hide.
func BenchmarkMask(b *testing.B) {
	held := heldWith(b, `{"username": "partner", "password": "sk_live_51H8xQ2e/ZvKYlo2C0+aBc"}`, asBasic)
	response := &gateway.Response{Body: bytes.Repeat([]byte(`{"id": 12345, "name": "An order of 17 items", "ok": true},`+"\n"), gateway.MaxAnswerBytes/60)}
	b.SetBytes(int64(len(response.Body)))
	b.ReportAllocs()
	for b.Loop() {
		held.Mask(response)
	}
}
