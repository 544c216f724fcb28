package relay

import (
	"strconv"
	"sync"
	"time"
)

// usualLineBytes is what a log line with metrics needs, so that its buffer rarely grows.
const usualLineBytes = 1 << 10

// write logs the record as one JSON object in one Write, so that concurrent
// requests do not mix their lines. A log that cannot be written fails no request.
func (r *Relay) write(record *record) {
	line, _ := r.lines.Get().(*[]byte)
	*line = r.appendRecord((*line)[:0], record)
	_, _ = r.config.Log.Write(*line)
	r.lines.Put(line)
}

// linePool lends buffers for log lines.
func linePool() *sync.Pool {
	return &sync.Pool{New: func() any {
		line := make([]byte, 0, usualLineBytes)
		return &line
	}}
}

func (r *Relay) appendRecord(line []byte, record *record) []byte {
	line = append(line, `{"time":"`...)
	line = record.start.UTC().AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"`...)
	line = append(line, record.level()...)
	line = append(line, `","message":"request"`...)
	line = appendText(line, "requestId", record.requestID)
	line = appendText(line, "method", record.method)
	line = appendText(line, "destination", record.destination)
	line = appendText(line, "operation", record.operation)
	line = appendNumber(line, "status", record.status)
	line = appendText(line, "problem", record.problemName)
	line = appendText(line, "proxyError", record.proxyError)
	line = appendText(line, "blame", string(record.blame))
	line = appendNumber(line, "requestBytes", record.requestBytes)
	line = appendNumber(line, "responseBytes", record.responseBytes)
	line = appendMilliseconds(line, "durationMs", record.duration)
	line = appendText(line, "stack", string(record.stack))
	line = record.appendCredential(line)
	line = r.appendMetrics(line, record)
	return append(line, "}\n"...)
}

// appendCredential adds what is known of the credential and of the deliveries.
func (r *record) appendCredential(line []byte) []byte {
	if r.sent {
		line = appendMilliseconds(line, "downstreamMs", r.downstream)
		line = appendMilliseconds(line, "credentialMs", r.wait)
		line = appendTrue(line, "credentialCached", r.cached)
	}
	if r.records > 0 {
		line = appendNumber(line, "records", r.records)
		line = appendNumber(line, "recordsRefused", r.refused)
		line = appendNumber(line, "recordsUnsent", r.unsent)
	}
	line = appendTrue(line, "dryRun", r.dryRun)
	line = appendTrue(line, "replayed", r.replayed)
	line = appendTexts(line, "stale", r.stale)
	return appendTexts(line, "masked", r.masked)
}

// level tells what an operator has to look at: a failure that is not the
// caller's is an error; a stale secret or an echoed credential is a warning.
func (r *record) level() string {
	switch {
	case !r.succeeded():
		return "ERROR"
	case len(r.stale) > 0 || len(r.masked) > 0:
		return "WARN"
	}
	return "INFO"
}

// appendText adds a member unless its text is empty.
func appendText(line []byte, name, text string) []byte {
	if text == "" {
		return line
	}
	return appendString(appendName(line, name), text)
}

func appendTexts(line []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return line
	}
	line = append(appendName(line, name), '[')
	for i, text := range texts {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendString(line, text)
	}
	return append(line, ']')
}

func appendNumber(line []byte, name string, number int) []byte {
	return strconv.AppendInt(appendName(line, name), int64(number), 10)
}

func appendTrue(line []byte, name string, holds bool) []byte {
	if !holds {
		return line
	}
	return append(appendName(line, name), "true"...)
}

// appendMilliseconds writes a duration in milliseconds, to the microsecond.
func appendMilliseconds(line []byte, name string, duration time.Duration) []byte {
	milliseconds := float64(duration.Microseconds()) / 1000
	return strconv.AppendFloat(appendName(line, name), milliseconds, 'f', -1, 64)
}

func appendName(line []byte, name string) []byte {
	line = append(line, `,"`...)
	line = append(line, name...)
	return append(line, `":`...)
}

// appendString writes a JSON string. Of what a log line holds, only names that an
// operator chose can need an escape, so anything but printable ASCII is written as "?".
func appendString(line []byte, text string) []byte {
	line = append(line, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			line = append(line, '\\', c)
		case c == '\n':
			line = append(line, `\n`...)
		case c < ' ' || c > '~':
			line = append(line, '?')
		default:
			line = append(line, c)
		}
	}
	return append(line, '"')
}
