package later_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/gateway"
	"keyrelay/function/later"
)

func message() *later.Message {
	return &later.Message{
		ID: later.NewID(), Accepted: time.Date(2026, 11, 26, 18, 0, 0, 123456789, time.UTC), Caller: "osmos", RequestID: "r-1", Method: "POST",
		Header: http.Header{"X-Osmos-Outbound-Url": {"https://api.example.com/v2/orders?a=<&>"}, "X-Many": {"a", "b, c"}},
		Body:   []byte(`{"a":1.10,"b":"<&>"}`),
	}
}

// TestMessage sees that a message is read as it was written, whatever bytes it holds, and
// is a text that a queue takes,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html.
func TestMessage(t *testing.T) {
	for name, change := range map[string]func(*later.Message){
		"as usual":                   func(*later.Message) {},
		"without a caller":           func(m *later.Message) { m.Caller = "" },
		"without a body":             func(m *later.Message) { m.Body = nil },
		"a body of bytes":            func(m *later.Message) { m.Body = []byte("\x00\xff\xfe") },
		"a body that no queue takes": func(m *later.Message) { m.Body = []byte("\x01\x1f\u007f\ufffe\uffff\u2028\U0010ffff") },
		"a field of bytes":           func(m *later.Message) { m.Header["X-Latin"] = []string{"\xe9\xff", "é", "\t"}[:2] },
		"a caller of odd characters": func(m *later.Message) { m.Caller = "\ufffe\u0001" },
	} {
		written := message()
		change(written)
		text, err := written.Encode()
		if err != nil {
			t.Fatal(err)
		}
		mustSuitQueue(t, text)
		read, err := later.Read(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if difference := cmp.Diff(written, read); difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
	}
}

func mustSuitQueue(t *testing.T, text string) {
	t.Helper()
	refused := func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\ufffe' || c == '\uffff'
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, refused) || len(text) > later.MaxMessageBytes {
		t.Errorf("no queue takes %q", text)
	}
}

// TestMessageSize sees that the longest message is the longest.
func TestMessageSize(t *testing.T) {
	written := message()
	written.Body = nil
	text, err := written.Encode()
	if err != nil {
		t.Fatal(err)
	}
	rest := later.MaxMessageBytes - len(text) - len(`,"text":""`)
	written.Body = []byte(strings.Repeat("x", rest))
	if text, err = written.Encode(); err != nil || len(text) != later.MaxMessageBytes {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	written.Body = append(written.Body, 'x')
	if _, err = written.Encode(); !errors.Is(err, later.ErrTooLarge) || !strings.Contains(err.Error(), "1044481") {
		t.Error(err)
	}
}

// TestRequest sees that a message's request is the caller's, whose session was checked.
func TestRequest(t *testing.T) {
	written := message()
	written.Header["Idempotency-Key"] = []string{"own"}
	request := written.Request()
	if got := request.Header["Idempotency-Key"]; len(got) != 1 || got[0] != "own" || !request.SessionChecked || request.Caller != "osmos" || request.ID != "r-1" {
		t.Errorf("%+v", request)
	}
}

// FuzzRead looks for a text that makes Read panic, or a message of which something is
// lost when it is written and read again.
func FuzzRead(f *testing.F) {
	text, err := message().Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{text, "", "{}", "[]", `{"version":1}`, strings.Replace(text, `"text":`, `"base64":`, 1), strings.Replace(text, "X-Many", "x-many", 1), text + text} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := later.Read(text)
		if err != nil {
			if !errors.Is(err, later.ErrMessage) {
				t.Errorf("%v", err)
			}
			return
		}
		for name, values := range read.Header {
			for _, value := range values {
				if !gateway.ValidHeaderName(name) || !gateway.ValidHeaderValue(value) {
					t.Errorf("the header %q: %q", name, value)
				}
			}
		}
		again, err := read.Encode()
		if errors.Is(err, later.ErrTooLarge) {
			return
		}
		mustSuitQueue(t, again)
		if second, err := later.Read(again); err != nil || !cmp.Equal(read, second) {
			t.Errorf("%v %s", err, cmp.Diff(read, second))
		}
	})
}

// TestSampleEvent sees that the sample event of a queue holds a message of this form.
func TestSampleEvent(t *testing.T) {
	text, err := os.ReadFile("../../events/sqs-delivery.json")
	if err != nil {
		t.Fatal(err)
	}
	var event struct{ Records []struct{ Body string } }
	if err := json.Unmarshal(text, &event); err != nil || len(event.Records) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	message, err := later.Read(event.Records[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	if rewritten, err := message.Encode(); err != nil || rewritten != event.Records[0].Body {
		t.Errorf("it is written otherwise now: %s %v", rewritten, err)
	}
}
