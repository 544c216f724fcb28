package main

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
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
func readSecrets(file string) (texts map[string]string, content []byte, err error) {
	content, err = os.ReadFile(file) // #nosec G304 -- the file that the person names
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("the file of secrets %s, which SECRETS names, does not exist", file)
	} else if err != nil {
		return nil, nil, fmt.Errorf("the file of secrets %s cannot be read; make it one that you may read", file)
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	var values map[string]json.RawMessage
	if err := json.Unmarshal(content, &values); err != nil || values == nil {
		return nil, nil, secretsProblem(file, content)
	}
	var twice *rawjson.Error
	if err := new(rawjson.Object).Read(content); errors.As(err, &twice) && errors.Is(err, rawjson.ErrDuplicate) {
		return nil, nil, fmt.Errorf("%s: the file of secrets has the name of this member twice in one object; remove one of the two, or rename it", placeIn(file, content, twice.At))
	}
	texts = make(map[string]string, len(values))
	for name, value := range values {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		texts[name] = text
	}
	return texts, content, nil
}

// secretsProblem says why a file of secrets is none.
func secretsProblem(file string, content []byte) error {
	const shape = `write a JSON object of secrets by name, such as {"keyrelay/orders": {"api_key": "…"}}`
	text := strings.TrimSpace(string(content))
	fault := rawjson.FaultOf(content)
	switch {
	case text == "":
		return fmt.Errorf("the file of secrets %s is empty; %s", file, shape)
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")), bytes.IndexByte(content, 0) >= 0:
		return fmt.Errorf("the file of secrets %s is in UTF-16, as PowerShell writes files; save it as UTF-8", file)
	case text[0] != '{' && strings.Contains(text, "="):
		return fmt.Errorf("the file of secrets %s has lines of NAME=value, as an .env file; %s", file, shape)
	case !strings.Contains("{/#", text[:1]) || fault == nil || !errors.Is(fault, rawjson.ErrSyntax):
		return fmt.Errorf("the file of secrets %s is no JSON object; %s", file, shape)
	}
	remedy := cmp.Or(rawjson.Mistake(content, fault.At), "look for a comma or a quote too many, or one that is missing")
	return fmt.Errorf("%s: the file of secrets is no JSON from here on; %s", placeIn(file, content, fault.At), remedy)
}

// placeIn is the place of an offset in a file.
func placeIn(file string, content []byte, at int) string {
	line, column := rawjson.Position(content, at)
	return fmt.Sprintf("%s:%d:%d", file, line, column)
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
