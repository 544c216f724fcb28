package caller_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/caller"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// keysIn are the keys in the secret callers of an endpoint.
func keysIn(e *fake.Secrets, pointer rawjson.Pointer) *caller.Callers {
	secrets := secret.New(secret.Config{SecretsManager: e.Client})
	return caller.New(caller.Config{Secrets: secrets, Keys: destination.Reference{Provider: "secretsmanager", Name: "callers", Pointer: pointer}})
}

// identify asks for the name of a caller who sends these keys.
func identify(t *testing.T, callers *caller.Callers, keys ...string) (string, error) {
	t.Helper()
	return callers.Identify(t.Context(), &gateway.Request{Header: http.Header{"X-Api-Key": keys}, Address: "192.0.2.1"})
}

// TestCallerKey admits who sends the key, or one of the array of keys, once.
func TestCallerKey(t *testing.T) {
	admitted := error(nil)
	tests := []struct {
		name, secret string
		pointer      rawjson.Pointer
		sent         []string
		want         error
	}{
		{"the key", "caller-key", "", []string{"caller-key"}, admitted},
		{"another key", "caller-key", "", []string{"caller-kez"}, caller.ErrKey},
		{"a part of the key", "caller-key", "", []string{"caller-ke"}, caller.ErrKey},
		{"no key", "caller-key", "", nil, caller.ErrKey},
		{"an empty key", "caller-key", "", []string{""}, caller.ErrKey},
		{"two keys", "caller-key", "", []string{"caller-key", "caller-key"}, caller.ErrKey},
		{"the first of an array", ` ["one", "two"]`, "", []string{"one"}, admitted},
		{"the last of an array", `["one", "two"]`, "", []string{"two"}, admitted},
		{"none of an array", `["one", "two"]`, "", []string{`["one", "two"]`}, caller.ErrKey},
		{"an empty key in an array", `["one", ""]`, "", []string{""}, caller.ErrKey},
		{"a key at a pointer", `{"callers": "one"}`, "/callers", []string{"one"}, admitted},
		{"an array at a pointer", `{"callers": ["one", "two"]}`, "/callers", []string{"two"}, admitted},
		{"an object is none of its keys", `{"callers": "one"}`, "", []string{`{"callers": "one"}`}, caller.ErrKey},
		{"an object of other things", `{"osmos": 1}`, "", []string{"1"}, secret.ErrUnavailable},
		{"an empty object", `{}`, "", []string{"one"}, secret.ErrUnavailable},
		{"an array that is no JSON", `["one", "two",]`, "", []string{`["one", "two",]`}, secret.ErrUnavailable},
		{"an object that is no JSON", `{"osmos": "one",}`, "", []string{`{"osmos": "one",}`}, secret.ErrUnavailable},
		{"a key that begins as JSON does", `[one]`, "", []string{`[one]`}, admitted},
		{"an empty array", `[]`, "", []string{"one"}, secret.ErrUnavailable},
		{"an empty key where there is no other", `[""]`, "", []string{""}, caller.ErrKey},
		{"an array of empty keys", `[""]`, "", []string{"one"}, secret.ErrUnavailable},
		{"an array of other things", `["one", 2]`, "", []string{"one"}, secret.ErrUnavailable},
		{"a key that JSON cannot tell from a number", "12345678", "", []string{"12345678"}, admitted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keys := keysIn(fake.NewSecrets(map[string]string{"callers": test.secret}), test.pointer)
			for range 2 {
				_, err := identify(t, keys, test.sent...)
				if !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			}
		})
	}
}

