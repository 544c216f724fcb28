package secret

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"sync"
)

// PEM is a PEM text (RFC 7468) as it was before a console or a variable changed it: line
// breaks may have become spaces or "\n", all of it be in base64 once more, and the first and
// last line be left out, for which label stands, such as "PRIVATE KEY". What stands between
// its blocks stays as it is.
func PEM(text, label string) []byte {
	const mark = "-----"
	text = strings.NewReplacer(`\\r`, "", `\\n`, "\n", `\r`, "", `\n`, "\n").Replace(text)
	if !strings.Contains(text, mark) {
		content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		switch {
		case err != nil:
			return nil
		case bytes.Contains(content, []byte(mark)):
			return PEM(string(content), label)
		}
		return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: content})
	}
	return []byte(blocks().ReplaceAllStringFunc(text, func(block string) string {
		if whole, _ := pem.Decode([]byte(block)); whole == nil {
			parts := blocks().FindStringSubmatch(block)
			parts[2] = strings.Join(strings.Fields(parts[2]), "\n")
			block = strings.Join(parts[1:], "\n")
		}
		return "\n" + block + "\n"
	}))
}

// PrivateKey reads the first private key of a PEM text; nil for none.
func PrivateKey(text string) crypto.PrivateKey {
	for block, rest := pem.Decode(PEM(text, keyLabel)); block != nil; block, rest = pem.Decode(rest) {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return key
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key
		}
	}
	return nil
}

const keyLabel = "PRIVATE KEY"

// Held says for a message what a member that should hold PEM text holds instead of what is
// needed: the kind of its private key, or the label of its first block; empty if it has neither.
func Held(name, text string) string {
	const held = " holds "
	switch key := PrivateKey(text).(type) {
	case *rsa.PrivateKey:
		return " " + name + held + "an RSA key."
	case *ecdsa.PrivateKey:
		return " " + name + held + "an EC key of " + key.Params().Name + "."
	case ed25519.PrivateKey:
		return " " + name + held + "an Ed25519 key."
	}
	// One that was made from text without a label has the label that was looked for.
	block, _ := pem.Decode(PEM(text, ""))
	switch {
	case block == nil || !labels().MatchString(block.Type):
		return ""
	case block.Headers["DEK-Info"] != "":
		return " " + name + held + "a key with a passphrase."
	}
	return " " + name + held + block.Type + "."
}

// labels finds labels of PEM, which say nothing of what is in the block.
var labels = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z0-9 ]{1,40}$`) })

// blocks finds what stands between the first and the last line of a block. What stands around
// blocks is a comment that may have any dashes (RFC 7468 section 2), such as a rule of them.
var blocks = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(-----BEGIN [^-]+-----)([^-]*)(-----END [^-]+-----)`)
})
