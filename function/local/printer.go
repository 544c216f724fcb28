package main

import (
	"fmt"
	"io"
	"os"
)

// A printer prints for people: in colours where they look at a terminal.
type printer struct {
	io.Writer
	coloured bool
}

// newPrinter obeys NO_COLOR, https://no-color.org.
func newPrinter(out io.Writer) *printer {
	file, isFile := out.(*os.File)
	made := &printer{Writer: out}
	if isFile && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		information, err := file.Stat()
		made.coloured = err == nil && information.Mode()&os.ModeCharDevice != 0
	}
	return made
}

// The codes of ECMA-48 for what is printed.
const (
	bold   = "1"
	dim    = "2"
	accent = "33"
)

func (p *printer) styled(style, text string) string {
	if !p.coloured {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// title prints what the next lines are about.
func (p *printer) title(text string) { fmt.Fprintln(p, p.styled(bold, text)) }

// line prints a text behind what it is.
func (p *printer) line(what, text string) {
	fmt.Fprintf(p, "   %s %s\n", p.styled(dim, fmt.Sprintf("%-9s", what)), text)
}
