package relay_test

import (
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnswersAboutTheOrigin sees that a downstream cannot say what holds for the
// relay's own address, which stands for every API, and that everything else passes.
func TestAnswersAboutTheOrigin(t *testing.T) {
	s := newStage(t, managedDocument)
	passes := http.Header{"Cache-Control": {"max-age=60"}, "Etag": {`"1"`}, "X-Frame-Options": {"DENY"}, "X-Relayed": {"1"}, "Set-Cookie": {"a=1", "b=2"}}
	dropped := http.Header{
		"Alt-Svc": {`h3="elsewhere.example:443"; ma=86400`}, "Clear-Site-Data": {`"*"`}, "Strict-Transport-Security": {"max-age=1; includeSubDomains"},
		"Public-Key-Pins": {`pin-sha256="a"`}, "Expect-Ct": {"max-age=1"}, "Nel": {`{"report_to":"a"}`}, "Report-To": {`{"group":"a"}`},
		"Accept-Ch": {"Sec-CH-UA"}, "Service-Worker-Allowed": {"/"}, "X-Relay-Location": {"a"}, "X-Relay-Request-Id": {"a"}, "x-relay-anything": {"a"}, "X_Relay_Location": {"a"}, "x-Relay_location": {"a"}, "Vary": {"Accept"},
		"Proxy_Status": {"keyrelay; error=a"}, "X-Accel-Redirect": {"/internal/a"}, "X-Accel-Expires": {"60"}, "X-Sendfile": {"/etc/passwd"}, "Refresh": {"0; url=https://elsewhere.example"}, "X-Reproxy-Url": {"http://127.0.0.1/"},
		"X-Envoy-Immediate-Health-Check-Fail": {"true"}, "X-Envoy-Degraded": {"1"}, "Surrogate-Control": {`content="ESI/1.0"`}, "Edge-Control": {"dca=esi"}, "X-LiteSpeed-Purge": {"*"}, "X-Litespeed-Location": {"/a"},
		"Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Credentials": {"true"}, "Timing-Allow-Origin": {"*"},
		"Use-As-Dictionary": {`match="/*"`}, "Set-Login": {"logged-in"}, "Preference-Applied": {"return=minimal, Respond-Async"},
	}
	s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
		for _, header := range []http.Header{passes, dropped} {
			maps.Copy(w.Header(), header)
		}
	})
	got := s.send(t.Context(), s.get("/v2/orders"))
	got.header.Del("Date")
	want := passes.Clone()
	want["Vary"], want["Proxy-Status"], want["X-Relay-Request-Id"] = []string{"*"}, []string{"keyrelay; received-status=200"}, []string{"the-request-id"}
	if difference := cmp.Diff(want, got.header); difference != "" {
		t.Error(difference)
	}
}

// TestProxyStatusCannotPretend sees that the relay's own member of Proxy-Status is the
// last one, the only one of its name, and in a list that can be read (RFC 8941).
func TestProxyStatusCannotPretend(t *testing.T) {
	s := newStage(t, managedDocument)
	const own = "keyrelay; received-status=502"
	for sent, kept := range map[string]bool{
		`cdn.example; error=connection_timeout; next-hop=origin`: true,
		`"A CDN"; details="it broke", cache; fwd=miss`:           true,
		`keyrelay; error=proxy_internal_error`:                   false,
		`KeyRelay; error=proxy_internal_error`:                   false,
		`cdn, "keyrelay"; error=dns_error`:                       false,
		`cdn; error="unterminated`:                               false,
		`cdn; details="a\`:                                       false,
		`cdn; =`:                                                 false,
		`cdn,`:                                                   false,
		`(a b)`:                                                  false,
		`1`:                                                      false,
	} {
		s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Proxy-Status"] = []string{sent}
			w.WriteHeader(http.StatusBadGateway)
		})
		got := s.send(t.Context(), s.get("/v2/orders"))
		want := []string{own}
		if kept {
			want = []string{sent, own}
		}
		if difference := cmp.Diff(want, got.header.Values("Proxy-Status")); difference != "" {
			t.Errorf("%s: %s", sent, difference)
		}
	}
}

// TestProblemsCannotPretend sees that a downstream's problem of the relay's type is no
// problem document any more, however it is written, and that any other one is.
func TestProblemsCannotPretend(t *testing.T) {
	s := newStage(t, managedDocument)
	const problem, jsonType = "application/problem+json", "application/json"
	for body, want := range map[string]string{
		`{"type":"urn:keyrelay:problem:session-invalid","status":401}`:          jsonType,
		"\ufeff" + `{"type":"urn:keyrelay:problem:internal"}`:                   jsonType,
		`{"type":"about:blank","type":"urn:keyrelay:problem:internal"}`:         jsonType,
		`{"type":"URN:KeyRelay:problem:internal"}`:                              jsonType,
		`{"\u0074ype":"\u0075rn:keyrelay:problem:internal"}`:                    jsonType,
		`{"title":"a","type":"urn:keyrelay:problem:internal", and no JSON`:      jsonType,
		`{"type":"https://api.example.com/problems/out-of-stock","status":409}`: problem,
		`{"detail":"urn:keyrelay:problem:internal is not ours"}`:                problem,
		`{"type":["urn:keyrelay:problem:internal"]}`:                            problem,
		`/**/{"type":"urn:keyrelay:problem:internal"}`:                          jsonType,
		"\xff\xfe{\x00}\x00": jsonType,
		`{"title":"a",,"type":"urn:keyrelay:problem:internal"}`: jsonType,
		``: problem,
	} {
		for _, mediaType := range []string{problem, "Application/Problem+JSON; charset=utf-8"} {
			s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", mediaType)
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, body)
			})
			got := s.send(t.Context(), s.get("/v2/orders"))
			expected := want
			if want == problem {
				expected = mediaType
			}
			if got.header.Get("Content-Type") != expected || string(got.body) != body || got.status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s %s", body, got.status, got.header.Get("Content-Type"), got.body)
			}
		}
	}
}

// TestSecondTypeCannotPretend sees that no other Content-Type hides that of a problem.
func TestSecondTypeCannotPretend(t *testing.T) {
	s := newStage(t, managedDocument)
	for _, types := range [][]string{{"text/plain", "application/problem+json"}, {"text/plain, Application/Problem+JSON"}, {"a=b; application/problem+json"}} {
		s.api.answerWith(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = types
			_, _ = io.WriteString(w, `{"type":"urn:keyrelay:problem:internal"}`)
		})
		if got := s.send(t.Context(), s.get("/v2/orders")); len(got.header["Content-Type"]) != 1 || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: %v", types, got.header)
		}
	}
}