// TestKeyHints sees that a refusal says what came in place of the key, by its form alone:
// of a right one as of a wrong one, and without repeating it.
func TestKeyHints(t *testing.T) {
	for _, key := range []string{"caller-key", "wrong-key"} {
		for name, test := range map[string]struct {
			header http.Header
			told   string
		}{
			"a template":            {http.Header{"X-Api-Key": {"{{" + key + "}}"}}, "a template that the sender has not filled."},
			"another template":      {http.Header{"X-Api-Key": {"${" + key + "}"}}, "a template that the sender has not filled."},
			"quotes":                {http.Header{"X-Api-Key": {`"` + key + `"`}}, "Send it without quotes."},
			"a word before it":      {http.Header{"X-Api-Key": {"Bearer " + key}}, "Send it without a word before it."},
			"joined by a gateway":   {http.Header{"X-Api-Key": {key + "," + key}}, "Send the header once, with one key."},
			"two":                   {http.Header{"X-Api-Key": {key, key}}, "It came 2 times."},
			"another header":        {http.Header{"Authorization": {"Bearer " + key}}, "Authorization is not read."},
			"underscores":           {http.Header{"X_api_key": {key}}, "X_api_key is another header."},
			"without its beginning": {http.Header{"Api-Key": {key}}, "Api-Key is another header."},
			"without hyphens":       {http.Header{"X-Apikey": {key}}, "X-Apikey is another header."},
			"dots":                  {http.Header{"X.api.key": {key}}, "X.api.key is another header."},
			"nothing":               {http.Header{}, "gave you."},
		} {
			keys := keysIn(fake.NewSecrets(map[string]string{"callers": "caller-key"}), "")
			_, err := keys.Identify(t.Context(), &gateway.Request{Header: test.header})
			if !errors.Is(err, caller.ErrKey) || !strings.HasSuffix(err.Error(), test.told) || strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v, want %q", name, err, test.told)
			}
		}
	}
}

// TestCheapKeyHints sees that a request without a key costs little, whatever headers it has.
func TestCheapKeyHints(t *testing.T) {
	keys := keysIn(fake.NewSecrets(map[string]string{"callers": "caller-key"}), "")
	for _, form := range []string{"X%sapi%skey", "X-Header-%s%s"} {
		header := http.Header{}
		for i := range 500 {
			header[fmt.Sprintf(form, strings.Repeat("-", i%25+1), strings.Repeat("_", i/25))] = []string{"a"}
		}
		said := 0
		made := testing.AllocsPerRun(10, func() {
			_, err := keys.Identify(t.Context(), &gateway.Request{Header: header})
			said = len(err.Error())
		})
		if made > 50 || said > 500 {
			t.Errorf("of %s it says %d bytes, with %v allocations", form, said, made)
		}
	}
}

// TestCallerKeyRotates admits by the new keys when the old ones are past their time.
func TestCallerKeyRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.NewSecrets(map[string]string{"callers": "first-key"})
		keys := keysIn(e, "")
		check := func(key string) error {
			_, err := identify(t, keys, key)
			return err
		}
		if err := check("first-key"); err != nil {
			t.Fatal(err)
		}
		e.Put("callers", `["second-key"]`)
		time.Sleep(5 * time.Minute)
		if check("first-key") == nil || check("second-key") != nil {
			t.Error("the rotation was not seen")
		}
		if got := e.TakeCalls(); got != 2 {
			t.Errorf("%d calls", got)
		}
	})
}

// TestCallerNames tells callers by the names that the secret gives their keys; two
// keys of one name are for a rotation.
func TestCallerNames(t *testing.T) {
	callers := keysIn(fake.NewSecrets(map[string]string{"callers": `{"osmos": ["new", "old"], "crm": "another"}`}), "")
	for key, want := range map[string]string{"new": "osmos", "old": "osmos", "another": "crm"} {
		if name, err := identify(t, callers, key); err != nil || name != want {
			t.Errorf("%s: %q, %v", key, name, err)
		}
	}
	for _, key := range []string{"osmos", `["new", "old"]`, ""} {
		if name, err := identify(t, callers, key); !errors.Is(err, caller.ErrKey) || name != "" {
			t.Errorf("%q: %q, %v", key, name, err)
		}
	}
}

// TestPrincipals tells callers by whom a gateway let in.
func TestPrincipals(t *testing.T) {
	callers := caller.New(caller.Config{Names: map[string]string{
		"key-1": "osmos", "arn:aws:iam::111122223333:user/crm": "crm", "arn:aws:iam::111122223333:role/loader": "loader",
	}})
	for principal, want := range map[string]string{
		"key-1":                              "osmos",
		"arn:aws:iam::111122223333:user/crm": "crm",
		"arn:aws:sts::111122223333:assumed-role/loader/session": "loader",
		"arn:aws:sts::444455556666:assumed-role/loader/session": "",
		"arn:aws:iam::111122223333:user/loader":                 "",
		"key-10":                                                "",
		"":                                                      "",
	} {
		if name, err := callers.Identify(t.Context(), &gateway.Request{Principal: principal}); err != nil || name != want {
			t.Errorf("%q: %q, %v; want %q", principal, name, err, want)
		}
	}
}

