package main

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// A shellReader splits a command into words as a shell does: quotes, $'…', backslashes and
// continued lines. It ends at what would begin another command.
type shellReader struct {
	words  []string
	word   strings.Builder
	inWord bool
	// input is the text between << WORD and WORD; empty for none.
	input string
	// expands says that the shell would put a variable's value or a command's output somewhere.
	expands bool
	// cutsURL says that an & ended the command within a word that looks like a URL with a query.
	cutsURL bool
}

// newShellReader reads a command of a POSIX shell, of cmd.exe, or of PowerShell, of whose
// words only the continued lines differ.
func newShellReader(text string) (*shellReader, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if strings.Contains(text, "^\n") || strings.HasPrefix(text, `curl ^"`) {
		text = withoutCarets(text)
	}
	r := &shellReader{}
	return r, r.read(text)
}

// withoutCarets is a command as cmd.exe hands it to a program: outside quotes a caret takes
// the next character as it is, and one at the end of a line continues it.
func withoutCarets(text string) string {
	var out strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		if text[i] == '^' && !quoted && i+1 < len(text) {
			i++
			if text[i] != '\n' {
				out.WriteByte(text[i])
			} else if strings.HasPrefix(text[i:], "\n\n") {
				i++
				out.WriteByte('\n')
			}
			continue
		}
		quoted = quoted != (text[i] == '"')
		out.WriteByte(text[i])
	}
	return out.String()
}

func (r *shellReader) read(text string) error {
	for i := 0; i < len(text); i++ {
		c := text[i]
		r.expands = r.expands || expands(text[i:])
		switch {
		case (c == '\\' || c == '`') && strings.HasPrefix(text[i+1:], "\n"):
			i++
		case c == '\\' && i+1 < len(text):
			i++
			r.add(text[i])
		case c == '\'' || c == '"' || c == '$' && strings.HasPrefix(text[i+1:], "'"):
			size, err := r.quoted(text[i:])
			if err != nil {
				return err
			}
			i += size - 1
			r.inWord = true
		case strings.HasPrefix(text[i:], "<<"):
			r.input, i = hereDocument(text[i+2:]), len(text)
		case strings.IndexByte("|;<>&", c) >= 0:
			r.cutsURL = c == '&' && strings.Contains(r.word.String(), "?") && strings.TrimSpace(text[i+1:]) != ""
			i = len(text)
		case strings.IndexByte(" \t\r\n", c) >= 0:
			r.end()
			if c == '\n' && len(r.words) > 0 {
				i = len(text)
			}
		default:
			r.add(c)
		}
	}
	r.end()
	return nil
}

// hereDocument is what stands between the line of << WORD, which text begins with the WORD
// of, and a line that is the WORD alone.
func hereDocument(text string) string {
	first, rest, _ := strings.Cut(text, "\n")
	word := strings.Trim(strings.TrimSpace(strings.TrimPrefix(first, "-")), `'"\`)
	var lines []string
	for line := range strings.Lines(rest) {
		if strings.TrimSpace(line) == word {
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// expands reports whether a text begins with what a POSIX shell replaces: $NAME, ${NAME},
// $(command) or `command`.
func expands(text string) bool {
	if len(text) < 2 {
		return false
	}
	next := rune(text[1])
	return text[0] == '$' && (unicode.IsLetter(next) || strings.ContainsRune("_{(", next)) || text[0] == '`' && next != '\n'
}

func (r *shellReader) add(c byte) {
	r.word.WriteByte(c)
	r.inWord = true
}

// end ends a word.
func (r *shellReader) end() {
	if r.inWord {
		r.words = append(r.words, r.word.String())
	}
	r.word.Reset()
	r.inWord = false
}

// quoted adds what the quotation at the start of a text says, and returns its length.
func (r *shellReader) quoted(text string) (int, error) {
	start, quote, escapes := 1, text[0], text[0] == '"'
	if quote == '$' {
		start, quote, escapes = 2, '\'', true
	}
	for i := start; i < len(text); i++ {
		r.expands = r.expands || quote == '"' && expands(text[i:])
		switch {
		case text[i] == quote:
			return i + 1, nil
		case text[i] == '\\' && escapes && i+1 < len(text):
			i++
			if start == 2 {
				i += ansiEscape(&r.word, text[i:]) - 1
			} else {
				doubleQuoteEscape(&r.word, text[i])
			}
		default:
			r.word.WriteByte(text[i])
		}
	}
	return 0, errors.New("a quotation mark is open at the end; paste the whole command")
}

// doubleQuoteEscape appends what a backslash before c says between double quotes.
func doubleQuoteEscape(word *strings.Builder, c byte) {
	switch c {
	case '\n':
		return
	case '"', '\\', '$', '`':
	default:
		word.WriteByte('\\')
	}
	word.WriteByte(c)
}

// ansiEscape appends what the text behind a backslash says in $'…', and returns how long it is.
func ansiEscape(word *strings.Builder, text string) int {
	most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[0]]
	if most == 0 {
		if at := strings.IndexByte("nrtabfve", text[0]); at >= 0 {
			word.WriteByte("\n\r\t\a\b\f\v\x1b"[at])
		} else {
			word.WriteByte(text[0])
		}
		return 1
	}
	size := 1
	for size <= most && size < len(text) && strings.IndexByte("0123456789abcdefABCDEF", text[size]) >= 0 {
		size++
	}
	value, _ := strconv.ParseUint(text[1:size], 16, 32)
	if text[0] == 'x' {
		word.WriteByte(byte(value))
	} else {
		word.WriteRune(rune(value))
	}
	return size
}
