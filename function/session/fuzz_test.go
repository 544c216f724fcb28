package session_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyrelay/function/fake"
	"keyrelay/function/session"
)

// FuzzToken changes a valid token: what is accepted makes the claims that were signed.
func FuzzToken(f *testing.F) {
	s := newSigner(f, "first")
	w := keyed(newBubble(nil, fake.Says(200, "application/json", keySetOf(s))))
	valid := s.sign(f, claims{"exp": time.Now().Add(time.Hour).Unix()})
	parts := strings.Split(valid, ".")
	if err := w.check(f, valid); err != nil {
		f.Fatal(err)
	}
	f.Add(0, 0, "")
	f.Add(0, len(parts[0]), base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)))
	f.Add(len(parts[0])+1, len(parts[1]), base64.RawURLEncoding.EncodeToString([]byte(`{"exp": 99999999999}`)))
	f.Add(len(valid)-len(parts[2]), len(parts[2]), "")
	f.Add(len(valid)-1, 1, "-")
	f.Fuzz(func(t *testing.T, from, length int, replacement string) {
		from = min(max(0, from), len(valid))
		end := from + min(max(0, length), len(valid)-from)
		changed := valid[:from] + replacement + valid[end:]
		err := w.check(t, changed)
		if err != nil {
			if !errors.Is(err, session.ErrInvalid) {
				t.Fatalf("%q: %v", changed, err)
			}
			return
		}
		got := strings.Split(changed, ".")
		if len(got) != 3 || got[0] != parts[0] || !sameClaims(got[1], parts[1]) {
			t.Fatalf("%q was accepted", changed)
		}
	})
}

// sameClaims compares the bytes that two texts of base64 stand for.
func sameClaims(a, b string) bool {
	bytesA, errA := base64.RawURLEncoding.DecodeString(a)
	bytesB, errB := base64.RawURLEncoding.DecodeString(b)
	return errA == nil && errB == nil && bytes.Equal(bytesA, bytesB)
}

// FuzzClaims signs any claims: what is accepted is what another reader of JSON
// finds to be for this relay and this time.
func FuzzClaims(f *testing.F) {
	s := newSigner(f, "first")
	w := keyed(newBubble(nil, fake.Says(200, "application/json", keySetOf(s))))
	now := time.Now().Unix()
	for _, seed := range []string{
		fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d}`, anIssuer, anAudience, now+1e6),
		fmt.Sprintf(`{"iss":%q,"aud":[%q],"exp":1e11,"nbf":%d}`, anIssuer, anAudience, now),
		fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":-1}`, anIssuer, anAudience),
		fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":9223372036854775807,"nbf":1e18}`, anIssuer, anAudience),
		`{"iss":null,"aud":null,"exp":null}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 8<<10 {
			return
		}
		err := w.check(t, s.signText(t, payload))
		if err != nil && !errors.Is(err, session.ErrInvalid) {
			t.Fatalf("%q: %v", payload, err)
		}
		if err == nil && !plainlyValid(payload) {
			t.Fatalf("%q was accepted", payload)
		}
	})
}

// plainlyValid reads claims slowly.
func plainlyValid(payload []byte) bool {
	var all map[string]any
	if json.Unmarshal(payload, &all) != nil || all["iss"] != anIssuer {
		return false
	}
	audience, _ := all["aud"].([]any)
	for _, each := range append(audience, all["aud"]) {
		if each == anAudience {
			now := float64(time.Now().Unix())
			expiry, ok := all["exp"].(float64)
			notBefore, _ := all["nbf"].(float64)
			return ok && expiry >= now-1 && notBefore <= now+11
		}
	}
	return false
}

// FuzzIntrospection answers anything: a token is active where another reader of
// JSON finds the literal true.
func FuzzIntrospection(f *testing.F) {
	for _, seed := range []string{
		`{"active": true}`, `{"active": false, "active": true}`, `{"active": true, "exp": 1}`, `{"active": true, "nbf": 1e99}`,
		`{"\u0061ctive": true}`, `{"active": tru}`, `[]`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := introspected(newBubble(nil, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
		if w.check(t, aToken) != nil {
			return
		}
		var all map[string]any
		if err := json.Unmarshal(body, &all); err != nil || all["active"] != true {
			t.Fatalf("%q was taken for active", body)
		}
	})
}

// FuzzDigests stores anything as the list: a token is valid where its digest stands in it.
func FuzzDigests(f *testing.F) {
	for _, seed := range []string{digests(aToken), digests("other", aToken), strings.ToUpper(digests(aToken)), "[]", "{}", `["` + aToken + `"]`, "null"} {
		f.Add(seed)
	}
	digest := strings.Trim(digests(aToken), `["]`)
	f.Fuzz(func(t *testing.T, content string) {
		w := listed(newBubble(map[string]string{"sessions": content}, nil), managed("sessions", ""))
		err := w.check(t, aToken)
		var all []string
		valid := json.Unmarshal([]byte(content), &all) == nil && strings.Contains(strings.ToLower(strings.Join(all, " ")), digest)
		if err == nil && !valid {
			t.Fatalf("%q made it valid", content)
		}
	})
}
