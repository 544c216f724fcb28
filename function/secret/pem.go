package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"
)

// PEM is a PEM text (RFC 7468) as it was before a console or a variable changed it: line
// breaks may have become spaces or "\n", all of it be in base64 once more, and the first and
// last line be left out, for which label stands, such as "PRIVATE KEY".
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
	var lines []string
	for i, part := range strings.Split(text, mark) {
		if i%2 == 1 {
			lines = append(lines, mark+part+mark)
		} else {
			lines = append(lines, strings.Fields(part)...)
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}
