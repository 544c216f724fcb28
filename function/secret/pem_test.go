package secret_test

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/secret"
)

// TestPEMBesideComments sees that no dashes of a comment, as bundles of certificates have
// them, hide a block, whether line breaks are as they were or not.
func TestPEMBesideComments(t *testing.T) {
	first, second := bytes.Repeat([]byte("first"), 30), bytes.Repeat([]byte("second"), 30)
	text := func(content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}))
	}
	same := strings.NewReplacer()
	changes := map[string]*strings.Replacer{"as it was": same, "breaks as spaces": strings.NewReplacer("\n", " "), `breaks as \n`: strings.NewReplacer("\n", `\n`), `breaks as \r\n`: strings.NewReplacer("\n", `\r\n`)}
	for _, comment := range []string{"", "# ------ Internal root\n", "Internal root\n" + strings.Repeat("-", 78) + "\n", "-----\n", "----- root -----x\n", strings.Repeat("=", 78) + "\n", "\ufeff", "# the chain, -----BEGIN to the end\n"} {
		for name, change := range changes {
			if comment == "\ufeff" && change == same {
				continue // a byte order mark is no line, and is taken off before
			}
			changed := change.Replace(comment+text(first)) + comment + text(second)
			var got [][]byte
			for block, rest := pem.Decode(secret.PEM(changed, "CERTIFICATE")); block != nil; block, rest = pem.Decode(rest) {
				got = append(got, block.Bytes)
			}
			if difference := cmp.Diff([][]byte{first, second}, got); difference != "" {
				t.Errorf("%q, %s: %s", comment, name, difference)
			}
		}
	}
}
