package main

import (
	"embed"
	"os"
)

//go:embed destinations
var documents embed.FS

// writeDocuments puts the sample documents into the folder destinations of a new
// folder, since the relay reads a folder.
func writeDocuments() (string, error) {
	folder, err := os.MkdirTemp("", "keyrelay-local-")
	if err != nil {
		return "", err
	}
	return folder, os.CopyFS(folder, documents)
}
