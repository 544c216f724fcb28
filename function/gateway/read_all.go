package gateway

import (
	"errors"
	"io"
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

// ReadAll reads a body to its end; nil for no bytes. declared is the length that
// its header says, -1 for unknown. The error is ErrTooLong where either length is
// more than limit, io.ErrUnexpectedEOF where the body is shorter than declared, or
// the reader's own.
func ReadAll(from io.Reader, declared, limit int64) ([]byte, error) {
	most, step := limit, int64(firstStep)
	switch {
	case declared > limit:
		return nil, ErrTooLong
	case declared == 0:
		return nil, nil
	case declared > 0:
		most, step = declared, firstDeclared
	}
	// One byte more than the most proves a body too long, or finds its end.
	body := make([]byte, 0, min(step, most+1))
	for {
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
		case len(body) == cap(body):
			body = append(make([]byte, 0, min(int64(cap(body))*stepGrowth, most+1)), body...)
		}
	}
}
