package gateway

import (
	"errors"
	"io"
	"sync/atomic"
)

// ErrTooLong says that a body is longer than the limit of its reader.
var ErrTooLong = errors.New("the body is too long")

// Memory for a body grows in steps, so that whoever declares much and sends little
// costs little, and so that what is thrown away stays small beside the body.
const (
	firstStep     = 8 << 10   // of a body whose length is not declared
	firstDeclared = 112 << 10 // of a body whose length is, unless it is shorter
	stepGrowth    = 16
)

// ReadAll reads a body to its end; it returns nil for no bytes. declared is the length that
// the header says, -1 for unknown. The error is ErrTooLong if either length is more than
// limit, io.ErrUnexpectedEOF if the body is shorter than declared, or the reader's own.
func ReadAll(from io.Reader, declared, limit int64) ([]byte, error) {
	return ReadWithin(from, declared, limit, stepGrowth, nil)
}

// ReadWithin is ReadAll for a body that shares memory with others: it asks take for each
// piece of memory before it uses it, and an error of take ends the reading. Each piece
// replaces the one before and is growth times as long.
func ReadWithin(from io.Reader, declared, limit, growth int64, take func(size int64) error) ([]byte, error) {
	most, size := limit, int64(firstStep)
	switch {
	case declared > limit:
		return nil, ErrTooLong
	case declared == 0:
		return nil, nil
	case declared > 0:
		most, size = declared, firstDeclared
	}
	for body := []byte(nil); ; size *= growth {
		// One byte more than the most proves a body too long, or finds its end.
		size = min(size, most+1)
		if take != nil {
			if err := take(size); err != nil {
				return nil, err
			}
		}
		body = append(make([]byte, 0, size), body...)
		for len(body) < cap(body) {
			n, err := from.Read(body[len(body):cap(body)])
			body = body[:len(body)+n]
			switch {
			case int64(len(body)) > most:
				return nil, ErrTooLong
			case err == io.EOF && int64(len(body)) < declared:
				return nil, io.ErrUnexpectedEOF
			case err == io.EOF && len(body) == 0:
				return nil, nil
			case err == io.EOF:
				return body, nil
			case err != nil:
				return nil, err
			}
		}
	}
}

// maxShared is how much memory the bodies of all requests take together while they are
// read and used: enough for one of the largest, or for thousands of a usual size. What is
// made of them may take as much again.
const maxShared = 13 << 20

// errBusy says that other bodies take that memory.
var errBusy = errors.New("too many bodies are under way")

// A Share is what one body takes of the memory that several have together, Most bytes in
// All. A nil Share has no bound.
type Share struct {
	All  *atomic.Int64
	Most int64
	// Exceeded says that there was not enough.
	Exceeded bool
	taken    int64
}

// Take is for ReadWithin. It fails where there is not enough memory.
func (s *Share) Take(size int64) error {
	if s == nil {
		return nil
	}
	s.taken += size
	if s.Exceeded = s.All.Add(size) > s.Most; s.Exceeded {
		return errBusy
	}
	return nil
}

// GiveBack leaves the memory to others.
func (s *Share) GiveBack() { s.All.Add(-s.taken) }
