package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"keyrelay/function/destination"
)

// changePause is the time between two looks at the files.
const changePause = 2 * time.Second

// tellChanges says once that a document or the file of secrets was changed: both are read
// at the start, as where the relay is deployed.
func tellChanges(stop context.Context, chosen options, before map[string]stamp, out *printer) {
	for {
		select {
		case <-stop.Done():
			return
		case <-time.After(changePause):
		}
		if name := changed(before, stamps(chosen)); name != "" {
			fmt.Fprintln(out, out.styled(accent, name+" was changed. Documents and secrets are read at the start: press Ctrl-C and start again."))
			return
		}
	}
}

// A stamp tells one state of a file from another.
type stamp struct {
	size    int64
	written time.Time
}

// stamps are those of the documents and of the file of secrets, by name.
func stamps(chosen options) map[string]stamp {
	found := map[string]stamp{}
	names, _ := filepath.Glob(filepath.Join(chosen.destinations, "*.*"))
	for _, name := range append(names, chosen.secrets) {
		if name != chosen.secrets && !destination.IsDocument(name) {
			continue
		}
		if information, err := os.Stat(name); err == nil {
			found[name] = stamp{information.Size(), information.ModTime()}
		}
	}
	return found
}

// changed names a file that is new, gone or another than it was; empty for none.
func changed(before, now map[string]stamp) string {
	for name, one := range now {
		if before[name] != one {
			return name
		}
	}
	for name := range before {
		if _, still := now[name]; !still {
			return name
		}
	}
	return ""
}
