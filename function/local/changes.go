package main

import (
	"maps"
	"os"
	"path/filepath"
	"time"

	"keyrelay/function/destination"
)

// lookPause is the time between two looks at the files.
const lookPause = 500 * time.Millisecond

// A stamp tells one state of a file from another.
type stamp struct {
	size    int64
	written time.Time
}

// stamps are those of one's own documents and of the file of secrets, by name; none with
// the samples, which nobody edits.
func stamps(chosen options) map[string]stamp {
	found := map[string]stamp{}
	if chosen.destinations == "" {
		return found
	}
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

// changed names a file that is new, gone or another than it was when the relay read it;
// empty for none. A file that still changes from one look to the next is left to be
// written to its end.
func (s *surroundings) changed(chosen options) string {
	now := stamps(chosen)
	still := maps.Equal(s.looked, now)
	s.looked = now
	if !still {
		return ""
	}
	name := difference(s.read, now)
	s.read = now
	return name
}

// difference names a file that is not the same in both; empty for none.
func difference(before, now map[string]stamp) string {
	all := maps.Clone(before)
	maps.Copy(all, now)
	for name := range all {
		if before[name] != now[name] {
			return name
		}
	}
	return ""
}
