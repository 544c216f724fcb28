package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
)

// What is marked at most: beyond that the page shows texts without colours.
const (
	maxMarkedBytes = 256 << 10
	maxStandIns    = 9999
)

// A value is one of a record's members as it stands in the text.
type value struct {
	field string
	// record is the index in a batch.
	record int
	span   rawjson.Span
}

// standIns is a copy of a record in which each value is replaced by a word that occurs
// nowhere else. What the relay makes of the copy tells where each value goes, whatever
// the document and the headers say: nothing of the relay's rules is known here.
type standIns struct {
	text   []byte
	values []value
	// words are what stands in, in their order: of an array one for each element.
	words  []standIn
	prefix string
}

// A standIn is a value or an element of it that a word replaces.
type standIn struct {
	value int
	raw   string
}

// A piece is a part of a text that shows where a value went. Field is empty where there is none.
type piece struct {
	Text, Field string
	// Mark is the number of the field's mark, from 1; 0 for none.
	Mark int
	// Secret says that it stands for a credential.
	Secret bool
}

// colours is how many colours the style sheet has for marks.
const colours = 8

// Colour is the colour of the mark, from 1.
func (p piece) Colour() int { return (p.Mark-1)%colours + 1 }

// newStandIns returns nil where the text is no record or batch of them, or too large.
func newStandIns(text []byte) *standIns {
	if len(text) > maxMarkedBytes {
		return nil
	}
	s := &standIns{prefix: unusedPrefix(text)}
	rest := 0
	for index, span := range records(text) {
		var object rawjson.Object
		if object.Read(span.Of(text)) != nil {
			return nil
		}
		for member := range object.Len() {
			at := object.Value(member)
			at.Start, at.End = at.Start+span.Start, at.End+span.Start
			s.values = append(s.values, value{object.Name(member), index, at})
			for _, part := range replaceable(text, at) {
				if len(s.words) > maxStandIns {
					return nil
				}
				s.text = append(append(s.text, text[rest:part.Start]...), s.word()...)
				rest = int(part.End)
				s.words = append(s.words, standIn{len(s.values) - 1, string(part.Of(text))})
			}
		}
	}
	s.text = append(s.text, text[rest:]...)
	return s
}

// unusedPrefix returns letters that do not occur in the text.
func unusedPrefix(text []byte) string {
	for {
		prefix := "zq" + strings.ToLower(rand.Text()[:8]) + "z"
		if !bytes.Contains(text, []byte(prefix)) {
			return prefix
		}
	}
}

// word returns the next word as a JSON string; all are of one length.
func (s *standIns) word() string { return fmt.Sprintf(`"%s%04d"`, s.prefix, len(s.words)) }

// records returns where the one record, or each of a batch, stands.
func records(text []byte) []rawjson.Span {
	var c rawjson.Cursor
	c.Reset(text)
	if c.Peek() != '[' {
		return []rawjson.Span{{Start: 0, End: uint32(len(text))}} // #nosec G115 -- bounded by maxMarkedBytes
	}
	var spans []rawjson.Span
	for more := c.Enter('['); more; more = c.Next() {
		spans = append(spans, c.Value())
	}
	if c.End() != nil {
		return nil
	}
	return spans
}

// replaceable returns the parts of a value that words can stand in for: a scalar, an
// object, or each element of an array of scalars. null and [] have a meaning of their own.
func replaceable(text []byte, at rawjson.Span) []rawjson.Span {
	content := at.Of(text)
	if string(content) == "null" {
		return nil
	}
	if content[0] != '[' {
		return []rawjson.Span{at}
	}
	var c rawjson.Cursor
	var elements []rawjson.Span
	c.Reset(content)
	for more := c.Enter('['); more; more = c.Next() {
		element := c.Value()
		if rawjson.IsContainer(element.Of(content)) {
			return []rawjson.Span{at}
		}
		if string(element.Of(content)) != "null" {
			elements = append(elements, rawjson.Span{Start: element.Start + at.Start, End: element.End + at.Start})
		}
	}
	return elements
}

// pieces divides what the relay made of the record by what it made of the copy. Where
// the two do not fit each other the whole text is one piece.
func (s *standIns) pieces(original, copied string) []piece {
	whole := []piece{{Text: original}}
	if s == nil {
		return whole
	}
	var made []piece
	rest := original
	for {
		before, word, after, found := s.next(copied)
		if !found {
			break
		}
		quoted := strings.HasSuffix(before, `"`) && strings.HasPrefix(after, `"`)
		if quoted && strings.HasPrefix(rest, before[:len(before)-1]+word.raw) {
			before, after = before[:len(before)-1], after[1:]
		} else {
			quoted = false
		}
		if !strings.HasPrefix(rest, before) {
			return whole
		}
		text, ok := s.valueText(rest[len(before):], word, after, quoted)
		if !ok {
			return whole
		}
		made = append(made, piece{Text: before}, piece{Text: text, Field: s.values[word.value].field})
		rest, copied = rest[len(before)+len(text):], after
	}
	if rest != copied {
		return whole
	}
	return append(made, piece{Text: rest})
}

// next finds the next word in a text.
func (s *standIns) next(text string) (before string, word standIn, after string, found bool) {
	before, after, found = strings.Cut(text, s.prefix)
	if !found || len(after) < 4 {
		return "", standIn{}, "", false
	}
	number, err := strconv.Atoi(after[:4])
	if err != nil || number >= len(s.words) {
		return "", standIn{}, "", false
	}
	return before, s.words[number], after[4:], true
}

// valueText returns what at the start of rest is the value: one of the ways in which a
// value is written, with what follows the word behind it.
func (s *standIns) valueText(rest string, word standIn, after string, quoted bool) (string, bool) {
	following, _, more := strings.Cut(after, s.prefix)
	if more {
		following = strings.TrimSuffix(following, `"`)
	}
	if quoted {
		return word.raw, strings.HasPrefix(rest[len(word.raw):], following)
	}
	scalar, _ := rawjson.ScalarText(nil, []byte(word.raw))
	text := string(scalar)
	for _, written := range []string{text, retrieval.EscapeQuery(text), url.QueryEscape(text), strings.Trim(word.raw, `"`), word.raw} {
		if strings.HasPrefix(rest, written) && strings.HasPrefix(rest[len(written):], following) {
			return written, true
		}
	}
	if following == "" {
		return rest, !more
	}
	at := strings.Index(rest, following)
	return rest[:max(at, 0)], at >= 0
}
