package gateway

import (
	"errors"
	"io"
	"net/http"
)

// Room for a body is made in steps, so that a caller who declares much and sends
// little costs little, and so that what is thrown away stays small beside the body.
const (
	firstStep     = 8 << 10  // of a body whose length is not declared
	firstDeclared = 64 << 10 // of a body whose length is, unless it is shorter
	stepGrowth    = 16
)

// readBody returns the whole body; nil for none.
func readBody(r *http.Request) ([]byte, error) {
	switch {
	case r.ContentLength == 0:
		return nil, nil
	case r.ContentLength > MaxRecordBytes:
		return nil, refuseTooLarge()
	case r.ContentLength > 0:
		return readDeclared(r.Body, int(r.ContentLength))
	}
	return readChunked(r.Body)
}

func readDeclared(body io.Reader, length int) ([]byte, error) {
	record, err := fill(body, firstDeclared, length)
	if len(record) < length {
		return nil, refuseBroken(err)
	}
	return record, nil
}

// readChunked reads a body that says itself where it ends, RFC 9112 section 7.1.
func readChunked(body io.Reader) ([]byte, error) {
	record, err := fill(body, firstStep, MaxRecordBytes)
	if err == nil {
		err = expectEnd(body)
	}
	switch {
	case err == nil:
		return nil, refuseTooLarge()
	case !errors.Is(err, io.EOF):
		return nil, refuseBroken(err)
	case len(record) == 0:
		return nil, nil
	}
	return record, nil
}

// fill reads until the body ends or breaks, which is the error, or limit bytes are there.
func fill(body io.Reader, step, limit int) ([]byte, error) {
	room, read := make([]byte, min(step, limit)), 0
	for {
		n, err := body.Read(room[read:])
		read += n
		if err != nil || read == limit {
			return room[:read], err
		}
		if read == len(room) {
			grown := make([]byte, min(len(room)*stepGrowth, limit))
			copy(grown, room)
			room = grown
		}
	}
}

// expectEnd returns io.EOF where the body ends, and nil where it does not.
func expectEnd(body io.Reader) error {
	var more [1]byte
	for {
		if n, err := body.Read(more[:]); n > 0 || err != nil {
			if n > 0 {
				return nil
			}
			return err
		}
	}
}

func refuseTooLarge() error {
	return &Refusal{
		Reason: ErrRecordTooLarge,
		Detail: "The record is longer than 10,485,760 bytes (10 MB). Send it in parts.",
	}
}

func refuseBroken(cause error) error {
	return &Refusal{
		Reason: ErrRecordBroken,
		Detail: "The connection ended or took too long before the record had arrived whole. Send it again.",
		Cause:  cause,
	}
}
