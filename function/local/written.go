package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"keyrelay/function/rawjson"
)

// writeBack puts secrets that were written since the file was read into the file, as keyrelay
// login and rotated refresh tokens write them: they would be lost when this program ends. It
// reports whether there were any. Everything else in the file stays byte for byte.
func (s *surroundings) writeBack(file string) (written bool, err error) {
	changed := map[string]string{}
	for name, was := range s.inFile {
		if now := s.own.Value(name); now != was {
			changed[name] = now
		}
	}
	if len(changed) == 0 {
		return false, nil
	}
	content, err := os.ReadFile(file) // #nosec G304 -- the file that the person names
	if err != nil {
		return false, nil //nolint:nilerr // one that is gone is told by the next look at it
	}
	before := content
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	for name, text := range changed {
		value := []byte(text)
		if !rawjson.IsObject(value) {
			value = rawjson.Encode(text)
		}
		content = rawjson.WithMember(content, []string{name}, value)
	}
	if bytes.Equal(before, content) {
		return false, nil // what is no JSON is told by the next look at it
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return false, fmt.Errorf("the file of secrets %s cannot be written, so that what an API has rotated is lost when this ends; make it one that you may write", file)
	}
	for name, text := range changed {
		s.inFile[name] = text
	}
	return true, nil
}

// keepSecrets writes secrets back, and says so. The relay that wrote one has it, and starts
// again only where the page told of a problem with one, as before a login.
func (l *launcher) keepSecrets() {
	file := l.chosen.secrets
	written, err := l.around.writeBack(file)
	switch {
	case err != nil && !l.unwritable:
		l.unwritable = true // told once
		fmt.Fprintln(l.out, l.out.styled(accent, err.Error()))
	case written && !l.page.Load().hasProblem():
		found := stamps(l.chosen)[file]
		l.around.read[file], l.around.looked[file] = found, found
	}
}

// hasProblem reports whether the secret of a document cannot be used.
func (w *workbench) hasProblem() bool {
	return slices.ContainsFunc(w.documents, func(each document) bool {
		return slices.ContainsFunc(each.Attachments, func(a attachment) bool { return a.Problem != "" })
	})
}
