package credential_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// madeWith is a credential with one scheme and its secret.
func madeWith(t testing.TB, secret string, change func(*destination.SecurityScheme)) *credential.Credential {
	t.Helper()
	scheme := header(managed("keyrelay/it", ""))
	change(scheme)
	return mustGet(t, storeOn(t, fake.NewSecrets(map[string]string{"keyrelay/it": secret})), planWith(scheme))
}

func asBasic(s *destination.SecurityScheme) { s.Kind, s.Field = destination.Basic, "Authorization" }

// TestMaskBasic hides the header's value and the pair, but neither the user's name
// nor a password that is short enough to be guessed.
func TestMaskBasic(t *testing.T) {
	used := madeWith(t, `{"username": "Aladdin-of-Agrabah", "password": "open sesame"}`, asBasic)
	const header = "QWxhZGRpbi1vZi1BZ3JhYmFoOm9wZW4gc2VzYW1l"
	for sent, want := range map[string]string{
		"Basic " + header:                "Basic ***",
		"Aladdin-of-Agrabah:open sesame": "***",
		"password=open+sesame":           "password=open+sesame",
		"user=Aladdin-of-Agrabah":        "user=Aladdin-of-Agrabah",
	} {
		response := &gateway.Response{Body: []byte(sent)}
		used.Mask(response)
		if string(response.Body) != want {
			t.Errorf("%q became %q, want %q", sent, response.Body, want)
		}
	}
}

// TestMaskMembers hides what a template was filled with.
func TestMaskMembers(t *testing.T) {
	used := madeWith(t, `{"key": "the-inner-key-of-it"}`, func(s *destination.SecurityScheme) {
		s.Value = &destination.ValueTemplate{Parts: []destination.TemplatePart{{Literal: "Token token="}, {Pointer: "/key", IsPointer: true}}}
	})
	response := &gateway.Response{Body: []byte("Token token=the-inner-key-of-it|the-inner-key-of-it")}
	if used.Mask(response); string(response.Body) != "***|***" {
		t.Errorf("left %s", response.Body)
	}
}

// TestMaskParts hides all of a scheme's credential that begins with another's, and
// says which of them the answer used.
func TestMaskParts(t *testing.T) {
	const short, long = "key-of-16-letters", "key-of-16-letters-and-then-some"
	first, second := header(managed("short", "")), header(managed("long", ""))
	second.Name, second.Field = "other", "X-Other-Key"
	used := mustGet(t, storeOn(t, fake.NewSecrets(map[string]string{"short": short, "long": long})), planWith(first, second))
	for body, want := range map[string]string{long + "|" + short: "***|*** [other partnerKey]", short: "*** [partnerKey]", "neither": "neither []"} {
		response := &gateway.Response{Body: []byte(body)}
		found := used.Mask(response)
		if got := fmt.Sprint(string(response.Body), " ", found); got != want {
			t.Errorf("%s became %s, want %s", body, got, want)
		}
	}
}

// TestMaskCarried tells nobody whether a guess is right at what a request does not
// carry as it is: the user's name and the password of http basic by themselves.
func TestMaskCarried(t *testing.T) {
	used := madeWith(t, `{"username": "a-user-name-of-24-letters", "password": "a-password-of-24-letters"}`, asBasic)
	const guess = "a-user-name-of-24-letters|a-password-of-24-letters|YS1wYXNzd29yZC1vZi0yNC1sZXR0ZXJz"
	response := &gateway.Response{Body: []byte(guess)}
	if found := used.Mask(response); found != nil || string(response.Body) != guess {
		t.Errorf("left %s", response.Body)
	}
}

// TestMaskInside hides what servers take out of a text that is a whole header, or JSON,
// and says nothing about names, short values and words among several.
func TestMaskInside(t *testing.T) {
	const key, other = "key-that-nobody-guesses", "another-that-nobody-guesses"
	tests := []struct{ stored, answer, left string }{
		{"Bearer " + key, key + "|Bearer " + key, "***|***"},
		{"SSWS " + key, key, "***"},
		{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZSBvcGVu", "Aladdin:open sesame open|QWxhZGRpbjpvcGVuIHNlc2FtZSBvcGVu|Aladdin", "***|***|Aladdin"},
		{`Token token="` + key + `"`, key, "***"},
		{"session=" + key, key, "***"},
		{`{"outer": {"list": [{"inner": "` + key + `"}, "` + other + `", 12345678901234567890, "short"]}}`,
			`{"got": "` + key + `", "and": ["` + other + `", 12345678901234567890, "short", "outer"]}`, `{"got": "***", "and": ["***", 12345678901234567890, "short", "outer"]}`},
		{`{"inner": "` + key + `"}`, key, "***"},
		{`Custom ["` + key + `"]`, key, "***"},
		{`Digest username="somebody-of-some-company", opaque="` + key + `"`, "somebody-of-some-company|" + key, "somebody-of-some-company|" + key},
		{"correct horse battery staples", "horse battery staples", "horse battery staples"},
		{key + "-of-it", key, key},
	}
	for _, test := range tests {
		used := madeWith(t, quoted(test.stored), func(s *destination.SecurityScheme) { s.Secret.Pointer = "/key" })
		response := &gateway.Response{Body: []byte(test.answer)}
		if used.Mask(response); string(response.Body) != test.left {
			t.Errorf("%s: left %s, want %s", test.stored, response.Body, test.left)
		}
	}
}

// TestMaskInsideMany looks for no more of the texts in a credential than any API needs: how
// long the mask takes grows with them, and a token endpoint may answer with hundreds.
func TestMaskInsideMany(t *testing.T) {
	texts := []string{"short"}
	for i := range 400 {
		texts = append(texts, fmt.Sprintf("longer text %04d", i))
	}
	stored, _ := json.Marshal(texts)
	used := madeWith(t, quoted(string(stored)), func(s *destination.SecurityScheme) { s.Secret.Pointer = "/key" })
	response := &gateway.Response{Body: []byte(string(stored) + strings.Join(texts, "|"))}
	if used.Mask(response); string(response.Body) != "***short|"+strings.Repeat("***|", 16)+strings.Join(texts[17:], "|") {
		t.Errorf("left %s", response.Body)
	}
}

// quoted is a secret whose member key is the text.
func quoted(text string) string {
	secret, _ := json.Marshal(map[string]string{"key": text})
	return string(secret)
}
