package gateway

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// inflate undoes gzip or deflate, and removes the fields about the coded bytes. A REST API
// undoes them by itself and leaves Content-Encoding as it was. Any other content coding stays.
func inflate(header http.Header, body []byte, used *Share) ([]byte, error) {
	coding := ContentCoding(header)
	if !Undoes(coding) {
		return body, nil
	}
	delete(header, "Content-Encoding")
	DeleteDigests(header)
	if isUndone(coding, body) {
		return body, nil
	}
	ahead := bufio.NewReader(bytes.NewReader(body))
	coded, err := Undo(coding, ahead)
	if err == nil {
		body, err = ReadWithin(coded, -1, MaxRecordBytes, stepGrowth, used.Take)
	}
	if errors.Is(err, ErrTooLong) || errors.Is(err, errBusy) {
		return nil, refuseBody(err)
	}
	if _, behind := ahead.Peek(1); err != nil || behind == nil {
		return nil, &Refusal{
			Reason: ErrRecordBroken,
			Detail: "The body says that it is " + coding + ", but cannot be inflated: it is broken or not whole. Send it again, or without Content-Encoding.",
			Cause:  err,
		}
	}
	return body, nil
}

// isUndone reports whether a body is not coded any more: it does not begin as gzip does, RFC
// 1952 section 2.3.1, or is a text, which what deflate makes is not.
func isUndone(coding string, body []byte) bool {
	if coding != "deflate" {
		return !bytes.HasPrefix(body, []byte("\x1f\x8b"))
	}
	isControl := func(c rune) bool { return c < ' ' && c != '\t' && c != '\r' && c != '\n' }
	return utf8.Valid(body) && !bytes.ContainsFunc(body, isControl)
}

// Undoes reports whether Undo knows a content coding.
func Undoes(coding string) bool { return coding == "gzip" || coding == "x-gzip" || coding == "deflate" }

// Undo reads what one content coding was made of, to the coding's end and not beyond. What
// is called deflate has the frame of zlib (RFC 1950), which some programs leave out.
func Undo(coding string, coded *bufio.Reader) (io.Reader, error) {
	if coding != "deflate" {
		return gzip.NewReader(coded)
	}
	frame, err := coded.Peek(2)
	switch {
	case len(frame) == 0:
		return nil, err
	case len(frame) == 2 && frame[0]&0x0f == 8 && (int(frame[0])<<8|int(frame[1]))%31 == 0:
		return zlib.NewReader(coded)
	}
	return flate.NewReader(coded), nil
}

// ContentCoding returns the content codings that Content-Encoding names, in small
// letters and joined by commas; empty for none. identity, which means none (RFC 9110 section
// 8.4.1), is left out, and so is what senders write there of a body that is not coded.
func ContentCoding(header http.Header) string {
	var codings []string
	for _, line := range header["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			switch coding = strings.ToLower(strings.Trim(coding, " \t")); coding {
			case "", "identity", "none", "utf-8", "utf8", "us-ascii", "iso-8859-1", "7bit", "8bit", "binary":
			default:
				codings = append(codings, coding)
			}
		}
	}
	return strings.Join(codings, ", ")
}

// refuseBody says why a body was not read to its end.
func refuseBody(cause error) error {
	switch {
	case errors.Is(cause, ErrTooLong):
		return &Refusal{
			Reason: ErrRecordTooLarge,
			Detail: "The record is longer than 10,485,760 bytes (10 MB). Send it in parts.",
		}
	case errors.Is(cause, errBusy):
		return &Refusal{
			Reason:     ErrBusy,
			Detail:     "The relay holds as many records as its memory takes. Send this one again in a moment.",
			RetryAfter: 1,
		}
	}
	return &Refusal{
		Reason: ErrRecordBroken,
		Detail: "The connection ended or took too long before the record had arrived whole. Send it again.",
		Cause:  cause,
	}
}
