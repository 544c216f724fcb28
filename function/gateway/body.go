package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
)

// inflate undoes gzip, and removes the fields about the coded bytes. A REST API undoes
// it by itself and leaves Content-Encoding as it was: then the body does not begin as
// gzip does, RFC 1952 section 2.3.1. Any other content coding stays.
func inflate(header http.Header, body []byte, used *Share) ([]byte, error) {
	if coding := ContentCoding(header); coding != "gzip" && coding != "x-gzip" {
		return body, nil
	}
	delete(header, "Content-Encoding")
	DeleteDigests(header)
	if !bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		return body, nil
	}
	coded, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		body, err = ReadWithin(coded, -1, MaxRecordBytes, stepGrowth, used.Take)
	}
	if errors.Is(err, ErrTooLong) || errors.Is(err, errBusy) {
		return nil, refuseBody(err)
	}
	if err != nil {
		return nil, &Refusal{
			Reason: ErrRecordBroken,
			Detail: "The body says that it is gzip, but cannot be inflated: it is broken or not whole. Send it again, or without Content-Encoding.",
			Cause:  err,
		}
	}
	return body, nil
}

// ContentCoding returns the content codings that Content-Encoding names, in small
// letters and joined by commas; empty for none. identity, which means none, is left out
// (RFC 9110 section 8.4.1).
func ContentCoding(header http.Header) string {
	var codings []string
	for _, line := range header["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			if coding = strings.ToLower(strings.Trim(coding, " \t")); coding != "" && coding != "identity" {
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
