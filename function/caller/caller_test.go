package caller_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/caller"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// keysIn are the keys in the secret callers of an endpoint.
func keysIn(e *fake.Secrets, pointer rawjson.Pointer) *caller.Keys {
	secrets := secret.New(secret.Config{SecretsManager: fake.Connect("http://secrets.test", fake.Direct{Handler: e})})
	return caller.New(secrets, destination.Reference{Provider: "secretsmanager", Name: "callers", Pointer: pointer})
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
		{"an object", `{"callers": "one"}`, "", []string{`{"callers": "one"}`}, secret.ErrUnavailable},
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
				err := keys.Check(t.Context(), http.Header{"X-Api-Key": test.sent})
				if !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			}
		})
	}
}

// TestCallerKeyRotates admits by the new keys when the old ones are past their time.
func TestCallerKeyRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.NewSecrets(map[string]string{"callers": "first-key"})
		keys := keysIn(e, "")
		check := func(key string) error {
			return keys.Check(t.Context(), http.Header{"X-Api-Key": {key}})
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
