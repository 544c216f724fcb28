package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// to returns a request to a URL with a JSON body.
func to(method, outboundURL string, body []byte) *gateway.Request {
	return &gateway.Request{Method: method, Path: "/", Header: http.Header{"X-Osmos-Outbound-Url": {outboundURL}}, Body: body}
}

// decodeRecord reads a record the slow way; ok is false for what is none.
func decodeRecord(text []byte) (record map[string]any, ok bool) {
	if !json.Valid(text) || !utf8.Valid(text) || hasTwins(text) || depth(text) > 1000 {
		return nil, false
	}
	return record, json.Unmarshal(text, &record) == nil && record != nil && decode(text, &record) == nil
}

// decode keeps number literals as they are.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// textOf writes a scalar as a parameter's value; ok is false for null.
func textOf(value any) (text string, ok bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return map[bool]string{true: "true", false: "false"}[value], true
	}
	return "", false
}

// textsOf writes a scalar, or the scalars of an array; ok is false for anything else.
func textsOf(value any) (texts []string, ok bool) {
	elements, isArray := value.([]any)
	if !isArray {
		elements = []any{value}
	}
	for _, element := range elements {
		switch element.(type) {
		case map[string]any, []any:
			return nil, false
		}
		if text, ok := textOf(element); ok {
			texts = append(texts, text)
		}
	}
	return texts, true
}

