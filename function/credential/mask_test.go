package credential_test

import (
	"testing"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// heldWith is a credential with one scheme and its secret.
func heldWith(t testing.TB, secret string, change func(*destination.SecurityScheme)) *credential.Credential {
	t.Helper()
	scheme := header(managed("keyrelay/it", ""))
	change(scheme)
	return mustGet(t, storeOn(t, fake.NewSecrets(map[string]string{"keyrelay/it": secret})), planWith(scheme))
}

func asBasic(s *destination.SecurityScheme) { s.Kind, s.Field = destination.Basic, "Authorization" }

// TestMaskBasic hides the header's value and the pair, but neither the user's name
// nor a password that is short enough to be guessed.
func TestMaskBasic(t *testing.T) {
	held := heldWith(t, `{"username": "Aladdin-of-Agrabah", "password": "open sesame"}`, asBasic)
	const header = "QWxhZGRpbi1vZi1BZ3JhYmFoOm9wZW4gc2VzYW1l"
	for sent, want := range map[string]string{
		"Basic " + header:                "Basic ***",
		"Aladdin-of-Agrabah:open sesame": "***",
		"password=open+sesame":           "password=open+sesame",
		"user=Aladdin-of-Agrabah":        "user=Aladdin-of-Agrabah",
	} {
		response := &gateway.Response{Body: []byte(sent)}
		held.Mask(response)
		if string(response.Body) != want {
			t.Errorf("%q became %q, want %q", sent, response.Body, want)
		}
	}
}

// TestMaskMembers hides what a template was filled with.
func TestMaskMembers(t *testing.T) {
	held := heldWith(t, `{"key": "the-inner-key-of-it"}`, func(s *destination.SecurityScheme) {
		s.Value = &destination.ValueTemplate{Parts: []destination.TemplatePart{{Literal: "Token token="}, {Pointer: "/key", IsPointer: true}}}
	})
	response := &gateway.Response{Body: []byte("Token token=the-inner-key-of-it|the-inner-key-of-it")}
	if held.Mask(response); string(response.Body) != "***|***" {
		t.Errorf("left %s", response.Body)
	}
}
