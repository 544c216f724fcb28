package mask

import (
	"math"
	"unicode/utf8"
)

// block is how much of a text is looked at in one go where it has no escapes.
const block = 256

// A scanner goes over one text after another, each from its end to its start: what is
// decoded at a place depends on what comes after it alone, so that nothing that a
// caller puts before a value can hide it. A scanner serves one goroutine.
type scanner struct {
	*Masker
	decoder
	// ahead decodes what stands from the current place on.
	ahead decoder
	// copied is a text that was not given as bytes.
	copied []byte
	// plain ends with the decoded text from the current place on, as far as windows
	// need it: byte number n from the end of the text is at plain[end-n].
	plain []byte
	end   int
	// states is what is known at the last places, by place modulo its length.
	states [2 * reach]state
	// last is where each window last found a value.
	last []int
	// joined has a bit for each byte of the text that is hidden together with the one
	// before it; nil while nothing is found.
	joined []uint64
}

// A state is what is known at a place: how many bytes there are from it on, decoded,
// how many of base64 it begins with, and the hash of each window that begins there, of
// one for base64 only where that many bytes of base64 are.
type state struct {
	count, run int
	hashes     []uint64
}

func newScanner(m *Masker) *scanner {
	s := &scanner{Masker: m, plain: make([]byte, m.longest+6*memory+8*block), last: make([]int, len(m.windows))}
	s.units = make([]unit, memory)
	for i := range s.states {
		s.states[i].hashes = make([]uint64, len(m.windows))
	}
	return s
}

func (s *scanner) state(place int) *state { return &s.states[place%len(s.states)] }

// scan finds out which bytes of a text are to be hidden, and reports whether any are.
func (s *scanner) scan(text []byte) bool {
	s.text, s.joined = text, nil
	if len(text) < s.shortest {
		return false
	}
	for i := range s.last {
		s.last[i] = math.MaxInt
	}
	s.end = len(s.plain) - s.longest - memory
	clear(s.plain[s.end : s.end+s.longest])
	first := s.state(len(text))
	first.count, first.run = 0, 0
	clear(first.hashes)
	for end := len(text); end > 0; {
		start := max(0, end-block)
		s.makeRoom(end)
		if hasEscape(text[max(0, start-reach):end]) {
			s.scanEscaped(start, end)
		} else {
			s.scanPlain(start, end)
		}
		end = start
	}
	s.text = nil
	return s.joined != nil
}

// makeRoom moves what windows still need of the decoded text to its end.
func (s *scanner) makeRoom(place int) {
	first := s.end - s.state(place).count - memory
	if first > block+memory {
		return
	}
	needed := s.plain[first : first+s.longest+2*memory]
	moved := len(s.plain) - len(needed) - first
	copy(s.plain[first+moved:], needed)
	s.end += moved
}

// scanPlain goes over a part of the text without escapes.
func (s *scanner) scanPlain(start, end int) {
	from, to := s.state(end), s.state(start)
	right := s.end - from.count
	left := right - (end - start)
	copy(s.plain[left:right], s.text[start:end])
	// Most texts hold no run that is long enough for any window of base64.
	noRun := from.run < s.shortestRun && !hasRun(s.plain[left:right+s.shortestRun-1], s.shortestRun)
	for i, w := range s.windows {
		sum := from.hashes[i]
		if w.isBase64 && from.run < w.length {
			if noRun || !hasRun(s.plain[left:right+w.length-1], w.length) {
				continue
			}
			sum = s.hash.sum(s.plain[right : right+w.length])
		}
		entering, leaving := s.plain[left:right], s.plain[left+w.length:right+w.length]
		k := len(entering)
		if from.count == 0 { // nothing leaves a window that is not full, nor is a target in it
			k -= min(k, w.length-1)
			sum = s.hash.sum(entering[k:])
		}
		for k > 0 {
			if k, sum = w.roll(&s.hash, sum, entering[:k], leaving); w.isLikely(sum) {
				s.check(start+k, i, sum)
			}
		}
		to.hashes[i] = sum
	}
	run := 0
	for run < end-start && isBase64(s.plain[left+run]) {
		run++
	}
	if run == end-start {
		run += from.run
	}
	to.count, to.run = from.count+end-start, run // both states may be one
}

// roll moves a window over bytes from the last to the first, up to the first place
// where a target may begin.
func (w *window) roll(h *hash, sum uint64, entering, leaving []byte) (place int, at uint64) {
	leaving = leaving[:len(entering)]
	k := len(entering) - 1
	for ; k > 0; k -= 2 { // two at a time, so that one multiplication does not wait for the other
		first := h[entering[k]] - w.leaving[leaving[k]]
		second := h[entering[k-1]] - w.leaving[leaving[k-1]]
		one, two := sum*base+first, sum*(base*base&math.MaxUint64)+(first*base+second)
		if w.isLikely(one) {
			return k, one
		}
		if w.isLikely(two) {
			return k - 1, two
		}
		sum = two
	}
	if k == 0 {
		sum = sum*base + h[entering[0]] - w.leaving[leaving[0]]
	}
	return 0, sum
}