// FuzzPlacement compares placing by the document with a slow reference.
func FuzzPlacement(f *testing.F) {
	for _, seed := range []string{
		`{"X-Tenant":"a","author":["x","y",null,1.10],"page":2,"rest":[{}]}`, `{"X-Tenant":null}`, `{"X-Tenant":"a","author":{},"page":[[1]]}`,
		`{"X-Tenant":"a\r\n"}`, `{"X-Tenant":["a",true,"b"],"author":"a&b=c+d/ü\u0000","page":""}`, `{"X-Tenant":" a"}`, `{"X-Tenant":"a","page":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	set := load(f, "testdata/destinations")
	f.Fuzz(func(t *testing.T, text []byte) {
		want, ok := decodeRecord(text)
		if !ok || bytes.Contains(text, []byte(`\u`)) && !bytes.Contains(text, []byte(`\u0`)) {
			return // half a surrogate pair decodes to what it is not
		}
		outbound, err := plan.New(set, to("GET", "https://library.example.com/books", text))
		authors, flatAuthor := textsOf(want["author"])
		pages, flatPage := textsOf(want["page"])
		tenants, flatTenant := textsOf(want["X-Tenant"])
		tenant := strings.Join(tenants, ",")
		switch {
		case want["X-Tenant"] == nil:
			mustRefuse(t, err, plan.ErrFieldMissing)
			return
		case !flatAuthor || !flatPage || !flatTenant:
			mustRefuse(t, err, plan.ErrFieldNotScalar)
			return
		case err != nil:
			if !errors.Is(err, plan.ErrHeader) && !isHalfPair(err) {
				t.Fatal(err)
			}
			return
		}
		query := url.Values{}
		if authors != nil {
			query["author"] = authors
		}
		if pages != nil {
			query["page"] = pages
		}
		if difference := cmp.Diff(query, outbound.URL.Query()); difference != "" {
			t.Error(difference)
		}
		if got := strings.Join(outbound.Header["X-Tenant"], "|"); got != tenant {
			t.Errorf("tenant is %q, want %q", got, tenant)
		}
		for _, placed := range []string{"author", "page", "X-Tenant"} {
			delete(want, placed)
		}
		got := map[string]any{}
		if outbound.Body != nil && decode(outbound.Body, &got) != nil {
			t.Errorf("the body is %q", outbound.Body)
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Error(difference)
		}
	})
}

// FuzzTemplate compares a filled template with one that is filled as a tree.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		`{"id":12345678901234567890,"customer":"\"a\\","lines":[{"a":1.10}],"note":null,"second":"2","suffix":true}`,
		`{"id":"","customer":null}`, `{"id":{},"customer":[]}`, `{}`, `{"id":1,"customer":2,"suffix":"\ud83d"}`, `{"id":"\ud83d","customer":"\ude00"}`,
	} {
		f.Add([]byte(seed))
	}
	set := load(f, "testdata/destinations")
	location, err := set.Locate("https://shapes.example.com/orders")
	if err != nil {
		f.Fatal(err)
	}
	operation, err := location.Operation("POST", location.Path)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		record, ok := decodeRecord(text)
		if !ok {
			return
		}
		outbound, err := plan.New(set, to("POST", "https://shapes.example.com/orders", text))
		var template any
		if err := decode(operation.Body.JSON, &template); err != nil {
			t.Fatal(err)
		}
		want, _, reason := fillTree(template, record)
		if reason != nil || err != nil {
			if reason == nil && isHalfPair(err) {
				return
			}
			if !errors.Is(err, plan.ErrFieldMissing) && !errors.Is(err, plan.ErrFieldNotScalar) || reason == nil {
				t.Fatalf("got %v, want a refusal because %v", err, reason)
			}
			return
		}
		var got any
		if err := decode(outbound.Body, &got); err != nil {
			t.Fatalf("the body is %q: %v", outbound.Body, err)
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Error(difference)
		}
	})
}

// fillTree fills a decoded template the slow way. absent says that the value is
// an optional field that the record lacks.
func fillTree(template any, record map[string]any) (filled any, absent bool, reason error) {
	switch template := template.(type) {
	case map[string]any:
		filled := map[string]any{}
		for name, value := range template {
			value, absent, err := fillTree(value, record)
			if reason = errors.Join(reason, err); !absent {
				filled[name] = value
			}
		}
		return filled, false, reason
	case []any:
		filled := []any{}
		for _, value := range template {
			value, absent, err := fillTree(value, record)
			if reason = errors.Join(reason, err); !absent {
				filled = append(filled, value)
			}
		}
		return filled, false, reason
	case string:
		return fillText(template, record)
	}
	return template, false, nil
}

func fillText(template string, record map[string]any) (filled any, absent bool, reason error) {
	var text strings.Builder
	for rest := template; ; {
		literal, after, found := strings.Cut(rest, "{{{")
		text.WriteString(literal)
		if !found {
			return text.String(), false, reason
		}
		expression, after, _ := strings.Cut(after, "}}}")
		field, optional := strings.CutSuffix(expression, "?")
		value, present := record[field]
		if !present && !optional {
			reason = plan.ErrFieldMissing
		}
		if template == "{{{"+expression+"}}}" {
			return value, !present, reason
		}
		if _, isScalar := textsOf([]any{value}); !isScalar {
			reason = errors.Join(reason, plan.ErrFieldNotScalar)
		}
		part, _ := textOf(value)
		text.WriteString(part)
		rest = after
	}
}

// FuzzBatch compares the records of a batch with encoding/json's, and each plan
// with that of the record alone.
func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		`[{"id":1,"limit":2}]`, ` [ {"id":1,"limit":2,"a":[{}]} , {"id":1,"limit":2,"a":[{}]},4,"x",[],null ] `, `[]`, `[,]`, `[{}`, `[{}]]`, `[{"a":1,"a":2}]`, `[1 2]`,
	} {
		f.Add([]byte(seed))
	}
	set := load(f, "testdata/destinations")
	const outboundURL = "https://batches.example.com/split/{id}"
	f.Fuzz(func(t *testing.T, text []byte) {
		if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("[")) || depth(text) > 1000 {
			return
		}
		outbound, err := plan.New(set, to("POST", outboundURL, text))
		var records []json.RawMessage
		if !utf8.Valid(text) || json.Unmarshal(text, &records) != nil || records == nil {
			mustRefuse(t, err, plan.ErrRecord)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if outbound.Batch.Len() != len(records) {
			t.Fatalf("%d records, want %d", outbound.Batch.Len(), len(records))
		}
		keys := map[string]bool{}
		for i, record := range records {
			got, err := outbound.Batch.Record(i)
			if bytes.HasPrefix(record, []byte("[")) {
				mustRefuse(t, err, plan.ErrRecord)
				continue
			}
			want, wantErr := plan.New(set, to("POST", outboundURL, record))
			if wantErr != nil || err != nil {
				if wantErr == nil || err == nil || !strings.HasSuffix(err.Error(), wantErr.Error()) {
					t.Fatalf("got %v, want %v", err, wantErr)
				}
				continue
			}
			if got.URL.String() != want.URL.String() || !bytes.Equal(got.Body, want.Body) {
				t.Errorf("got %s %q, want %s %q", got.URL, got.Body, want.URL, want.Body)
			}
			keys[got.Header.Get("Idempotency-Key")] = true
			want.Header.Set("Idempotency-Key", got.Header.Get("Idempotency-Key"))
			if difference := cmp.Diff(want.Header, got.Header); difference != "" {
				t.Error(difference)
			}
		}
		if keys[""] {
			t.Error("a record has no key")
		}
	})
}
