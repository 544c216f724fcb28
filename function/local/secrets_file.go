package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

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

// readOwnSecrets reads the file of secrets, if there is one, into their endpoint: what has
// changed in it, since an API may have rotated others. undo takes that back.
func (s *surroundings) readOwnSecrets(file string) (undo func(), err error) {
	if s.own == nil {
		return func() {}, nil
	}
	secrets, _, err := readSecrets(file)
	if err != nil {
		return nil, err
	}
	before := s.inFile
	s.inFile = secrets
	restore := s.own.Change(before, secrets)
	return func() {
		restore()
		s.inFile = before
	}, nil
}

// keepSecrets writes the secrets that APIs have changed meanwhile into the file of secrets,
// once the relay has ended: the refresh token that the file has may be worth nothing any more,
// and a provider takes its use for theft. What a person has changed there since stays.
func (s *surroundings) keepSecrets(file string, out io.Writer) {
	if s.own == nil {
		return
	}
	var names []string
	for name, text := range s.inFile {
		if s.own.Value(name) != text {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	list := strings.Join(names, ", ")
	content, err := s.kept(file, names)
	if err == nil && content != nil {
		err = secret.ReplaceFile(file, content)
	}
	switch {
	case err != nil:
		fmt.Fprintf(out, "An API has replaced a part of %s, and %s could not be written: get a new one before the next start.\n", list, file)
	case content != nil:
		fmt.Fprintf(out, "An API has replaced a part of %s, which is in %s now.\n", list, file)
	}
}

// kept is the file of secrets with what is kept of some names; nil if a person has changed all of them.
func (s *surroundings) kept(file string, names []string) (content []byte, err error) {
	inFile, content, err := readSecrets(file)
	changed := false
	for _, name := range names {
		if text, there := inFile[name]; !there || text != s.inFile[name] {
			continue
		}
		value := []byte(s.own.Value(name))
		if found, _ := rawjson.PointerTo(name).Find(content); !bytes.HasPrefix(found, []byte("{")) {
			value = rawjson.Encode(s.own.Value(name))
		}
		content, changed = rawjson.WithMember(content, []string{name}, value), true
	}
	if !changed {
		return nil, err
	}
	return content, nil
}
