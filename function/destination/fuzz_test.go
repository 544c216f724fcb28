package destination_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
)

// No document ends the program, and whatever is wrong has a place.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(kinds), false)
	f.Add([]byte(routes), false)
	f.Add([]byte(`{"openapi": "3.0.0", "servers": [{"url": "https://api.example.com", "x": "\ud83d\ude00"}]}`), true)
	f.Add([]byte("openapi: 3.1.1\nservers: &a [*a]\nx-keyrelay-body: &b [*b, *b]"), false)
	stories, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, story := range stories {
		archive, err := txtar.ParseFile(story)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files[:len(archive.Files)-1] {
			f.Add(file.Data, filepath.Ext(file.Name) == ".json")
		}
	}
	f.Fuzz(func(t *testing.T, document []byte, json bool) {
		name := "api.yaml"
		if json {
			name = "api.json"
		}
		folder := write(t, txtar.File{Name: name, Data: document})
		set, err := destination.Load(folder, destination.Config{})
		if err != nil {
			checkFaults(t, folder, err)
		} else if len(set.Destinations()) != 1 {
			t.Fatal("no destination")
		}
	})
}

// Whatever is admitted means the declared server to another reader of URLs too,
// and lies below its path without a dot segment.
func FuzzLocate(f *testing.F) {
	for _, seed := range []string{
		"https://api.example.com/v2/orders?a=b", "https://API.example.com:443/%762/%c3%a9", "https://api.example.com:8443?x", "http://[0:0::1]:9000/a",
		"https://user@api.example.com/v2", `https://api.example.com\@evil.example`, "https://api.example.com/v2/..;/", "https://eu.example.com/prod/{a}/{b}",
	} {
		f.Add(seed)
	}
	set := several(f)
	f.Fuzz(func(t *testing.T, outboundURL string) {
		location, err := set.Locate(outboundURL)
		if err != nil {
			return
		}
		if !harmless(location, outboundURL) {
			t.Errorf("%q is admitted as %+v", outboundURL, location)
		}
		if _, err := location.Operation("GET", location.Path); err != nil {
			t.Errorf("%q: %v", outboundURL, err)
		}
	})
}
