package secret

import (
	"bytes"
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
	text = strings.NewReplacer(`\r`, "", `\n`, "\n").Replace(text)
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

// blocks finds what stands between the first and the last line of a block. What stands around
// blocks is a comment that may have any dashes (RFC 7468 section 2), such as a rule of them.
var blocks = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(-----BEGIN [^-]+-----)([^-]*)(-----END [^-]+-----)`)
})