// TestWrongKeysAreSlowed keeps the answers to wrong keys of one address back, longer
// and longer, and lets nobody else wait, nor whoever has the key.
func TestWrongKeysAreSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := keysIn(fake.NewSecrets(map[string]string{"callers": "the-key"}), "")
		took := func(address, key string) time.Duration {
			began := time.Now()
			_, err := callers.Identify(t.Context(), &gateway.Request{Header: http.Header{"X-Api-Key": {key}}, Address: address})
			if (err == nil) != (key == "the-key") {
				t.Errorf("%s from %s: %v", key, address, err)
			}
			return time.Since(began)
		}
		var pauses []time.Duration
		for range 14 {
			pauses = append(pauses, took("2001:db8::1", "wrong")/time.Millisecond)
		}
		if difference := cmp.Diff([]time.Duration{0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000}, pauses); difference != "" {
			t.Errorf("(-want +got):\n%s", difference)
		}
		for name, pause := range map[string]time.Duration{
			"the right key from there": took("2001:db8::1", "the-key"), "another address": took("192.0.2.1", "wrong"), "no address": took("", "wrong"),
		} {
			if pause != 0 {
				t.Errorf("%s waits for %s", name, pause)
			}
		}
		if pause := took("2001:db8::2", "wrong"); pause != 5*time.Second {
			t.Errorf("a neighbour in the same network waits for %s", pause)
		}
		time.Sleep(11 * time.Minute)
		if pause := took("2001:db8::1", "wrong"); pause != 0 {
			t.Errorf("after a while a wrong key waits for %s", pause)
		}
	})
}

// TestParallelGuesses sees that asking in parallel is no faster: beyond a few, keys are
// not looked at, and one that may be guessed is none of theirs, though its caller uses it.
func TestParallelGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := keysIn(fake.NewSecrets(map[string]string{"callers": "the-key"}), "")
		if _, err := identify(t, callers, "the-key"); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			_, _ = identify(t, callers, "wrong")
		}
		for range 8 {
			go func() { _, _ = identify(t, callers, "wrong") }()
			synctest.Wait()
		}
		_, err := identify(t, callers, "the-key")
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != caller.ErrKey || refusal.RetryAfter == 0 {
			t.Errorf("while eight wrong keys wait, the right one gets %v", err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if _, err := identify(t, callers, "the-key"); err != nil {
			t.Error(err)
		}
	})
}

// TestWrongKeysLockNobodyOut has somebody send wrong keys without end from the address that a
// load balancer gives to all callers. Whose key nobody guesses is admitted.
func TestWrongKeysLockNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const key = "0123456789abcdef"
		callers := keysIn(fake.NewSecrets(map[string]string{"callers": key}), "")
		for range 13 {
			go func() { _, _ = identify(t, callers, "wrong") }()
			synctest.Wait()
		}
		if _, err := identify(t, callers, "wrong"); err == nil || !strings.HasPrefix(err.Error(), "Too many") {
			t.Errorf("one more wrong key gets %v", err)
		}
		if _, err := identify(t, callers, key); err != nil {
			t.Error(err)
		}
	})
}

// TestHeldAnswersAreBounded sends wrong keys from many addresses: their answers hold a part of
// the connections only, and who sends the first key from elsewhere is admitted.
func TestHeldAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := keysIn(fake.NewSecrets(map[string]string{"callers": "the-key"}), "")
		ask := func(address int, key string) error {
			_, err := callers.Identify(t.Context(), &gateway.Request{Header: http.Header{"X-Api-Key": {key}}, Address: fmt.Sprint("192.0.2.", address)})
			return err
		}
		var held atomic.Int32
		for i := range 400 {
			held.Add(1)
			go func() {
				_ = ask(i%20, "wrong")
				held.Add(-1)
			}()
			synctest.Wait()
		}
		if held.Load() == 0 || held.Load() > 32 {
			t.Errorf("%d answers are held back", held.Load())
		}
		for range 5 {
			if err := ask(30, "wrong"); err == nil || strings.HasPrefix(err.Error(), "Too many") {
				t.Errorf("one of the first wrong keys of another address gets %v", err)
			}
		}
		if err := ask(31, "the-key"); err != nil {
			t.Error(err)
		}
	})
}

// TestManyAddresses sees that memory is bounded, however many addresses wrong keys come from.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := keysIn(fake.NewSecrets(map[string]string{"callers": "the-key"}), "")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range 100_000 {
			address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
			_, _ = callers.Identify(t.Context(), &gateway.Request{Header: http.Header{"X-Api-Key": {"wrong"}}, Address: address})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("100,000 addresses take %d bytes", grown)
		}
		runtime.KeepAlive(callers)
	})
}
