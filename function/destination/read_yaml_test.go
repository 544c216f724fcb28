package destination_test

import (
	"strconv"
	"strings"
	"testing"

	"keyrelay/function/destination"
)

// A YAML document may say its version above it, as OpenAPI asks for YAML 1.2, and
// positions stay those of the file.
func TestYAMLVersion(t *testing.T) {
	for _, above := range []string{"%YAML 1.2\n---\n", "\ufeff# Orders\n%YAML 1.2\n---\n", "%TAG ! tag:example.com,2026:\r\n%YAML 1.1\r\n---\r\n"} {
		if got := one(t, above+head+"info: {title: Orders}\n"); got.Title != "Orders" {
			t.Errorf("%q: the title is %q", above, got.Title)
		}
		line := strconv.Itoa(strings.Count(above, "\n") + 1)
		_, err := destination.Load(write(t, yaml(above+"openapi: 4.0.0\n")), destination.Config{})
		if err == nil || !strings.Contains(err.Error(), ".yaml:"+line+":10: ") {
			t.Errorf("%q: %v", above, err)
		}
	}
}
