// Package mask removes a credential from an answer that echoes it, without telling a
// caller anything else about it.
//
//	masker := mask.New(token) // once for each credential
//	if masker.Mask(response) {
//		// the answer held the token and now holds *** instead
//	}
//
// A value is found as it is and in the ways that an API writes it: percent-encoded
// (RFC 3986, forms), JSON-escaped (RFC 8259), in HTML's character references, and in
// these one within the other, partly or repeatedly; in base64 (RFC 4648) of either
// alphabet at any alignment, and in base64 of that; in hexadecimal digits; in lower or
// upper case; in UTF-8 and ISO-8859-1, and in UTF-16 and UTF-32 as far as its characters are theirs.
//
// *** says that a guess was right, so that only what nobody can guess may be masked:
// values of at least MinLength bytes, and only as a whole. How long the search takes
// depends on the answer and on the lengths of the values, never on the values: it
// rolls a hash under a random key over the answer, one for each length. It looks closer
// only where all of a value is there, but for last bytes that begin an escape.
package mask

import (
	"math"
	"net/http"
	"sync"

	"golang.org/x/text/encoding/charmap"

	"keyrelay/function/gateway"
)

// MinLength is the length in bytes of the shortest value that is masked.
const MinLength = 16

// minDecoded is the least that may be left of a value when what looks like an
// escape in it is decoded, as it is in the answer.
const minDecoded = MinLength / 2

// hidden stands where a value was. It is shorter than any value, so that an answer
// is masked in place.
const hidden = "***"

// A Masker looks for the values of one credential. Many goroutines may use it. It
// holds hashes of the values and not the values.
type Masker struct {
	hash    hash
	windows []*window
	// shortest and longest are lengths of windows, shortestRun is the least of one for base64.
	shortest, longest, shortestRun int
	scanners                       sync.Pool
}

// New returns a Masker for values that a request carries. Those shorter than
// MinLength are not looked for; a Masker without values finds nothing.
func New(values ...string) *Masker {
	m := &Masker{hash: newHash(), shortest: math.MaxInt, shortestRun: math.MaxInt}
	for _, value := range values {
		if len(value) < MinLength {
			continue
		}
		m.windows = append(m.windows, windowsFor(&m.hash, value)...)
		if latin, err := charmap.ISO8859_1.NewEncoder().String(value); err == nil && latin != value && len(latin) >= MinLength {
			m.windows = append(m.windows, windowsFor(&m.hash, latin)...)
		}
	}
	for _, w := range m.windows {
		m.shortest, m.longest = min(m.shortest, w.length), max(m.longest, w.length)
		if w.isBase64 {
			m.shortestRun = min(m.shortestRun, w.length)
		}
	}
	m.scanners.New = func() any { return newScanner(m) }
	return m
}

// Longest returns the length of the longest form of a value that is looked for; 0 for none.
func (m *Masker) Longest() int { return m.longest }

// Mask replaces every copy of a value in the answer's body, header values and header
// names by ***, in place, and reports whether there was any. An answer that held one
// loses the fields that are made from its body: they would tell what stood there.
func (m *Masker) Mask(response *gateway.Response) bool {
	if len(m.windows) == 0 {
		return false
	}
	s := m.scanners.Get().(*scanner)
	defer m.scanners.Put(s)
	body, found := s.mask(response.Body)
	response.Body = body
	found = s.maskHeader(response.Header) || found
	if found {
		gateway.DeleteDigests(response.Header)
	}
	return found
}

func (s *scanner) maskHeader(header http.Header) bool {
	found := false
	var names []string
	for name, values := range header {
		if len(name) >= s.shortest && s.scan(s.copyName(name)) {
			names = append(names, name)
		}
		for i, value := range values {
			if len(value) < s.shortest {
				continue
			}
			s.copied = append(s.copied[:0], value...)
			if masked, any := s.mask(s.copied); any {
				values[i], found = string(masked), true
			}
		}
	}
	for _, name := range names {
		masked, _ := s.mask(s.copyName(name))
		other := http.CanonicalHeaderKey(string(masked))
		header[other] = append(header[other], header[name]...)
		delete(header, name)
	}
	return found || len(names) > 0
}

// copyName copies a header field's name in lower case: its own case is lost by the time it is here.
func (s *scanner) copyName(name string) []byte {
	s.copied = append(s.copied[:0], name...)
	flip(s.copied, 'A', 'Z')
	return s.copied
}

// mask replaces every value in a text, in place. Of values that overlap, such as one
// that begins another, all is replaced.
func (s *scanner) mask(text []byte) ([]byte, bool) {
	if !s.scan(text) {
		return text, false
	}
	masked := text[:0]
	for place, c := range text {
		switch {
		case s.isJoined(place):
		case s.isJoined(place + 1):
			masked = appendHidden(masked, text[place+1:])
		default:
			masked = append(masked, c)
		}
	}
	s.joined = nil
	return masked, true
}

// appendHidden appends what stands for a value that the rest of a text goes on with, with
// the NULs between its characters: what follows is in UTF-16 or UTF-32 still.
func appendHidden(masked, rest []byte) []byte {
	const most = 3
	wide := 0
	for wide < min(most, len(rest)) && rest[wide] == 0 {
		wide++
	}
	for i := range len(hidden) {
		if i > 0 {
			masked = append(masked, "\x00\x00\x00"[:wide]...)
		}
		masked = append(masked, hidden[i])
	}
	return masked
}
