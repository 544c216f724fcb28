package secret

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"keyrelay/function/destination"
)

// Check reports every env: and file: reference of the set that names an unset variable or a
// file that is missing or unreadable, or lacks the member that the reference or a template
// names. It reads nothing from Secrets Manager. The error is of type destination.Faults.
func (s *Store) Check(set *destination.Set) error {
	var faults destination.Faults
	for _, checked := range set.Destinations() {
		for _, placed := range checked.References {
			problem, remedy := absent(placed.Reference)
			fixed := placed.Pointer != "" && !strings.Contains(string(placed.Pointer), "{") // a field of the record fills the others
			if problem == "" && (len(placed.Members) > 0 || fixed) && placed.Provider != "secretsmanager" {
				problem, remedy = s.lacks(placed)
			}
			if problem != "" {
				faults = append(faults, destination.Fault{Place: placed.Place, Problem: problem, Remedy: remedy})
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults
}

// absent says what is wrong with a reference to this machine.
func absent(reference destination.Reference) (problem, remedy string) {
	switch reference.Provider {
	case "env":
		if os.Getenv(reference.Name) == "" {
			return "the environment variable " + reference.Name + " is not set", "set it where keyrelay runs, or name another secret"
		}
	case "file":
		if information, err := os.Stat(reference.Name); errors.Is(err, fs.ErrNotExist) {
			return "the file " + reference.Name + " does not exist", "put the secret there, or name another file"
		} else if err == nil && !information.Mode().IsRegular() {
			return reference.Name + " is not a file", "name a regular file that holds the secret"
		}
		file, err := openRegular(reference.Name)
		if err != nil {
			return "the file " + reference.Name + " cannot be read by the user that keyrelay runs as", "let that user read it, or name another file"
		}
		_ = file.Close()
	}
	return "", ""
}

// lacks says which member, that the reference or a template names, a secret on this
// machine does not have.
func (s *Store) lacks(placed destination.PlacedReference) (problem, remedy string) {
	value, err := s.Value(context.Background(), placed.Reference)
	if err != nil {
		if problem, remedy, told := Problem(placed.Reference, err); told {
			return "the secret " + placed.Reference.String() + " " + problem, remedy
		}
		return "the secret " + placed.Reference.String() + " cannot be used", "look at the variable or file, and the part of the reference from # on"
	}
	for _, pointer := range placed.Members {
		if _, ok := pointer.Find(value.Bytes()); !ok {
			remedy := "add it to the secret, or fix the template"
			needed := pointer.Tokens()[:1]
			if hint := has(value.Bytes(), needed) + mistaken(value.Bytes(), needed); hint != "" {
				remedy += ". " + strings.TrimSuffix(hint, ".")
			}
			return "the secret " + placed.Reference.String() + " has no member " + string(pointer) + ", which a template names", remedy
		}
	}
	return "", ""
}
