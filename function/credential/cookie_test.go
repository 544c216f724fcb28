package credential_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/retrieval"
)

// sets answers with a status and these Set-Cookie fields.
func sets(status int, cookies ...string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		for _, cookie := range cookies {
			w.Header().Add("Set-Cookie", cookie)
		}
		w.Header().Set("Location", "/home")
		w.WriteHeader(status)
	}
}

// TestCookieAnswer takes a cookie as a browser does (RFC 6265 sections 5.2 and 5.3): the last
// of a name, and its value as it came.
func TestCookieAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		cookies []string
		want    string // empty for a failure
	}{
		"one of several":         {200, []string{"A=1; Path=/", "SID=the-session; Path=/; HttpOnly; Secure; SameSite=None", "B=2"}, "the-session"},
		"set twice":              {200, []string{"SID=before", "SID=the-session; Path=/"}, "the-session"},
		"deleted, then set":      {200, []string{"SID=; Max-Age=0", "SID=the-session"}, "the-session"},
		"set, then deleted":      {200, []string{"SID=the-session", "SID=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, ""},
		"Max-Age before Expires": {200, []string{"SID=the-session; Max-Age=60; Expires=Thu, 01-Jan-1970 00:00:00 GMT"}, "the-session"},
		"an unreadable Expires":  {200, []string{"SID=the-session; Expires=tomorrow"}, "the-session"},
		"a Max-Age of no number": {200, []string{"SID=the-session; Max-Age=NaN"}, "the-session"},
		"an infinite Max-Age":    {200, []string{"SID=the-session; Max-Age=-Infinity"}, "the-session"},
		"an old Max-Age":         {200, []string{"SID=the-session; Max-Age=-1"}, ""},
		"deleted between":        {200, []string{"SID=before", "SID=; Max-Age=0", "B=2", "SID=the-session"}, "the-session"},
		"in quotes":              {200, []string{`SID="the-session"; Path=/`}, `"the-session"`},
		"white space within":     {200, []string{"SID=the session; Path=/"}, "the session"},
		"a comma and JSON":       {200, []string{`SID={"a":1,"b":"c"}; Path=/`}, `{"a":1,"b":"c"}`},
		"an equals sign":         {200, []string{"SID=YWJj=="}, "YWJj=="},
		"another letter case":    {200, []string{"sid=the-session"}, ""},
		"empty":                  {200, []string{"SID="}, ""},
		"no pair":                {200, []string{"SID"}, ""},
		"beyond a redirect":      {302, []string{"SID=the-session"}, "the-session"},
		"beyond another":         {303, []string{"SID=the-session"}, "the-session"},
		"a redirect without it":  {302, []string{"A=1"}, ""},
		"a call to repeat it":    {307, []string{"SID=the-session"}, ""},
		"a move":                 {301, []string{"SID=the-session"}, ""},
		"a refusal":              {401, []string{"SID=the-session"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, sets(test.status, test.cookies...))
			scheme := w.session("")
			scheme.In, scheme.Field, scheme.ResponseCookie = "cookie", "SID", "SID"
			used, err := w.store.Get(t.Context(), w.plan(scheme))
			if test.want == "" {
				mustFail(t, err, retrieval.ErrFailed, "the-session", "gone")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sent(used).Get("Cookie"); got != "SID="+test.want {
				t.Errorf("sent %q, want %q", got, test.want)
			}
		})
	}
}

// TestCookieInHeader sends a cookie's value in a header, without the cookie's own quotes.
func TestCookieInHeader(t *testing.T) {
	w := newWorld(t, nil, sets(200, `XSRF-TOKEN="the-token"`))
	scheme := w.session("")
	scheme.ResponseCookie = "XSRF-TOKEN"
	if got := sent(mustGet(t, w.store, w.plan(scheme))).Get("X-Session"); got != "the-token" {
		t.Errorf("sent %q", got)
	}
}

// TestRedirectWithHeader takes a credential from a header of a redirect too.
func TestRedirectWithHeader(t *testing.T) {
	w := newWorld(t, nil, sets(302))
	scheme := w.session("")
	scheme.ResponseHeader = "Location"
	if got := sent(mustGet(t, w.store, w.plan(scheme))).Get("X-Session"); got != "/home" {
		t.Errorf("sent %q", got)
	}
}

// TestCookieLife renews a session before its cookie expires.
func TestCookieLife(t *testing.T) {
	for attributes, lives := range map[string]time.Duration{
		"; Path=/; max-age=600": 10 * time.Minute, "; Expires=Sat, 01 Jan 2000 00:10:00 GMT": 10 * time.Minute, "; Max-Age=600; Expires=Sat, 01 Jan 2000 05:00:00 GMT": 10 * time.Minute, "; Path=/": 0,
	} {
		synctest.Test(t, func(t *testing.T) { // it is Sat, 01 Jan 2000 00:00:00 GMT
			w := newBubble(nil, sets(200, "SID=the-session"+attributes))
			scheme := w.session("")
			scheme.In, scheme.Field, scheme.ResponseCookie = "cookie", "SID", "SID"
			outbound := w.plan(scheme)
			mustGet(t, w.store, outbound)
			time.Sleep(9*time.Minute - time.Nanosecond)
			mustGet(t, w.store, outbound)
			w.mustHaveRetrieved(t, 1)
			time.Sleep(time.Nanosecond)
			if mustGet(t, w.store, outbound); lives > 0 {
				w.mustHaveRetrieved(t, 2)
			} else {
				w.mustHaveRetrieved(t, 1)
			}
		})
	}
}
