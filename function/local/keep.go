package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

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
