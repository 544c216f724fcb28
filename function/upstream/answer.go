package upstream

import (
	"errors"
	"io"

	"keyrelay/function/gateway"
)

// How an answer of unknown length is read: the buffer grows from firstBuffer by
// growth, so that all buffers of the largest answer together are under 9 MB. A
// declared length is taken at its word up to trustedLength.
const (
	firstBuffer   = 4 << 10
	growth        = 8
	trustedLength = 1 << 20
)

// errTooLarge says that an answer is longer than gateway.MaxAnswerBytes.
var errTooLarge = errors.New("the answer is too large")

// An answerError is an error that ended the reading of an answer's body.
type answerError struct{ error }

// Unwrap makes errors.Is and errors.As see the error itself.
func (e answerError) Unwrap() error { return e.error }

// readAnswer reads a body of the declared length, -1 for unknown, to its end. It
// returns nil for no bytes.
func readAnswer(from io.Reader, declared int64) ([]byte, error) {
	if declared > gateway.MaxAnswerBytes {
		return nil, errTooLarge
	}
	if declared == 0 {
		return nil, nil
	}
	body := make([]byte, 0, nextSize(0, declared))
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if len(body) > gateway.MaxAnswerBytes {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, answerError{err}
		}
		if len(body) == cap(body) {
			body = append(make([]byte, 0, nextSize(cap(body), declared)), body...)
		}
	}
}

// nextSize says how large the buffer after one of size bytes is. The largest has
// room for the one byte that proves an answer too large.
func nextSize(size int, declared int64) int {
	switch {
	case size == 0 && declared > 0:
		return int(min(declared, trustedLength))
	case size == 0:
		return firstBuffer
	case int64(size) < declared:
		return int(declared)
	default:
		return min(size*growth, gateway.MaxAnswerBytes+1)
	}
}
