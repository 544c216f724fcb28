package relay

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"keyrelay/function/rawjson"
)

// maxDetail bounds what the log says of why a request failed.
const maxDetail = 2 << 10

// usualLineBytes is what a log line with metrics needs, so that its buffer rarely grows.
const usualLineBytes = 1 << 10

// write logs the entry as one JSON object in one Write, so that concurrent
// requests do not mix their lines. A log that cannot be written fails no request.
func (r *Relay) write(entry *logEntry) {
	if entry.level() < r.config.LogLevel {
		return
	}
	line, _ := r.lines.Get().(*[]byte)
	*line = r.appendEntry((*line)[:0], entry)
	_, _ = r.config.Log.Write(*line)
	r.lines.Put(line)
}

// linePool returns a pool of buffers for log lines.
func linePool() *sync.Pool {
	return &sync.Pool{New: func() any {
		line := make([]byte, 0, usualLineBytes)
		return &line
	}}
}

func (r *Relay) appendEntry(line []byte, entry *logEntry) []byte {
	line = append(line, `{"time":"`...)
	line = entry.start.UTC().AppendFormat(line, time.RFC3339Nano)
	line = append(line, '"')
	line = appendText(line, "level", entry.level().String())
	line = appendText(line, "message", entry.kind())
	line = appendText(line, "requestId", entry.requestID)
	line = appendText(line, "caller", entry.caller)
	line = appendText(line, "address", entry.address)
	line = appendText(line, "method", entry.method)
	line = appendText(line, "destination", entry.destination)
	line = appendText(line, "operation", entry.operation)
	line = appendNumber(line, "status", entry.status)
	line = appendText(line, "problem", entry.problemName)
	line = appendText(line, "proxyError", entry.proxyError)
	line = appendText(line, "blame", string(entry.blame))
	line = appendText(line, "detail", entry.detail[:min(len(entry.detail), maxDetail)])
	line = appendText(line, "scheme", entry.schemes)
	line = appendText(line, "credentialVersion", entry.version)
	line = appendNumber(line, "requestBytes", entry.requestBytes)
	line = appendNumber(line, "responseBytes", entry.responseBytes)
	line = appendMilliseconds(line, "durationMs", entry.duration)
	line = appendText(line, "stack", string(entry.stack))
	line = entry.appendCredential(line)
	line = entry.appendDelivery(line)
	line = r.appendMetrics(line, entry)
	return append(line, "}\n"...)
}

// appendCredential adds what is known of the credential and of the calls that it was used for.
func (e *logEntry) appendCredential(line []byte) []byte {
	if e.sent {
		line = appendMilliseconds(line, "downstreamMs", e.downstream)
		line = appendMilliseconds(line, "credentialMs", e.wait)
		if e.retrieval > 0 {
			line = appendMilliseconds(line, "retrievalMs", min(e.retrieval, e.wait))
		}
		line = appendTrue(line, "credentialCached", e.cached)
	}
	if e.retrievalStatus > 0 {
		line = appendNumber(line, "retrievalStatus", e.retrievalStatus)
	}
	if e.records > 0 {
		line = appendNumber(line, "records", e.records)
		line = appendNumber(line, "recordsRefused", e.recordsRefused)
		line = appendNumber(line, "recordsUnsent", e.unsent)
	}
	line = appendTrue(line, "dryRun", e.dryRun)
	line = appendTrue(line, "replayed", e.replayed)
	line = appendTrue(line, "replayWithheld", e.withheld)
	line = appendTexts(line, "stale", e.stale)
	line = appendTexts(line, "unshared", e.unshared)
	line = appendTexts(line, "doubts", e.doubts)
	return appendTexts(line, "masked", e.masked)
}

// level says what an operator has to look at: a failure that is not the caller's, and a
// record that nobody will try again, are an error; a try that failed, a stale secret, a
// token that could not be shared, and one whose life its document does not find are a
// warning. An API that echoes its credential is neither: it was masked, as the entry says.
func (e *logEntry) level() slog.Level {
	switch {
	case e.try != nil && e.try.outcome == dead, e.try == nil && !e.succeeded():
		return slog.LevelError
	case e.try != nil && e.try.outcome == retried, len(e.stale)+len(e.unshared)+len(e.doubts) > 0:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// kind says whether the entry is of a caller's request or of a message from the queue.
func (e *logEntry) kind() string {
	if e.try != nil {
		return "delivery"
	}
	return "request"
}

// appendDelivery adds what is known of records that are delivered later.
func (e *logEntry) appendDelivery(line []byte) []byte {
	if e.queued > 0 {
		line = appendNumber(line, "queued", e.queued)
	}
	if e.try == nil {
		return line
	}
	line = appendText(line, "messageId", e.try.messageID)
	line = appendText(line, "outcome", string(e.try.outcome))
	line = appendNumber(line, "attempt", e.try.received.Receives)
	line = appendMilliseconds(line, "ageMs", e.try.age)
	if e.try.pause > 0 {
		line = appendMilliseconds(line, "pauseMs", e.try.pause)
	}
	return line
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
	micro := max(0, duration.Microseconds())
	line = strconv.AppendInt(appendName(line, name), micro/1000, 10)
	return append(line, '.', '0'+byte(micro/100%10), '0'+byte(micro/10%10), '0'+byte(micro%10))
}

func appendName(line []byte, name string) []byte {
	line = append(line, `,"`...)
	line = append(line, name...)
	return append(line, `":`...)
}

// appendString writes a JSON string.
func appendString(line []byte, text string) []byte {
	line = append(line, '"')
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "?")
	}
	for i := range len(text) {
		line = rawjson.AppendCharacter(line, text[i])
	}
	return append(line, '"')
}
