package upstream

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"keyrelay/function/gateway"
)

// maxCodings is how many codings of one answer are undone: each takes memory.
const maxCodings = 2

// maxCoded is how many times as long as the answer may be what a coding makes of it. Real
// ones add little; but a coded text without an end may stand for an empty one.
const maxCoded = 4

// undoCodings makes the body of an answer what it was before gzip and deflate (RFC 9110
// section 8.4.1). No request asks for them; an answer in them could hold a credential
// unseen. One with any other coding stays as it is. Reading the body fails once ctx is over,
// and with gateway.ErrTooLong if a coded text is much longer than limit bytes.
func undoCodings(ctx context.Context, answer *http.Response, limit int) error {
	if answer.Header["Content-Encoding"] == nil {
		return nil
	}
	codings := strings.Split(gateway.ContentCoding(answer.Header), ", ")
	if slices.ContainsFunc(codings, func(coding string) bool { return !gateway.Undoes(coding) }) {
		return nil
	}
	if len(codings) > maxCodings {
		return answerError{gzip.ErrHeader}
	}
	delete(answer.Header, "Content-Encoding")
	gateway.DeleteDigests(answer.Header)
	plain := io.Reader(answer.Body)
	for _, coding := range slices.Backward(codings) {
		var err error
		if plain, err = gateway.Undo(coding, bufio.NewReader(&codedReader{ctx, plain, maxCoded * limit})); errors.Is(err, io.EOF) { // there is no body, as after HEAD
			return nil
		} else if err != nil {
			return answerError{err}
		}
	}
	answer.ContentLength = -1
	answer.Body = struct {
		io.Reader
		io.Closer
	}{plain, answer.Body}
	return nil
}

// A codedReader reads a coded text of at most left bytes until its context is over.
// Decoding takes time even where nothing is waited for.
type codedReader struct {
	ctx   context.Context
	coded io.Reader
	left  int
}

func (r *codedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.coded.Read(p)
	if r.left -= n; r.left < 0 {
		return 0, gateway.ErrTooLong
	}
	return n, err
}
