package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/hostile"
	"keyrelay/function/plan"
)

// moving returns a request that moves the fields to the query.
func moving(fields string, body []byte) *gateway.Request {
	return &gateway.Request{
		Method: "POST",
		Path:   "/",
		Header: http.Header{
			"X-Osmos-Outbound-Url":       {"https://api.example.com/orders"},
			"X-Osmos-Query-Param-Fields": {fields},
			"Content-Type":               {"application/json"},
		},
		Body: body,
	}
}

// TestJSONTexts puts each text into a record, beside a field that moves: what must
// not parse is refused, what must parse goes out byte for byte.
func TestJSONTexts(t *testing.T) {
	set := load(t, "testdata/destinations")
	for name, text := range hostile.JSON(t) {
		t.Run(name, func(t *testing.T) {
			record := append(append([]byte(`{"moved":1, "kept":`), text...), '}')
			outbound, err := plan.New(set, moving("moved", record))
			want := "{" + string(record[len(`{"moved":1, `):])
			switch {
			case strings.HasPrefix(name, "n_"):
				mustRefuse(t, err, plan.ErrRecord)
			case strings.HasPrefix(name, "y_"):
				if hasTwins(text) {
					mustRefuse(t, err, plan.ErrRecord)
				} else if err != nil {
					t.Error(err)
				} else if difference := cmp.Diff(want, string(outbound.Body)); difference != "" {
					t.Error(difference)
				}
			default:
				if err == nil && string(outbound.Body) != want {
					t.Errorf("not lossless: %q", outbound.Body)
				}
			}
		})
	}
}

// TestJSONTextsAlone sends each text as the record itself.
func TestJSONTextsAlone(t *testing.T) {
	set := load(t, "testdata/destinations")
	for name, text := range hostile.JSON(t) {
		_, err := plan.New(set, moving("no such field?", text))
		sound := strings.HasPrefix(name, "y_")
		if len(text) == 0 || !sound && !strings.HasPrefix(name, "n_") {
			continue // no body at all is no broken record
		}
		isRecord := sound && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && !hasTwins(text)
		if isRecord != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// mustRefuse makes sure that a refusal has a reason; nil stands for no refusal.
func mustRefuse(t testing.TB, err, reason error) {
	t.Helper()
	if _, ok := errors.AsType[*gateway.Refusal](err); ok != (reason != nil) || !errors.Is(err, reason) {
		t.Errorf("got %v, want a refusal because %v", err, reason)
	}
}

// checkReason plans a request that has to be refused, or, where the reason is nil, not.
func checkReason(t testing.TB, set *destination.Set, request *gateway.Request, reason error) {
	t.Helper()
	_, err := plan.New(set, request)
	mustRefuse(t, err, reason)
}

// hasTwins reports whether an object of a valid text has two members of one name:
// the slow way, by tokens.
func hasTwins(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	twins := false
	var value func()
	value = func() {
		switch token, _ := decoder.Token(); token {
		case json.Delim('{'):
			seen := map[string]bool{}
			for decoder.More() {
				name, _ := decoder.Token()
				twins = twins || seen[name.(string)]
				seen[name.(string)] = true
				value()
			}
			decoder.Token()
		case json.Delim('['):
			for decoder.More() {
				value()
			}
			decoder.Token()
		}
	}
	value()
	return twins
}

// FuzzRecord compares with encoding/json: a text is taken exactly when it is one
// JSON object of valid UTF-8 without twins, a byte order mark skipped, and what is left says the same as before, less the fields that move.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":1,"b":2}`, `{"b":2,"a":1}`, "{ \"b\" : 2 ,\n\"a\" : 1 , \"c\" : [ ] }\n", `{"\u0061":null,"c":{"a":1}}`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"c":{"x":1,"x":2}}`, `[1]`, `{"a":[1,"x",null]}`, `{"a":{}}`, `{"b":"\ud800"}`, `{"a":"\ud800"}`,
		`{"a":"\ud83d\ude00"}`, "\xef\xbb\xbf{}", `{"a":01}`, `{"a":-}`, `{"a":1e5,"b":"\x"}`, `{"b":1}x`, `{"a":1,}`, "{\"b\":\"\x80\"}",
		`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"10":1,"11":1,"12":1,"13":1,"14":1,"15":1,"16":1,"17":1,"18":1,"a":1,"b":2}`,
	} {
		f.Add([]byte(seed))
	}
	set := load(f, "testdata/destinations")
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || depth(text) > 1000 || strings.HasPrefix(strings.TrimLeft(string(text), " \t\r\n"), "[") {
			return
		}
		outbound, err := plan.New(set, moving("a?, b?", text))
		if rest, marked := bytes.CutPrefix(text, []byte("\xef\xbb\xbf")); marked {
			if text = rest; strings.HasPrefix(strings.TrimLeft(string(text), " \t\r\n"), "[") {
				return
			}
		}
		var want map[string]json.RawMessage
		valid := json.Valid(text) && utf8.Valid(text) && json.Unmarshal(text, &want) == nil && want != nil && !hasTwins(text)
		if !valid {
			mustRefuse(t, err, plan.ErrRecord)
			return
		}
		if err != nil {
			if !errors.Is(err, plan.ErrFieldNotScalar) && !isHalfPair(err) {
				t.Fatal(err)
			}
			return
		}
		delete(want, "a")
		delete(want, "b")
		var got map[string]json.RawMessage
		if err := json.Unmarshal(outbound.Body, &got); err != nil {
			t.Fatalf("%q: %v", outbound.Body, err)
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Error(difference)
		}
	})
}

