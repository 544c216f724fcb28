package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// commit is the commit that was built; the linker sets it (see the Makefile).
var commit = "unknown"

// printVersion says what the program is made of: its commit, its compiler, and each
// module with its version.
func printVersion(out io.Writer) error {
	fmt.Fprintf(out, "keyrelay %s %s %s/%s\n", commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	built, _ := debug.ReadBuildInfo()
	if built == nil {
		return nil
	}
	for _, module := range built.Deps {
		fmt.Fprintf(out, "%s %s\n", module.Path, module.Version)
	}
	return nil
}