// hasRun reports whether so many characters of base64 stand together. It looks at the
// text alone, and mostly at few of its bytes.
func hasRun(text []byte, length int) bool {
	for end := len(text); end >= length; {
		start := end - length
		for start < end && isBase64(text[start]) {
			start++
		}
		if start == end {
			return true
		}
		end = start
	}
	return false
}

// scanEscaped goes over any part of the text, place by place.
func (s *scanner) scanEscaped(start, end int) {
	var buffer [utf8.UTFMax]byte
	for place := end - 1; place >= start; place-- {
		from, to := s.state(place+1), s.state(place)
		if c := s.text[place]; !isEscape(c) {
			s.enter(from, to, c, place)
			continue
		}
		u := s.decode(place)
		from = s.state(place + int(u.length))
		to.count, to.run = from.count, from.run
		copy(to.hashes, from.hashes)
		decoded := u.append(buffer[:0])
		for i := len(decoded) - 1; i >= 0; i-- {
			s.enter(to, to, decoded[i], place)
		}
	}
}

// enter moves every window by a byte, from one state to another, which is that of a place.
func (s *scanner) enter(from, to *state, c byte, place int) {
	run := from.run + 1
	if !isBase64(c) {
		run = 0
	}
	to.count = from.count + 1
	first := s.end - to.count
	s.plain[first] = c
	for i, w := range s.windows {
		if w.isBase64 && run < w.length {
			continue
		}
		sum := from.hashes[i]*base + s.hash[c] - w.leaving[s.plain[first+w.length]]
		if w.isBase64 && from.run < w.length {
			sum = s.hash.sum(s.plain[first : first+w.length])
		}
		to.hashes[i] = sum
		if w.isLikely(sum) {
			s.check(place, i, sum)
		}
	}
	to.run = run
}

// check hides a value that begins at a place if there is one. Where it overlaps the one
// that the same window found last, no more than what is before that is left to hide.
func (s *scanner) check(place, i int, sum uint64) {
	w := s.windows[i]
	for _, t := range w.targets {
		if t.hash != sum {
			continue
		}
		start, end := max(0, place-t.before), s.last[i]+1
		for i := start - 1; i >= 0 && (s.text[i] == '\\' || s.text[i] == 0); i-- {
			if s.text[i] == '\\' { // one that was left over would escape the first *
				start = i
			}
		}
		if t.restLength > 0 {
			if end = s.endOfRest(place, w.length, t); end < 0 {
				continue
			}
		} else if s.last[i]-place >= w.length {
			end = place + s.ahead.sourceLength(s.text[place:], w.length+t.behind)
			for w.isBase64 && end < len(s.text) && s.text[end] == '=' {
				end++
			}
		}
		s.last[i] = place
		s.hide(start, end)
		return
	}
}

// endOfRest is where a value ends whose window found it at a place; negative if its rest
// is not there. What follows may have become a part of the rest's last escape; therefore it
// is also looked for as if nothing followed.
func (s *scanner) endOfRest(place, length int, t target) int {
	from := place + s.ahead.sourceLength(s.text[place:], length)
	text := s.text[from:]
	end := s.ahead.sourceLength(text, t.restLength)
	if s.isRest(text[:end], t) {
		return from + end
	}
	if !hasEscape(text[:end]) { // then what follows changes nothing
		return -1
	}
	const slack = len("&#x10ffff;") // that an escape may be longer than its part, decoded
	found := -1
	var buffer [reach]byte
	for end = 1; end <= min(len(text), 2*reach); end++ {
		if last := text[end-1]; last == '\\' || last == 0 { // nothing, of which there may be any number
			continue
		}
		plain := s.ahead.appendDecoded(buffer[:0], text[:end])
		if len(plain) > t.restLength+slack {
			break
		}
		if len(plain) == t.restLength && s.hash.sum(plain) == t.rest {
			found = from + end
		}
	}
	return found
}

func (s *scanner) isRest(text []byte, t target) bool {
	var buffer [reach]byte
	plain := s.ahead.appendDecoded(buffer[:0], text)
	return len(plain) == t.restLength && s.hash.sum(plain) == t.rest
}

func (s *scanner) hide(start, end int) {
	if s.joined == nil {
		s.joined = make([]uint64, len(s.text)/64+1)
	}
	for place := start + 1; place < end; place++ {
		s.joined[place/64] |= 1 << (place % 64)
	}
}

func (s *scanner) isJoined(place int) bool {
	return s.joined[place/64]>>(place%64)&1 != 0
}