// isHalfPair reports whether a field was refused for its text.
func isHalfPair(err error) bool {
	var refusal *gateway.Refusal
	return errors.As(err, &refusal) && refusal.Reason == plan.ErrRecord && refusal.Fields != nil
}

func depth(text []byte) int { return bytes.Count(text, []byte("[")) + bytes.Count(text, []byte("{")) }

// TestDepth nests records to the limit and beyond.
func TestDepth(t *testing.T) {
	set := load(t, "testdata/destinations")
	for levels, reason := range map[int]error{999: nil, 1000: plan.ErrRecord, 10_000: plan.ErrRecord, 5_000_000: plan.ErrRecord} {
		record := `{"a":1,"b":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`
		checkReason(t, set, moving("a", []byte(record)), reason)
	}
}

// TestWideRecord has more members than are compared one with another, among them twins.
func TestWideRecord(t *testing.T) {
	set := load(t, "testdata/destinations")
	var record strings.Builder
	record.WriteString(`{"first":1`)
	for i := range 40_000 {
		record.WriteString(`,"` + strings.Repeat("n", i%7) + string(rune('a'+i%26)) + http.StatusText(200) + "-" + strconv.Itoa(i) + `":{}`)
	}
	outbound, err := plan.New(set, moving("first", []byte(record.String()+"}")))
	if err != nil {
		t.Fatal(err)
	}
	if want := "{" + record.String()[len(`{"first":1,`):] + "}"; want != string(outbound.Body) {
		t.Error("not lossless")
	}
	checkReason(t, set, moving("first", []byte(record.String()+`,"f\u0069rst":2}`)), plan.ErrRecord)
}

func newPlan(t testing.TB, set *destination.Set, request *gateway.Request) *plan.Plan {
	outbound, err := plan.New(set, request)
	if err != nil {
		t.Fatal(err)
	}
	return outbound
}

func quoteJSON(text string) string { quoted, _ := json.Marshal(text); return string(quoted) }

// smallRecord is a record of 1 KB.
func smallRecord() []byte {
	record := `{"id":12345678901234567890,"region":"eu west","tenant":"acme","note":"`
	for i := len(record); i < 500; i++ {
		record += "x"
	}
	record += `"`
	for i := 0; len(record) < 1000; i++ {
		record += `,"member` + strconv.Itoa(i) + `":"value"`
	}
	return []byte(record + "}")
}
