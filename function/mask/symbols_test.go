package mask_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"keyrelay/function/mask"
)

// secretsWithSymbols are what may hold the beginning of an escape anywhere: some chosen, and many random ones.
func secretsWithSymbols() []string {
	secrets := []string{
		"abcdefg&ijklmnop", "hunter2xK&9Qz!pWv3", "0123456789abcde&", "0123456789abc&am", "0123456789abc&&#3", "0123456789ab&#x2", "0123456789&&#x26",
		"0123456789ab%4&#x3", "abcdefgh&#99999999", "01234567&quo;lt;", "0123456789abc%%3", "0123456789abcd%4",
	}
	const symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&&&&&*+-=?@^_;<>'\"/"
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		secret := make([]byte, mask.MinLength)
		for i := range secret {
			secret[i] = symbols[random.IntN(len(symbols))]
		}
		secrets = append(secrets, string(secret))
	}
	return secrets
}

// TestMaskSymbols finds a secret wherever it holds the beginning of an escape, and whole.
func TestMaskSymbols(t *testing.T) {
	for _, secret := range secretsWithSymbols() {
		masker := mask.New(secret)
		for name, echoed := range encodings(secret) {
			left := bodyAfter(masker, `{"a": "`+echoed+`", "b": 1}`)
			left = strings.Replace(left, "%5C***", "***", 1) // what escaped a quotation mark, and says nothing of it
			if left != `{"a": "***", "b": 1}` {
				t.Errorf("%s of %q left %s", name, secret, left)
			}
		}
		for name, echoed := range map[string]string{
			"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "hexadecimal": hex.EncodeToString([]byte(secret)),
		} {
			if left := bodyAfter(masker, "|"+echoed+"|"); left != "|***|" {
				t.Errorf("%s of %q left %s", name, secret, left)
			}
		}
	}
}

// TestMaskCodedAlone finds a secret in base64 and in hexadecimal digits that decoded, or
// without what may change, is too short to be looked for as it is.
func TestMaskCodedAlone(t *testing.T) {
	for _, secret := range []string{"abcdef&#00000001", "abc&#x0000000001", "%41%42%43%44%45a"} {
		masker := mask.New(secret)
		for _, echoed := range []string{base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))} {
			if left := bodyAfter(masker, "|"+echoed+"|"); left != "|***|" {
				t.Errorf("%q left %s", secret, left)
			}
		}
	}
}

// TestMaskNoGuess masks no beginning of a secret: that would say that a guess was right so far.
func TestMaskNoGuess(t *testing.T) {
	for _, secret := range secretsWithSymbols() {
		masker := mask.New(secret)
		for length := 8; length < len(secret); length++ {
			for after, decoded := range map[string]string{
				"": "", `","b":[1,2,3]}`: `","b`, "&": "&", "&amp;": "&", "&#65;": "A", ";": ";", "%": "%", "%41": "A", `\`: "", `\u0041`: "A", "x": "x",
			} {
				rest := strings.ToUpper(secret[length:])
				if strings.HasPrefix(strings.ToUpper(after), rest) || strings.HasPrefix(strings.ToUpper(decoded), rest) {
					continue // it is whole
				}
				for _, guess := range []string{secret[:length], url.QueryEscape(secret[:length]), strings.ToUpper(secret[:length])} {
					if body := `{"a":"` + guess + after; bodyAfter(masker, body) != body {
						t.Errorf("of %q, %s became %s", secret, body, bodyAfter(masker, body))
					}
				}
			}
		}
	}
}
