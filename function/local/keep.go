package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
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
	content, err := os.ReadFile(file) // #nosec G304 -- the file that the person names
	inFile, unreadable := readSecrets(file)
	if err != nil || unreadable != nil {
		return
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	var names []string
	for name, text := range inFile {
		changed := s.own.Value(name)
		if text != s.inFile[name] || changed == text {
			continue
		}
		value := []byte(changed)
		if found, _ := rawjson.PointerTo(name).Find(content); !bytes.HasPrefix(found, []byte("{")) {
			value = rawjson.Encode(changed)
		}
		content = rawjson.WithMember(content, []string{name}, value)
		names = append(names, name)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	list := strings.Join(names, ", ")
	if err := secret.ReplaceFile(file, content); err != nil {
		fmt.Fprintf(out, "An API has replaced a part of %s, and %s could not be written: get a new one before the next start.\n", list, file)
		return
	}
	fmt.Fprintf(out, "An API has replaced a part of %s, which is in %s now.\n", list, file)
}
