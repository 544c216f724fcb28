package session_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
)

// digests is the secret that makes these tokens valid.
func digests(tokens ...string) string {
	list := []string{}
	for _, token := range tokens {
		digest := sha256.Sum256([]byte(token))
		list = append(list, hex.EncodeToString(digest[:]))
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// listed lets a list of digests decide.
func listed(w *world, secret destination.Reference) *world {
	w.destination.Session = &destination.Session{Field: "session_token", Secret: secret}
	return w
}

// TestTakenFromList refuses a token a second after it was taken from the list, wherever the list is kept.
func TestTakenFromList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listed(newBubble(map[string]string{"sessions": digests("other-token", aToken)}, nil), managed("sessions", ""))
		w.mustAccept(t, aToken)
		w.mustAccept(t, "other-token")
		w.mustReject(t, aToken+" ", "no longer")
		w.secrets.Put("sessions", digests("other-token"))
		time.Sleep(time.Second)
		w.mustReject(t, aToken, "no longer")
		w.mustAccept(t, "other-token")
		w.secrets.Put("sessions", "[]")
		time.Sleep(time.Second)
		w.mustReject(t, "other-token", "no longer")
		mustHaveCalls(t, w.secrets, 3)

		file := secretFile(t, digests(aToken)+"\n")
		w = listed(newBubble(nil, nil), file)
		w.mustAccept(t, aToken)
		writeSecret(t, file, digests())
		time.Sleep(time.Second)
		w.mustReject(t, aToken, "no longer")
	})
	t.Setenv("KEYRELAY_TEST_SESSIONS", `{"tokens": `+strings.ToUpper(digests(aToken))+`}`)
	variable := destination.Reference{Provider: "env", Name: "KEYRELAY_TEST_SESSIONS", Pointer: "/tokens"}
	listed(newWorld(t, nil, nil), variable).mustAccept(t, aToken)
}

// TestUnknownTokensCostLittle has a caller make up a thousand tokens within ten
// seconds: the list is read once a second, and a valid token is taken all the while.
func TestUnknownTokensCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listed(newBubble(map[string]string{"sessions": digests(aToken)}, nil), managed("sessions", ""))
		for i := range 1000 {
			w.mustReject(t, "made-up-"+strconv.Itoa(i), "no longer")
			w.mustAccept(t, aToken)
			time.Sleep(10 * time.Millisecond)
		}
		mustHaveCalls(t, w.secrets, 10)
	})
}

// TestTakenDuringCheck refuses a token a second after the check ended that had begun
// before it was taken from the list.
func TestTakenDuringCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listed(newBubble(nil, nil), managed("sessions", ""))
		list := digests(aToken)
		w.secrets.Fail(func(writer http.ResponseWriter, _ *http.Request) {
			read := list
			time.Sleep(time.Second)
			fake.AWSAnswer(writer, http.StatusOK, map[string]any{"SecretString": read})
		})
		var group sync.WaitGroup
		group.Go(func() { w.mustAccept(t, aToken) })
		synctest.Wait()
		list = "[]"
		time.Sleep(time.Second)
		group.Wait()
		w.mustReject(t, aToken, "no longer")
	})
}

// TestListCached reads the list once in cacheSeconds, and never serves it past them.
func TestListCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listed(newBubble(map[string]string{"sessions": digests(aToken)}, nil), managed("sessions", ""))
		w.destination.Session.CacheFor = time.Minute
		w.mustAccept(t, aToken)
		w.secrets.Put("sessions", "[]")
		time.Sleep(time.Minute - time.Nanosecond)
		w.mustAccept(t, aToken)
		w.mustReject(t, "other-token", "no longer")
		mustHaveCalls(t, w.secrets, 1)
		time.Sleep(time.Nanosecond)
		w.mustReject(t, aToken, "no longer")
		w.secrets.Put("sessions", digests(aToken))
		time.Sleep(time.Minute)
		w.mustAccept(t, aToken)
		w.secrets.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
		time.Sleep(time.Minute)
		w.mustNotCheck(t, aToken, "secretsmanager:GetSecretValue")
	})
}

// TestListUnavailable sends no record where the list cannot be read, and recovers.
func TestListUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listed(newBubble(map[string]string{"sessions": digests(aToken)}, nil), managed("sessions", ""))
		w.mustAccept(t, aToken)
		w.secrets.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
		time.Sleep(time.Second)
		w.mustNotCheck(t, aToken, "secretsmanager:GetSecretValue")
		w.secrets.Fail(nil)
		time.Sleep(2 * time.Second)
		w.mustAccept(t, aToken)
		time.Sleep(time.Second)
		w.secrets.Fail(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start := time.Now()
		w.mustNotCheck(t, aToken, "within 3 s")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestListShape says what is wrong with a list without showing it.
func TestListShape(t *testing.T) {
	valid := strings.Trim(digests(aToken), "[]")
	for _, test := range []struct{ content, says string }{
		{"hush-hush", "not a JSON array"},
		{`"` + aToken + `"`, "not a JSON array"},
		{`{"hush": ` + digests(aToken) + `}`, "not a JSON array"},
		{"null", "not a JSON array"},
		{`[1]`, "not a JSON array"},
		{`[` + valid, "not a JSON array"},
		{`[` + valid + `] [` + valid + `]`, "not a JSON array"},
		{`[` + valid + `, null]`, "number 2"},
		{`["` + aToken + `"]`, "number 1"},
		{`[` + valid + `, ` + valid[:64] + `"]`, "number 2"},
		{`[` + valid + `, "` + valid[1:], "not a JSON array"},
		{`[` + valid + `, "0` + valid[1:] + `]`, "number 2"},
		{`["` + strings.Repeat("0", 128) + `"]`, "number 1"},
		{`["` + strings.Repeat("g", 64) + `"]`, "number 1"},
		{`["` + strings.Repeat("é", 32) + `"]`, "number 1"},
		{"", "is empty"},
	} {
		w := listed(newWorld(t, map[string]string{"sessions": test.content}, nil), managed("sessions", ""))
		w.mustNotCheck(t, aToken, test.says)
		w.mustNotCheck(t, aToken, "secretsmanager:sessions")
	}
}
