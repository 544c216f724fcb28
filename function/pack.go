package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"keyrelay/function/destination"
)

// pack writes the documents of a folder into another one, their overlays applied, each
// as the smallest JSON that is read as the same. The other folder is made, and holds
// no document but these. What is a fault is so by the KEYRELAY_NETWORKS of this machine.
func pack(from, to string, out io.Writer) error {
	config, err := documentConfig(false)
	if err != nil {
		return err
	}
	documents, err := destination.Pack(from, config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil { // #nosec G301 G703 -- the operator names it, and the function runs as another user
		return fmt.Errorf("%s cannot be made: write the name of a folder that may be", to)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		return fmt.Errorf("%s cannot be read: make it a folder that this program may read", to)
	}
	for _, entry := range entries {
		if _, ours := documents[entry.Name()]; !ours && destination.IsDocument(entry.Name()) {
			return fmt.Errorf("%s holds %s, which is not packed from %s: empty the folder, or write the name of another one", to, entry.Name(), from)
		}
	}
	size := 0
	for name, document := range documents {
		if err := os.WriteFile(filepath.Join(to, name), document, 0o644); err != nil { // #nosec G306 G703 -- the operator names it, and the function runs as another user
			return fmt.Errorf("%s cannot be written: make %s a folder that this program may write into", name, to)
		}
		size += len(document)
	}
	fmt.Fprintf(out, "%s packed into %s, %d bytes\n", count(len(documents), "document"), to, size)
	return nil
}

// defaultMemory is the template's parameter Memory, in MB.
const defaultMemory = 256

// smallDocuments is how many bytes of documents no function is too small for.
const smallDocuments = 1 << 20

// checkMemory warns where the documents, packed, take more than half of the memory
// that a function has: AWS_LAMBDA_FUNCTION_MEMORY_SIZE, or what the template gives.
func checkMemory(folder string) (warnings []string, err error) {
	documents, err := destination.Pack(folder, destination.Config{RealLambda: true})
	if err != nil {
		return nil, err
	}
	size := 0
	for _, document := range documents {
		size += len(document)
	}
	if size < smallDocuments {
		return nil, nil
	}
	needed, err := memoryOf(documents)
	if err != nil {
		return nil, err
	}
	memory, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	if err != nil {
		memory = defaultMemory
	}
	if needed > uint64(memory)<<20/2 {
		warnings = append(warnings, fmt.Sprintf("to load these documents takes about %d MB, more than half of the function's %d MB; give it more by the template's parameter Memory, or take documents out",
			needed>>20, memory))
	}
	return warnings, nil
}

// memoryOf loads documents and returns how many bytes that takes.
func memoryOf(documents map[string][]byte) (uint64, error) {
	folder, err := os.MkdirTemp("", "keyrelay")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for name := range documents {
		if err := os.WriteFile(filepath.Join(folder, name), documents[name], 0o600); err != nil { // #nosec G703 -- a name that the folder itself listed
			return 0, err
		}
		delete(documents, name)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set, err := destination.Load(folder, destination.Config{RealLambda: true})
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(set)
	return max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc, err
}
