package main

import (
	"embed"
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
