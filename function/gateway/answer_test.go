package gateway_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
)

func TestAnswerV1(t *testing.T) {
	answer, _ := encode(t, eventV1, &gateway.Response{
		Status: 201,
		Header: http.Header{
			"Content-Type": {"application/json"}, "Set-Cookie": {"a=1", "b=2"}, "Content-Length": {"99"},
			"X-None": nil, "X-Latin": {"caf\xe9", "café", `"\`},
		},
		Body: []byte("{\"a\":\"\\u00fc ü \u2028 <&>\"}\n\x00\x1f\x7f\b\f\r\t"),
	})
	want := events.APIGatewayProxyResponse{
		StatusCode:        201,
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}, "Set-Cookie": {"a=1", "b=2"}, "X-Latin": {"café", "café", `"\`}},
		Body:              "{\"a\":\"\\u00fc ü \u2028 <&>\"}\n\x00\x1f\x7f\b\f\r\t",
	}
	var got events.APIGatewayProxyResponse
	strictly(t, answer, &got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\n%s", d, answer)
	}
}

func TestAnswerV2(t *testing.T) {
	answer, _ := encode(t, eventV2, &gateway.Response{
		Status: 200,
		Header: http.Header{"Vary": {"Accept", "Origin"}, "Set-Cookie": {"a=1; Expires=Wed, 21 Oct", "b=2"}, "Content-Length": {"99"}, "X-None": {}},
		Body:   []byte{0xff, 0x00},
	})
	want := events.APIGatewayV2HTTPResponse{
		StatusCode:      200,
		Headers:         map[string]string{"Vary": "Accept, Origin"},
		Cookies:         []string{"a=1; Expires=Wed, 21 Oct", "b=2"},
		Body:            "/wA=",
		IsBase64Encoded: true,
	}
	var got events.APIGatewayV2HTTPResponse
	strictly(t, answer, &got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\n%s", d, answer)
	}
}

func TestAnswerWithoutAnything(t *testing.T) {
	for event, want := range map[string]string{
		eventV1: `{"statusCode":204,"multiValueHeaders":{},"body":"","isBase64Encoded":false}`,
		eventV2: `{"statusCode":204,"headers":{},"body":"","isBase64Encoded":false}`,
	} {
		if got, fits := encode(t, event, &gateway.Response{Status: 204}); string(got) != want || !fits {
			t.Errorf("answer %s, fits %v; want %s", got, fits, want)
		}
	}
}

// strictly decodes an answer that may have no member but those of out.
func strictly(t *testing.T, answer []byte, out any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(out); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
}

// TestFits goes over the longest body that fits, for each kind of body.
func TestFits(t *testing.T) {
	for _, test := range []struct{ name, event, unit string }{
		{"plain", eventV1, "a"}, {"controls", eventV1, "\x00"}, {"mixed", eventV1, large(64)}, {"binary", eventV1, "\xff"},
		{"plain, format 2.0", eventV2, "a"},
	} {
		measure := func(length int) (int, bool) {
			header := http.Header{"Content-Type": {"text/plain", "\"quoted\""}, "Set-Cookie": {"a", "ü"}, "Content-Length": {"1"}}
			body := bytes.Repeat([]byte(test.unit), length/len(test.unit)+1)[:length]
			answer, fits := encode(t, test.event, &gateway.Response{Status: 200, Header: header, Body: body})
			if fits != (answer != nil) || len(answer) > gateway.MaxAnswerBytes {
				t.Errorf("%s: a body of %d bytes is encoded in %d bytes, and Fits says %v", test.name, length, len(answer), fits)
			}
			return len(answer), fits
		}
		short, _ := measure(48_000)
		long, _ := measure(96_000)
		limit := 48_000 + (gateway.MaxAnswerBytes-short)*48_000/(long-short)
		_, below := measure(limit - 20)
		_, above := measure(limit + 20)
		if !below || above {
			t.Errorf("%s: below the limit %v, above it %v", test.name, below, above)
		}
		if test.unit == "a" {
			length, exact := measure(limit)
			if _, longer := measure(limit + 1); length != gateway.MaxAnswerBytes || !exact || longer {
				t.Errorf("%s: at the limit it is %d bytes and fits %v, one more fits %v", test.name, length, exact, longer)
			}
		}
	}
}

func TestFitsOverHTTP(t *testing.T) {
	request := &gateway.Request{}
	for length, want := range map[int]bool{0: true, gateway.MaxAnswerBytes: true, gateway.MaxAnswerBytes + 1: false} {
		response := &gateway.Response{Status: 200, Header: http.Header{"A": {"b"}}, Body: bytes.Repeat([]byte{'"'}, length)}
		if got := request.Fits(response); got != want {
			t.Errorf("a body of %d bytes fits: %v, want %v", length, got, want)
		}
	}
}
