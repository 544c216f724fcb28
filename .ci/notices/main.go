// Command notices prints the licences and notices of everything that is compiled
// into keyrelay: the modules that the module graph says the program uses, and the
// Go standard library. Texts that are the same are printed once.
//
//	go run ./.ci/notices >THIRD_PARTY_NOTICES.txt
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// A module is one dependency and the folder its source lies in.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// platforms are what keyrelay is built for: a dependency of any of them is named.
var platforms = []string{"linux/amd64", "linux/arm64"}

// legal matches the files that a licence asks to be passed on.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|copyright)(-[a-z]+)?(\.txt|\.md)?$`)

func main() {
	if err := write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "notices: "+err.Error())
		os.Exit(1)
	}
}

func write(out io.Writer) error {
	modules, err := linkedModules()
	if err != nil {
		return err
	}
	owners := make(map[string][]string)
	var texts []string
	for _, each := range modules {
		found, err := legalTexts(each)
		if err != nil {
			return err
		}
		for _, text := range found {
			if owners[text] == nil {
				texts = append(texts, text)
			}
			owners[text] = append(owners[text], strings.TrimSpace(each.Path+" "+each.Version))
		}
	}
	_, _ = fmt.Fprint(out, "keyrelay contains the software listed here, under the licences that follow each list.\nMade by `make notices` from the module graph; do not edit.\n")
	for _, text := range texts {
		_, _ = fmt.Fprintf(out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(owners[text], "\n"), text)
	}
	return nil
}

// linkedModules returns what the server of any platform is made of, which is more than the Lambda function is, the standard
// library first, sorted by path.
func linkedModules() ([]module, error) {
	found := make(map[string]module)
	for _, platform := range platforms {
		system, architecture, _ := strings.Cut(platform, "/")
		list := exec.Command("go", "list", "-deps", "-json=Module", "./function")
		list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
		list.Stderr = os.Stderr
		printed, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", platform, err)
		}
		for packages := json.NewDecoder(bytes.NewReader(printed)); ; {
			var one struct{ Module *module }
			if err := packages.Decode(&one); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if one.Module != nil && !one.Module.Main {
				found[one.Module.Path] = *one.Module
			}
		}
	}
	modules := slices.SortedFunc(maps.Values(found), func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	library := module{Path: "The Go standard library", Version: strings.TrimPrefix(runtime.Version(), "go"), Dir: strings.TrimSpace(string(root))}
	return append([]module{library}, modules...), nil
}

// legalTexts reads a module's licences and notices. A module without any may not
// be passed on at all, which is an error.
func legalTexts(from module) ([]string, error) {
	entries, err := os.ReadDir(from.Dir)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, entry := range entries {
		if entry.IsDir() || !legal.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from.Dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s %s has no licence file in %s: it may not be passed on", from.Path, from.Version, from.Dir)
	}
	return texts, nil
}
