// Command mutants shows that the tests hold what guards something: it breaks the
// code in the ways that list.txt names, one at a time, and each time a test must fail.
//
//	go run ./.ci/mutants           every entry
//	go run ./.ci/mutants guard     those whose title or file holds this text
//
// The code itself stays as it is: the compiler is given the broken file in the place
// of the true one (-overlay). An entry whose text is no longer in its file, or
// is there more than once, fails too: the code has moved and the entry must follow it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

const list = ".ci/mutants/list.txt"

// A mutant is one entry of the list.
type mutant struct {
	line int
	// title says what would be wrong.
	title string
	// file is what is broken, tests the arguments of go test that must notice.
	file  string
	tests []string
	// old stands once in the file and becomes replacement.
	old, replacement string
}

// The variables that hold the file and what it is replaced by, for the go command that
// a mutant runs. That runs its tools through this command.
const (
	fileVariable   = "MUTANT_FILE"
	brokenVariable = "MUTANT_BROKEN"
)

func main() {
	if file := os.Getenv(fileVariable); file != "" {
		os.Exit(runTool(os.Args[1:], file, os.Getenv(brokenVariable)))
	}
	began := time.Now()
	mutants, err := read(list)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants: "+err.Error())
		os.Exit(1)
	}
	chosen := choose(mutants, strings.Join(os.Args[1:], " "))
	failed := runAll(chosen)
	fmt.Printf("%d of %d mutants were noticed, in %d s\n", len(chosen)-failed, len(chosen), int(time.Since(began).Seconds()))
	if failed > 0 || len(chosen) == 0 {
		os.Exit(1)
	}
}

// runTool runs one tool of the go command. The one that makes code count its coverage
// does not heed -overlay, so it gets the broken file by its own name.
func runTool(arguments []string, file, broken string) int {
	if filepath.Base(arguments[0]) == "cover" {
		for i, each := range arguments {
			if each == file {
				arguments[i] = broken
			}
		}
	}
	tool := exec.Command(arguments[0], arguments[1:]...) // #nosec G204 G702 -- the go command's own
	tool.Stdin, tool.Stdout, tool.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := tool.Run(); err != nil {
		return 1
	}
	return 0
}

func choose(mutants []mutant, text string) []mutant {
	var chosen []mutant
	for _, each := range mutants {
		if strings.Contains(each.title+" "+each.file, text) {
			chosen = append(chosen, each)
		}
	}
	return chosen
}

// read reads the list: entries between empty lines, and lines that begin with # in between.
func read(file string) ([]mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w; run it from the project's folder", err)
	}
	var mutants []mutant
	var entry []string
	for i, line := range append(strings.Split(string(text), "\n"), "") {
		switch {
		case strings.HasPrefix(line, "#"):
		case line != "":
			entry = append(entry, line)
		case len(entry) > 0:
			parsed, err := parse(entry)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, i-len(entry)+1, err)
			}
			parsed.line = i - len(entry) + 1
			mutants, entry = append(mutants, parsed), nil
		}
	}
	return mutants, nil
}

func parse(entry []string) (mutant, error) {
	if len(entry) != 4 || !strings.HasPrefix(entry[2], "- ") || !strings.HasPrefix(entry[3], "+") {
		return mutant{}, fmt.Errorf("an entry is four lines: what would be wrong, FILE [arguments of go test], - the text in the file, + what it becomes")
	}
	words := strings.Fields(entry[1])
	made := mutant{title: entry[0], file: words[0], tests: words[1:], old: entry[2][2:], replacement: strings.TrimPrefix(entry[3][1:], " ")}
	if len(made.tests) == 0 {
		made.tests = []string{"./" + filepath.Dir(made.file)}
	}
	return made, nil
}

// runAll runs as many mutants at once as there are processors, and counts those that fail.
func runAll(mutants []mutant) int {
	var mutex sync.Mutex
	var workers sync.WaitGroup
	failed := 0
	next := make(chan mutant)
	for range runtime.NumCPU() {
		workers.Go(func() {
			for each := range next {
				began := time.Now()
				complaint := each.run()
				mutex.Lock()
				if complaint == "" {
					fmt.Printf("noticed %5.1f s  %s: %s\n", time.Since(began).Seconds(), filepath.Dir(each.file), each.title)
				} else {
					failed++
					fmt.Printf("FAULT %s:%d %s: %s\n", list, each.line, each.title, complaint)
				}
				mutex.Unlock()
			}
		})
	}
	for _, each := range mutants {
		next <- each
	}
	close(next)
	workers.Wait()
	return failed
}

// run breaks the code and says what is wrong with the entry or with the tests; "" for nothing.
func (m mutant) run() string {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return fmt.Sprintf("%s is not there. The code has moved: name its new file in the entry.", m.file)
	}
	if count := bytes.Count(text, []byte(m.old)); count != 1 {
		return fmt.Sprintf("%q stands %d times in %s, not once. The code has moved: fix the entry.", m.old, count, m.file)
	}
	folder, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = os.RemoveAll(folder) }()
	environment, err := m.replace(folder, bytes.Replace(text, []byte(m.old), []byte(m.replacement), 1))
	if err != nil {
		return err.Error()
	}
	arguments := append([]string{"test", "-count=1", "-failfast", "-vet=off", "-timeout=60s"}, m.tests...)
	command := exec.Command("go", arguments...)        // #nosec G204 -- from our own list
	command.Env = append(os.Environ(), environment...) // the programs that tests build are broken too
	output, err := command.CombinedOutput()
	switch {
	case err == nil:
		return "no test of " + strings.Join(m.tests, " ") + " notices. Write one that does."
	case !bytes.Contains(output, []byte("--- FAIL")) && !bytes.Contains(output, []byte("panic: ")) && !bytes.Contains(output, []byte("fatal error: ")):
		return "the tests did not run. Fix the entry.\n" + string(output[:min(len(output), 2000)])
	}
	return ""
}

// replace writes the broken file and the JSON that puts it in the true one's place, and
// returns the variables by which the go command takes it.
func (m mutant) replace(folder string, broken []byte) ([]string, error) {
	absolute, err := filepath.Abs(m.file)
	if err != nil {
		return nil, err
	}
	itself, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, overlay := filepath.Join(folder, "broken.go"), filepath.Join(folder, "overlay.json")
	encoded, err := json.Marshal(map[string]map[string]string{"Replace": {absolute: file}})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, broken, 0o600); err != nil { // #nosec G703 -- in a folder of our own
		return nil, err
	}
	variables := []string{"GOFLAGS=-overlay=" + overlay + " -toolexec=" + itself, fileVariable + "=" + absolute, brokenVariable + "=" + file}
	return variables, os.WriteFile(overlay, encoded, 0o600)
}
