package gateway_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/hostile"
)

func TestValidHeaderName(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "X-Api-Key": true, "x_y": true, "!#$%&'*+-.^_`|~09azAZ": true,
		"a b": false, "a:": false, "ä": false, "a\x00": false, "a\r\n": false, "(a)": false, "a\x7f": false,
	} {
		if got := gateway.ValidHeaderName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestValidHeaderValue(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "a": true, "a b\tc": true, "ü": true, "\xff": true,
		" a": false, "a ": false, "\ta": false, "a\t": false, " ": false,
		"a\nb": false, "a\rb": false, "\r\n": false, "a\x00b": false, "a\x7fb": false, "a\x1fb": false,
	} {
		if got := gateway.ValidHeaderValue(value); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// eventsWithField returns an event of each kind of header member with the field in it.
func eventsWithField(t *testing.T, name, value string) [][]byte {
	return [][]byte{
		asJSON(t, map[string]any{"path": "/", "httpMethod": "GET", "headers": map[string]string{name: value}}),
		asJSON(t, map[string]any{"path": "/", "httpMethod": "GET", "multiValueHeaders": map[string][]string{name: {"1", value}}}),
		asJSON(t, map[string]any{"version": "2.0", "rawPath": "/", "headers": map[string]string{name: value},
			"requestContext": map[string]any{"http": map[string]string{"method": "GET"}}}),
	}
}

func TestFieldThatHTTPCannotCarry(t *testing.T) {
	for _, field := range [][2]string{
		{"", "v"}, {"a b", "v"}, {"a\r\nb", "v"}, {"a:", "v"}, {"ä", "v"},
		{"a", "v\r\nSet-Cookie: x"}, {"a", "v\nb"}, {"a", "v\rb"}, {"a", "v\x00"}, {"a", "\x7f"},
	} {
		for _, event := range eventsWithField(t, field[0], field[1]) {
			got := decode(t, event)
			if !errors.Is(got.Err, gateway.ErrHeader) || len(got.Header) > 0 || got.Method != "GET" {
				t.Errorf("%s: %+v", event, got)
			}
			if got.Err != nil && strings.Contains(got.Err.Error(), "v") && strings.Contains(got.Err.Error(), "Set-Cookie") {
				t.Errorf("the detail shows the value: %v", got.Err)
			}
		}
	}
	cookies := `{"version":"2.0","rawPath":"/","cookies":["a=1","b\n"],"requestContext":{"http":{"method":"GET"}}}`
	if got := decode(t, []byte(cookies)); !errors.Is(got.Err, gateway.ErrHeader) {
		t.Errorf("%s: %+v", cookies, got)
	}
}

// TestInjections puts every injection, as it is and decoded, where a header
// may be: it is refused or arrives as one harmless field.
func TestInjections(t *testing.T) {
	refused := 0
	for _, line := range hostile.Lines(t, "line-breaks.txt", "headers/*crlf*.txt") {
		decoded, err := url.PathUnescape(line)
		if err != nil {
			decoded = line
		}
		for _, field := range [][2]string{{"X-A", line}, {"X-A", decoded}, {decoded, "v"}} {
			for _, event := range eventsWithField(t, field[0], field[1]) {
				got := decode(t, event)
				if errors.Is(got.Err, gateway.ErrHeader) {
					refused++
					continue
				}
				checkFields(t, got)
				if strings.ContainsAny(field[0]+field[1], "\r\n") {
					t.Errorf("taken: %s", event)
				}
			}
		}
	}
	if refused == 0 {
		t.Error("no injection was refused")
	}
}

func checkFields(t *testing.T, got received) {
	t.Helper()
	if got.Err != nil || len(got.Header) != 1 {
		t.Errorf("error %v, fields %v", got.Err, got.Header)
	}
	for name, values := range got.Header {
		for _, value := range values {
			if !gateway.ValidHeaderName(name) || !gateway.ValidHeaderValue(value) {
				t.Errorf("%q: %q", name, value)
			}
		}
	}
}

// TestHostileNames sends every name that attackers try in every case.
func TestHostileNames(t *testing.T) {
	for _, name := range hostile.Lines(t, "header-names.txt", "headers/*lowercase_headers.txt") {
		for _, written := range []string{name, strings.ToUpper(name)} {
			for _, event := range eventsWithField(t, written, "v") {
				got := decode(t, event)
				if !gateway.ValidHeaderName(name) {
					if !errors.Is(got.Err, gateway.ErrHeader) {
						t.Errorf("%s: error %v", event, got.Err)
					}
					continue
				}
				if checkFields(t, got); got.Header.Values(name)[len(got.Header.Values(name))-1] != "v" || got.Header[http.CanonicalHeaderKey(name)] == nil {
					t.Errorf("%s: %v", event, got.Header)
				}
			}
		}
	}
}
