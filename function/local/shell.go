package main

import (
	"errors"
	"strings"
)

// shellWords splits a command into words: quotes, $'…', backslashes and continued lines.
// It ends at what would begin another command.
func shellWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && strings.HasPrefix(text[i+1:], "\r\n"):
			i += 2
		case c == '\\' && strings.HasPrefix(text[i+1:], "\n"):
			i++
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case c == '\'' || c == '"' || c == '$' && strings.HasPrefix(text[i+1:], "'"):
			size, err := quoted(&word, text[i:])
			if err != nil {
				return nil, err
			}
			i += size - 1
			inWord = true
		case c == '|' || c == ';' || c == '>' || c == '<' || c == '&':
			i = len(text)
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
			if c == '\n' && len(words) > 0 {
				i = len(text)
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted appends what the quotation at the start of a text says, and returns its length.
func quoted(word *strings.Builder, text string) (int, error) {
	start, quote, escapes := 1, text[0], text[0] == '"'
	if quote == '$' {
		start, quote, escapes = 2, '\'', true
	}
	for i := start; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return i + 1, nil
		case text[i] == '\\' && escapes && i+1 < len(text):
			i++
			if start == 2 {
				i += ansiEscape(word, text[i:]) - 1
			} else {
				doubleQuoteEscape(word, text[i])
			}
		default:
			word.WriteByte(text[i])
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
	if text[0] == 'u' || text[0] == 'x' {
		most := map[byte]int{'u': 5, 'x': 3}[text[0]]
		size, value := 1, rune(0)
		for size < most && size < len(text) && strings.IndexByte("0123456789abcdefABCDEF", text[size]) >= 0 {
			value = value*16 + rune(strings.IndexByte("0123456789abcdef", text[size]|0x20))
			if text[size] <= '9' {
				value = value/16*16 + rune(text[size]-'0')
			}
			size++
		}
		if text[0] == 'x' {
			word.WriteByte(byte(value))
		} else {
			word.WriteRune(value)
		}
		return size
	}
	if at := strings.IndexByte("nrtabfve", text[0]); at >= 0 {
		word.WriteByte("\n\r\t\a\b\f\v\x1b"[at])
	} else {
		word.WriteByte(text[0])
	}
	return 1
}
