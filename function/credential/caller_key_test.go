package credential_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
)

// TestCallerKey admits who sends the key, or one of the array of keys, once.
func TestCallerKey(t *testing.T) {
	admitted := error(nil)
	tests := []struct {
		name, secret string
		pointer      destination.Pointer
		sent         []string
		want         error
	}{
		{"the key", "caller-key", "", []string{"caller-key"}, admitted},
		{"another key", "caller-key", "", []string{"caller-kez"}, credential.ErrCallerKey},
		{"a part of the key", "caller-key", "", []string{"caller-ke"}, credential.ErrCallerKey},
		{"no key", "caller-key", "", nil, credential.ErrCallerKey},
		{"an empty key", "caller-key", "", []string{""}, credential.ErrCallerKey},
		{"two keys", "caller-key", "", []string{"caller-key", "caller-key"}, credential.ErrCallerKey},
		{"the first of an array", ` ["one", "two"]`, "", []string{"one"}, admitted},
		{"the last of an array", `["one", "two"]`, "", []string{"two"}, admitted},
		{"none of an array", `["one", "two"]`, "", []string{`["one", "two"]`}, credential.ErrCallerKey},
		{"an empty key in an array", `["one", ""]`, "", []string{""}, credential.ErrCallerKey},
		{"a key at a pointer", `{"callers": "one"}`, "/callers", []string{"one"}, admitted},
		{"an array at a pointer", `{"callers": ["one", "two"]}`, "/callers", []string{"two"}, admitted},
		{"an object", `{"callers": "one"}`, "", []string{`{"callers": "one"}`}, credential.ErrSecretUnavailable},
		{"an empty array", `[]`, "", []string{"one"}, credential.ErrSecretUnavailable},
		{"an empty key where there is no other", `[""]`, "", []string{""}, credential.ErrCallerKey},
		{"an array of empty keys", `[""]`, "", []string{"one"}, credential.ErrSecretUnavailable},
		{"an array of other things", `["one", 2]`, "", []string{"one"}, credential.ErrSecretUnavailable},
		{"a key that JSON cannot tell from a number", "12345678", "", []string{"12345678"}, admitted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := storeOn(t, newEndpoint(map[string]string{"callers": test.secret}))
			for range 2 {
				err := store.CheckCallerKey(t.Context(), managed("callers", test.pointer), http.Header{"X-Api-Key": test.sent})
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
		e := newEndpoint(map[string]string{"callers": "first-key"})
		store := credential.New(credential.Config{SecretsManager: e.direct()})
		check := func(key string) error {
			return store.CheckCallerKey(t.Context(), managed("callers", ""), http.Header{"X-Api-Key": {key}})
		}
		if err := check("first-key"); err != nil {
			t.Fatal(err)
		}
		e.put("callers", `["second-key"]`)
		time.Sleep(5 * time.Minute)
		if check("first-key") == nil || check("second-key") != nil {
			t.Error("the rotation was not seen")
		}
		e.mustHaveCalls(t, 2)
	})
}
