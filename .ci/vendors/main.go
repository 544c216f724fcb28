// Vendors prints which share of the OpenAPI documents that vendors publish loads,
// each in a folder of its own and all of a vendor's in one folder:
//
//	go run ./.ci/vendors            the shared test data, skipped where it is absent
//	go run ./.ci/vendors FOLDER...  one folder of documents for each vendor
//
// It fails where less than 98 % load, or where those of a vendor that load do not load together.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keyrelay/function/destination"
)

const corpus = "../shared/corpus/openapi/vendors.jsonl.gz"

// A vendor is a name with its documents, by their file names.
type vendor struct {
	name      string
	documents map[string][]byte
}

func main() {
	vendors, err := read(os.Args[1:])
	if errors.Is(err, os.ErrNotExist) && len(os.Args) == 1 {
		fmt.Println("skipped: the shared test data is not on this machine")
		return
	}
	if err == nil {
		err = judge(vendors)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// read reads the folders of documents, or else the shared test data.
func read(folders []string) ([]vendor, error) {
	if len(folders) == 0 {
		return readCorpus()
	}
	var vendors []vendor
	for _, folder := range folders {
		each := vendor{filepath.Base(folder), map[string][]byte{}}
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if each.documents[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
				return nil, err
			}
		}
		vendors = append(vendors, each)
	}
	return vendors, nil
}

// readCorpus reads one document a line, whose name begins with its vendor's.
func readCorpus() ([]vendor, error) {
	file, err := os.Open(corpus)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	var vendors []vendor
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Name string
			Doc  json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(line.Name, "__")
		at := slices.IndexFunc(vendors, func(v vendor) bool { return v.name == name })
		if at < 0 {
			at = len(vendors)
			vendors = append(vendors, vendor{name, map[string][]byte{}})
		}
		vendors[at].documents[line.Name+".json"] = bytes.Clone(line.Doc)
	}
	return vendors, lines.Err()
}

// judge loads every document and prints what came of it.
func judge(vendors []vendor) error {
	all, loaded, apart := 0, 0, 0
	for _, each := range vendors {
		fine := map[string][]byte{}
		for name, document := range each.documents {
			if err := load(map[string][]byte{name: document}); err != nil {
				fmt.Println(err)
				continue
			}
			fine[name] = document
		}
		together := "together"
		if err := load(fine); err != nil && len(fine) > 0 {
			apart++
			together = "NOT together"
			fmt.Println(err)
		}
		fmt.Printf("%-16s %4d of %4d load, %s\n", each.name, len(fine), len(each.documents), together)
		all, loaded = all+len(each.documents), loaded+len(fine)
	}
	fmt.Printf("%d of %d documents load: %.1f %%; those of %d of %d vendors load together\n",
		loaded, all, 100*float64(loaded)/float64(all), len(vendors)-apart, len(vendors))
	if loaded*100 < all*98 || apart > 0 {
		return errors.New("less than 98 % load, or a vendor's documents do not load together")
	}
	return nil
}

// load loads documents from a folder of their own. The error has at most five lines.
func load(documents map[string][]byte) error {
	folder, err := os.MkdirTemp("", "vendors")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for name, document := range documents {
		if err := os.WriteFile(filepath.Join(folder, name), document, 0o600); err != nil {
			return err
		}
	}
	_, err = destination.Load(folder, destination.Config{RealLambda: true})
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), ""), "\n")
	return errors.New(strings.Join(lines[:min(len(lines), 5)], "\n"))
}
