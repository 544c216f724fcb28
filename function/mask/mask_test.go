package mask_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

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
	again, _ := json.Marshal(inJSON)
	return map[string]string{
		"raw": secret, "query": query, "path": url.PathEscape(secret), "RFC 3986": strings.ReplaceAll(query, "+", "%20"),
		"lower case":      lowerHex(query),
		"lower case path": lowerHex(url.PathEscape(secret)),
		"every byte":      percentEncoded(secret, 1),
		"every second":    percentEncoded(secret, 2),
		"twice":           url.QueryEscape(query),
		"JSON of Go":      inJSON, "JSON": plain.String()[1 : plain.Len()-2], "JSON of PHP": strings.ReplaceAll(inJSON, "/", `\/`),
		"JSON of units": inUnits(secret, `\u%04x`), "JSON of upper units": inUnits(secret, `\u%04X`),
		"units in JSON": strings.ReplaceAll(inUnits(secret, `\u%04x`), `\`, `\\`),
		"JSON in JSON":  string(again[1 : len(again)-1]), "path in JSON": strings.ReplaceAll(url.PathEscape(secret), "&", `\u0026`),
		"JSON in a query": url.QueryEscape(inJSON),
		"HTML":            html.EscapeString(secret), "HTML of mustache": inMustache.Replace(html.EscapeString(secret)), "HTML twice": html.EscapeString(html.EscapeString(secret)),
		"HTML of numbers": inReferences(secret, "&#%d;"), "HTML of digits": inReferences(secret, "&#x%04X;"),
		"HTML in JSON": strings.ReplaceAll(html.EscapeString(inJSON), "&", `\u0026`), "HTML in a query": url.QueryEscape(html.EscapeString(secret)),
		"hexadecimal": hex.EncodeToString([]byte(secret)), "upper hexadecimal": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
}

func lowerHex(encoded string) string {
	parts := strings.Split(encoded, "%")
	for i, part := range parts[1:] {
		parts[i+1] = strings.ToLower(part[:2]) + part[2:]
	}
	return strings.Join(parts, "%")
}

// percentEncoded encodes each byte that must be and one of so many others.
func percentEncoded(text string, every int) string {
	var encoded strings.Builder
	for i := range len(text) {
		if plain := text[i : i+1]; i%every != 0 && url.PathEscape(plain) == plain {
			encoded.WriteString(plain)
		} else {
			fmt.Fprintf(&encoded, "%%%02x", text[i])
		}
	}
	return encoded.String()
}

func inUnits(text, format string) string {
	var encoded strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&encoded, format, unit)
	}
	return encoded.String()
}

// inMustache escapes besides what mustache.js does.
var inMustache = strings.NewReplacer("/", "&#x2F;", "=", "&#x3D;", "`", "&#x60;")

func inReferences(text, format string) string {
	var encoded strings.Builder
	for _, c := range text {
		fmt.Fprintf(&encoded, format, c)
	}
	return encoded.String()
}

// bodyAfter is what is left of a body.
func bodyAfter(masker *mask.Masker, body string) string {
	response := &gateway.Response{Body: []byte(body)}
	masker.Mask(response)
	return string(response.Body)
}

// TestMask finds a secret in whatever way it is echoed, in body and header.
func TestMask(t *testing.T) {
	for _, secret := range []string{
		"k-1234567890abcdef", "a/b+c d=e&f\"g\\h<i>é~!*'()", "sk_live_51H8xQ2eZvKYlo2C0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
		strings.Repeat("long", 50) + "er", `CORP\nina:100%25 or 😀 \u0041`, "ends with per cent%", `ends with a \u00`, "1bc/def+41/0041=", "%4%4%41%41bcdefghi",
	} {
		masker := mask.New(secret)
		for name, echoed := range encodings(secret) {
			response := &gateway.Response{
				Body:   []byte(`{"before": "` + echoed + `", "twice": "x` + echoed + echoed + `"}`),
				Header: http.Header{"Location": {"/?a=" + echoed + "&b", "/"}, "X-Other": {`"other"`}},
			}
			if !masker.Mask(response) {
				t.Errorf("%s of %q: not found", name, secret)
			}
			if got := string(response.Body); got != `{"before": "***", "twice": "x******"}` {
				t.Errorf("%s of %q left %s", name, secret, got)
			}
			want := http.Header{"Location": {"/?a=***&b", "/"}, "X-Other": {`"other"`}}
			if difference := cmp.Diff(want, response.Header); difference != "" {
				t.Errorf("%s of %q (-want +got):\n%s", name, secret, difference)
			}
		}
	}
}

// wide writes a text in UTF-16 or UTF-32.
func wide(order binary.AppendByteOrder, size int, text string) string {
	var made []byte
	for _, c := range text {
		if size == 2 {
			made = order.AppendUint16(made, uint16(c))
		} else {
			made = order.AppendUint32(made, uint32(c))
		}
	}
	return string(made)
}

// TestMaskCharsets finds a secret in an answer in another charset than UTF-8, which stays in it.
func TestMaskCharsets(t *testing.T) {
	for _, secret := range []string{"a/b+c d=e&f\"g\\h<i>~!*'()", "key of the caf\u00e9 \u00fcber", "ends with a \\u00", "0123456789abc&&#3"} {
		masker := mask.New(secret)
		for name, echoed := range encodings(secret) {
			for order, size := range map[binary.AppendByteOrder]int{binary.LittleEndian: 2, binary.BigEndian: 4} {
				for range 2 {
					size = 6 - size
					left := bodyAfter(masker, wide(order, size, `{"a": "`+echoed+`", "b": 1}`))
					if utf8.ValidString(echoed) && isASCII(secret) && left != wide(order, size, `{"a": "***", "b": 1}`) || !strings.Contains(strings.ReplaceAll(left, "\x00", ""), "***") {
						t.Errorf("%s of %q in %d bytes, %v: left %q", name, secret, size, order, left)
					}
				}
			}
		}
		latin, err := charmap.ISO8859_1.NewEncoder().String(secret)
		if left := bodyAfter(masker, "caf\xe9 "+latin+"."); err != nil || left != "caf\xe9 ***." {
			t.Errorf("%q in ISO-8859-1 left %q, %v", secret, left, err)
		}
	}
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// TestMaskBeside finds a secret whatever stands directly before it and behind it:
// nothing there can take its first or last bytes for the rest of an escape.
func TestMaskBeside(t *testing.T) {
	beside := []string{"%", "%4", "%25", "%254", "%u", `\`, `\\`, `\u`, `\u00`, `\u004`, `\\u00`, `%5C`, `%5Cu00`, "é", "\xff", "a", "4", "41", "0041", "5", "%%%", "%2525", "&", "&am", "&#", "&#x2", "&amp;", "p;", "lt;", ";", "4;", "5;65;", "4;1", "41"}
	for _, secret := range []string{"1bc/def+41/0041=", "41bcdefghijklmno", "0041 2541-defghi", "name of a long key %", "n/u0041/t/25/abc%4", "lt;x2F;47;a=1&amp;b&", "p;begins and ends&#4", "lt;begins and ends&am", "0123456789abc&&#3", "0123456789ab%4&#3", "0123456789abcd%%3"} {
		masker := mask.New(secret)
		for name, echoed := range encodings(secret) {
			for _, before := range beside {
				for _, after := range beside {
					if left := bodyAfter(masker, before+echoed+after); !strings.Contains(left, "***") || strings.Contains(left, echoed[:len(echoed)-6]) {
						t.Errorf("%s of %q behind %q and before %q: left %q", name, secret, before, after, left)
					}
				}
			}
		}
	}
}

// TestMaskBase64 finds a secret within base64 of anything, in both alphabets: what
// is left of it when decoded is less than a byte at each end.
func TestMaskBase64(t *testing.T) {
	const secret = "key~?>ü/ü>?~key+"
	masker := mask.New(secret)
	encodings := []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding}
	for before := range 7 {
		for after := range 4 {
			for _, encoding := range encodings {
				text := encoding.EncodeToString([]byte("0123456"[:before] + secret + "6543"[:after]))
				mustHide(t, masker, text, (len(secret)*8-10)/6)
				mustHide(t, masker, strings.ReplaceAll(text, "/", `\/`), (len(secret)*8-10)/6)
				mustHide(t, masker, url.QueryEscape(text), (len(secret)*8-10)/6)
				for again := range 3 {
					twice := encoding.EncodeToString([]byte("012"[:again] + text + "end"))
					mustHide(t, masker, twice, (len(secret)*8-10)/6*8/6-3)
				}
			}
		}
	}
}

func mustHide(t *testing.T, masker *mask.Masker, text string, least int) {
	t.Helper()
	masked := bodyAfter(masker, text)
	left := strings.ReplaceAll(masked, "***", "")
	if hidden := len(text) - len(left); hidden < least {
		t.Errorf("%s became %s", text, masked)
	}
}

// TestMaskWhole hides all of a value that another one begins, and of a base64 text
// its end too.
func TestMaskWhole(t *testing.T) {
	const short, long = "sixteen-letters-", "sixteen-letters-and-sixteen-more"
	masker := mask.New(short, long)
	for body, want := range map[string]string{
		long + "|" + short + "|" + short + short: "***|***|******",
		base64.StdEncoding.EncodeToString([]byte(long)) + "|" + base64.RawURLEncoding.EncodeToString([]byte(short)): "***|***",
		strings.ToUpper(long) + "|" + strings.ToLower(short):                                                        "***|***",
	} {
		if left := bodyAfter(masker, body); left != want {
			t.Errorf("%s became %s, want %s", body, left, want)
		}
	}
}

// TestMaskFields takes a secret out of a field's name too, and away from a masked
// answer whatever else says what it held.
func TestMaskFields(t *testing.T) {
	header := func() http.Header {
		made := http.Header{"Content-Type": {"text/plain"}}
		for _, field := range []string{"ETag", "Content-MD5", "Digest", "Repr-Digest", "Content-Digest"} {
			made.Set(field, "of the body")
		}
		return made
	}
	const secret = "Key-1234567890-abcDEF"
	masker := mask.New(secret)
	response := &gateway.Response{Header: header(), Body: []byte("it is " + secret)}
	if masker.Mask(response); len(response.Header) != 1 {
		t.Errorf("left %v", response.Header)
	}
	response = &gateway.Response{Header: header(), Body: []byte("it is " + secret[1:])}
	if masker.Mask(response); len(response.Header) != 6 {
		t.Errorf("an answer without the secret has %v", response.Header)
	}
	response = &gateway.Response{Header: http.Header{http.CanonicalHeaderKey("X-" + secret): {"1"}}}
	if found := masker.Mask(response); !found || response.Header.Get("X-***") != "1" || len(response.Header) != 1 {
		t.Errorf("left %v", response.Header)
	}
}

// TestMaskLeavesAlone leaves an answer without the secret as it is, and one whose
// secret is short enough to be guessed.
func TestMaskLeavesAlone(t *testing.T) {
	body := []byte(`{"almost": "k-1234567890abcde", "cut": "k-123456789\u0030abcde`)
	response := &gateway.Response{Body: body, Header: http.Header{"X-Short": {"", "k"}, "Date": {"Thu, 26 Nov 2026 15:00:00 GMT"}, "Content-Security-Policy": {"default-src 'none'"}}}
	masker := mask.New("k-1234567890abcdef")
	if found := masker.Mask(response); found || &response.Body[0] != &body[0] || len(response.Body) != len(body) {
		t.Errorf("found it in %s", response.Body)
	}
	const guess = "fifteen-letters fifteen-letters 12345678"
	if left := bodyAfter(mask.New("fifteen-letters", "12345678", "", "8-digits"), guess); left != guess {
		t.Errorf("left %s", left)
	}
}

// TestMaskLong finds secrets across whatever parts a long text is looked at in.
func TestMaskLong(t *testing.T) {
	for _, length := range []int{16, 63, 64, 65, 700, 5000} {
		secret := rand.Text()
		for len(secret) < length {
			secret += rand.Text()
		}
		secret = secret[:length-1] + "/"
		masker := mask.New(secret)
		for size := 0; size < 1200; size += 7 {
			filler := strings.Repeat("x", size)
			for _, echoed := range []string{secret, url.QueryEscape(secret), "." + base64.StdEncoding.EncodeToString([]byte(secret))} {
				dot := echoed[:strings.Index(echoed, ".")+1]
				if left := bodyAfter(masker, filler+"%41"+echoed+".%41"+filler); left != filler+"%41"+dot+"***.%41"+filler {
					t.Fatalf("of %d bytes, %d before and behind: left %d bytes", length, size, len(left))
				}
			}
		}
	}
}

// FuzzMask looks for what is left of a secret after masking.
func FuzzMask(f *testing.F) {
	f.Add("k-1234567890abcdef", "a", "b")
	f.Add("aaaaaaaaaaaaaaaaaaaa", "aaaa", "aaa")
	f.Add("1a/b+c d=e/1bc/d%", "%4", "\\")
	f.Add("a=1&lt;b=2&amp;c=3&#47;&", "&am", "lt;")
	f.Add(`u0041 \ud83d\ude00%25é`, `\`, "00")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret)-3*strings.Count(secret, "%")-6*strings.Count(secret, `\`)-9*strings.Count(secret, "&")-strings.Count(secret, "\x00") < 16 || len(secret) > 200 || !utf8.ValidString(secret) ||
			strings.Contains(secret, "*") || strings.Contains(strings.ToLower(secret), `\ud`) || strings.Contains(before+after, secret) {
			t.Skip()
		}
		masker := mask.New(secret)
		for name, echoed := range encodings(secret) {
			left := bodyAfter(masker, before+echoed+after)
			if !strings.Contains(left, "***") || strings.Contains(left, secret) || strings.Contains(left, echoed) {
				t.Errorf("%s of %q is left in %q", name, secret, left)
			}
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(before + secret + after))
		if left := bodyAfter(masker, encoded); !strings.Contains(left, "***") {
			t.Errorf("%q in base64 is left in %q", secret, left)
		}
	})
}

// BenchmarkMask masks the largest answers, which hold nothing to hide.
func BenchmarkMask(b *testing.B) {
	masker := mask.New("sk_live_51H8xQ2e/ZvKYlo2C0+aBc")
	for name, line := range map[string]string{
		"JSON":    `{"id": 12345, "name": "An order of 17 items", "ok": true},` + "\n",
		"escapes": `{"id": 12345, "name": "An \"order\" of 17 items%20", "t":1}` + "\n",
		"base64":  strings.Repeat("AbCd", 15),
	} {
		b.Run(name, func(b *testing.B) {
			response := &gateway.Response{Body: bytes.Repeat([]byte(line), gateway.MaxAnswerBytes/len(line))}
			b.SetBytes(int64(len(response.Body)))
			b.ReportAllocs()
			for b.Loop() {
				masker.Mask(response)
			}
		})
	}
}
