package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

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
