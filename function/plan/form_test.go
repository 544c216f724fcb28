package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/plan"
)

// readForm reads a form the way that servers do.
func readForm(t *testing.T, contentType string, body []byte) url.Values {
	t.Helper()
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(contentType, err)
	}
	if mediaType == "application/x-www-form-urlencoded" {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		return values
	}
	values, parts := url.Values{}, multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		values.Add(part.FormName(), string(text))
	}
}

// wantForm says the plain way what a record becomes without an encoding: each scalar
// a value, each element of an array one, anything deeper JSON.
func wantForm(record map[string]json.RawMessage) url.Values {
	form := url.Values{}
	for name, value := range record {
		var elements []json.RawMessage
		if json.Unmarshal(value, &elements) != nil || value[0] != '[' {
			elements = []json.RawMessage{value}
		}
		for _, element := range elements {
			var text string
			switch {
			case string(element) == "null":
				continue
			case json.Unmarshal(element, &text) != nil:
				text = string(element)
			}
			form.Add(name, text)
		}
	}
	return form
}

// FuzzForm sends records as forms of both kinds and reads them back as servers do:
// they say the same, nothing more, and no text breaks out of its pair or part.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		`{"To":"+1555","Body":"a&b=c d","n":1.10,"big":12345678901234567890,"t":true,"none":null,"e":""}`, `{"metadata[order]":"1","a":[1,null,"x",{"b":[2]}]}`,
		`{"o":{"a" : 1},"":"x","&=":"&="}`, "{\"a\":\"\\r\\n--keyrelay\\r\\nContent-Disposition: form-data; name=\\\"b\\\"\\r\\n\\r\\nc\"}", `{"a\"b":1,"c\\":2}`, `{"a":"\ud800"}`, `{}`, `{"a":[]}`,
	} {
		f.Add([]byte(seed))
	}
	set := load(f, "testdata/destinations")
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, ok := decodeRecord(text); !ok {
			return
		}
		var record map[string]json.RawMessage
		if json.Unmarshal(text, &record) != nil {
			return
		}
		for _, path := range []string{"messages", "plain-files"} {
			outbound, err := plan.New(set, to("POST", "https://forms.example.com/"+path, text))
			if err != nil {
				if !isHalfPair(err) {
					t.Fatal(err)
				}
				continue
			}
			multipart := path == "plain-files"
			if multipart && strings.ContainsAny(string(text), "\\%\x7f") {
				continue // mime.ParseMediaType reads backslashes as escapes, as browsers do not
			}
			got := readForm(t, outbound.Header.Get("Content-Type"), outbound.Body)
			if difference := cmp.Diff(wantForm(record), got); difference != "" {
				t.Errorf("%s as %s:\n%s", text, path, difference)
			}
		}
	})
}

// TestFormLimit refuses records that would become a form of any length: each element
// of an array repeats its member's name, and each leaf of a deepObject all names above.
func TestFormLimit(t *testing.T) {
	set := load(t, "testdata/destinations")
	name, ones := strings.Repeat("n", 100_000), strings.Repeat("1,", 100_000)
	deep := strings.Repeat(`{"`+strings.Repeat("d", 10_000)+`":`, 30) + `[` + ones + `1]` + strings.Repeat("}", 30)
	for url, record := range map[string]string{
		"messages": `{"` + name + `":[` + ones + `1]}`, "payments": `{"items":` + deep + `}`, "files": `{"a":[` + strings.Repeat("1,", 2_000_000) + `1]}`,
	} {
		before := allocated()
		checkReason(t, set, to("POST", "https://forms.example.com/"+url, []byte(record)), plan.ErrRecordTooLarge)
		if grown := allocated() - before; grown > 200<<20 {
			t.Errorf("%s: %d bytes were allocated", url, grown)
		}
	}
	checkReason(t, set, to("POST", "https://forms.example.com/messages", []byte(`{"a":"`+strings.Repeat("&", 4<<20)+`"}`)), plan.ErrRecordTooLarge) // each becomes %26
	before := allocated()
	leaves := `{"a&b":{"` + strings.Repeat("d", 20_000) + `":[` + strings.Repeat("1,", 15_000) + `1]}}`
	checkReason(t, set, to("GET", "https://styles.example.com/deep", []byte(leaves)), plan.ErrRecordTooLarge)
	if grown := allocated() - before; grown > 4<<20 {
		t.Errorf("%d bytes were allocated for a query of names", grown)
	}
	for levels, reason := range map[int]error{30: nil, 33: plan.ErrRecord, 900: plan.ErrRecord} {
		record := `{"items":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`
		if _, err := plan.New(set, to("POST", "https://forms.example.com/payments", []byte(record))); !errors.Is(err, reason) {
			t.Errorf("%d levels: %v", levels, err)
		}
		record = strings.Replace(record, "items", "expand", 1)
		if _, err := plan.New(set, to("GET", "https://styles.example.com/deep", []byte(record))); (err == nil) != (reason == nil) {
			t.Errorf("%d levels in a query: %v", levels, err)
		}
	}
	before = allocated()
	commas := newPlan(t, set, to("POST", "https://forms.example.com/payments", []byte(`{"commas":[`+strings.Repeat("1,", 4_000_000)+`1]}`)))
	if grown := allocated() - before; grown > 80<<20 || len(commas.Body) != len("commas=")+8_000_001 {
		t.Errorf("%d bytes were allocated for %d", grown, len(commas.Body))
	}
	large := `{"a":"` + strings.Repeat("x", 9<<20) + `"}`
	if outbound := newPlan(t, set, to("POST", "https://forms.example.com/messages", []byte(large))); len(outbound.Body) != 9<<20+2 {
		t.Errorf("%d bytes of a large text are sent", len(outbound.Body))
	}
}

// TestBoundary makes sure that equal records have equal boundaries, so that a dry run
// shows what is sent, that others have others, and that a token gives no part of one.
func TestBoundary(t *testing.T) {
	set := load(t, "testdata/destinations")
	var seen []string
	for _, record := range []string{`{"a":1}`, `{"a":1}`, `{"a":2}`, `{"b":1}`} {
		outbound := newPlan(t, set, to("POST", "https://forms.example.com/files", []byte(record)))
		seen = append(seen, outbound.Header.Get("Content-Type"))
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(seen))); seen[0] != seen[1] || len(distinct) != 3 {
		t.Errorf("%q", seen)
	}
	for _, record := range []string{`{"a":1,"moved":1}`, `{"a":1,"moved":2}`} {
		request := to("POST", "https://forms.example.com/files", []byte(record))
		request.Header.Set("X-Osmos-Query-Param-Fields", "moved")
		if outbound := newPlan(t, set, request); outbound.Header.Get("Content-Type") != seen[0] {
			t.Error("what leaves the record makes the boundary")
		}
	}
}
