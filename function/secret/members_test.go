package secret_test

import (
	"errors"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// TestNamesThatAreTold sees that of the members of a secret only those with usual names, or
// near a needed one, get into the log: a key that was pasted as a name does not.
func TestNamesThatAreTold(t *testing.T) {
	for _, test := range []struct{ content, needed, want string }{
		{`{"AbCdEfGhIjKlMnOpQrStUvWxYz": ""}`, "api_key", "It has 1 member with names that are not told."},
		{`{"hunter2xyz": "", "user": "x"}`, "api_key", "It has user and 1 other."},
		{`{"correct-horse-battery-staple": "", "hunter2xyz": ""}`, "password", "It has 2 members with names that are not told."},
		{`{"hunter2key": "", "hunterxyzkey": ""}`, "key", "It has 2 members with names that are not told."},
		{`{"Passw0rd": "", "username": "x"}`, "password", "It has username and 1 other."},
		{`{"keys": {"hunter2xyz": "x"}, "hunterxyz": {"key": "x"}, "client": {"id": "x"}}`, "secret", "It has /client/id and 2 others."},
		{`{"client_id": "x", "passwrod": "x"}`, "password", "It has client_id and passwrod. Perhaps passwrod is meant by password."},
		{`{"flavour": "x", "flavors": "x"}`, "flavour", "It has flavour and flavors."},
		{`{}`, "key", ""},
	} {
		got := secret.Lacks(destination.Reference{}, []byte(test.content), "lacks it.", test.needed)
		if got.Note != test.want {
			t.Errorf("%s: %q", test.content, got.Note)
		}
	}
}

// TestMember finds a text by its name as it is, and else by that in other letters.
func TestMember(t *testing.T) {
	for content, want := range map[string]string{
		`{"username": "a", "Username": "b"}`: "a", `{"Username": "b", "username": "a"}`: "a", `{"USERNAME": "b", "Username": "c"}`: "b",
		`{"Usern\u0061me": "b", "x": 1, "x": 2}`: "b", `{"username": "a", "username": "b"}`: "b", `{"username": null, "Username": "b"}`: "",
		`{"Username": 1}`: "", `{"user_name": "b"}`: "b", `{"userName": "b"}`: "b", `{"user": "b"}`: "", `{"it": {"Username": "b"}}`: "", `["Username"]`: "", `{}`: "",
	} {
		value := secret.Value{Bytes: func() []byte { return []byte(content) }, IsJSON: true}
		if got, ok := value.Member("username"); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t", content, got, ok)
		}
	}
}

// TestWrappedNames shows the shape that a secret should have, without what may be a key.
func TestWrappedNames(t *testing.T) {
	for _, test := range []struct{ content, want string }{
		{`{"client": "x", "hunter2xyz": ""}`, `It has client and 1 other. Where that is what it should hold, wrap it: {"orders": {"client": …, …}}.`},
		{`{"hunter2xyz": ""}`, `It has 1 member with names that are not told. Where that is what it should hold, wrap it: {"orders": {…}}.`},
	} {
		store := newStore(fake.NewSecrets(map[string]string{"keyrelay/it": test.content}))
		_, err := store.Value(t.Context(), managed("keyrelay/it", rawjson.PointerTo("orders")))
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || refusal.Note != test.want {
			t.Errorf("%s: %v, %+v", test.content, err, refusal)
		}
	}
}
