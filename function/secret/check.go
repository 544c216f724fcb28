package secret

import (
	"errors"
	"io/fs"
	"os"

	"keyrelay/function/destination"
)

// Check reports every env: and file: reference of the set that names an unset
// variable or a missing file, and reads no secret of Secrets Manager. The error is of type destination.Faults.
func (s *Store) Check(set *destination.Set) error {
	var faults destination.Faults
	for _, checked := range set.Destinations() {
		for _, placed := range checked.References {
			if problem, remedy := absent(placed.Reference); problem != "" {
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
	}
	return "", ""
}
