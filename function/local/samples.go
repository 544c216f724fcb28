package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"keyrelay/function/fake"
)

//go:embed destinations
var sampleDocuments embed.FS

// sampleSecrets are the secrets that the sample documents name.
func sampleSecrets() *fake.Secrets {
	return fake.NewSecrets(map[string]string{
		"keyrelay/sample": `{"api_key":"` + sampleKey + `"}`,
		"keyrelay/shop":   `{"password":"` + shopPassword + `"}`,
	})
}

// readSecrets reads a file of secrets by name. A value that is no text is a JSON secret.
// The errors hold nothing of the file.
func readSecrets(file string) (*fake.Secrets, error) {
	content, err := os.ReadFile(file) // #nosec G304 -- the file that the person names
	if err != nil {
		return nil, fmt.Errorf("the file of secrets %s cannot be read", file)
	}
	var values map[string]json.RawMessage
	if json.Unmarshal(content, &values) != nil {
		return nil, fmt.Errorf(`the file of secrets %s is no JSON object; write {"keyrelay/orders": {"api_key": "…"}}`, file)
	}
	texts := make(map[string]string, len(values))
	for name, value := range values {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		texts[name] = text
	}
	return fake.NewSecrets(texts), nil
}

// writeSamples writes the sample documents into a folder, for a downstream at a port.
func writeSamples(folder string, port int) error {
	files, err := fs.Glob(sampleDocuments, "destinations/*")
	if err != nil {
		return err
	}
	usual, moved := loopback+":"+strconv.Itoa(downstreamPort), loopback+":"+strconv.Itoa(port)
	for _, name := range files {
		content, err := sampleDocuments.ReadFile(name)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(content), usual, moved)
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
