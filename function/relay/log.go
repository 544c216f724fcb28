package relay

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

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

// linePool lends buffers for log lines.
func linePool() *sync.Pool {
	return &sync.Pool{New: func() any {
		line := make([]byte, 0, usualLineBytes)
		return &line
	}}
}

func (r *Relay) appendEntry(line []byte, entry *logEntry) []byte {
	line = append(line, `{"time":"`...)
	line = entry.start.UTC().AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"`...)
	line = append(line, entry.level().String()...)
	line = append(line, `","message":"`...)
	line = append(line, entry.kind()...)
	line = append(line, '"')
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

// appendCredential adds what is known of the credential and of the deliveries.
func (e *logEntry) appendCredential(line []byte) []byte {
	if e.sent {
		line = appendMilliseconds(line, "downstreamMs", e.downstream)
		line = appendMilliseconds(line, "credentialMs", e.wait)
		if e.retrieval > 0 {
			line = appendMilliseconds(line, "retrievalMs", min(e.retrieval, e.wait))
		}
		line = appendTrue(line, "credentialCached", e.cached)
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
	return appendTexts(line, "masked", e.masked)
}

// level tells what an operator has to look at: a failure that is not the
// caller's is an error, a stale secret and a token that could not be shared are a warning. An API that echoes its credential is
// neither: it was masked, as the entry says.
func (e *logEntry) level() slog.Level {
	switch {
	case e.try != nil:
		return e.try.level()
	case !e.succeeded():
		return slog.LevelError
	case len(e.stale)+len(e.unshared) > 0:
		return slog.LevelWarn
	}
	return slog.LevelInfo
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

// appendString writes a JSON string.
func appendString(line []byte, text string) []byte {
	line = append(line, '"')
	for _, c := range []byte(strings.ToValidUTF8(text, "?")) {
		line = rawjson.AppendCharacter(line, c)
	}
	return append(line, '"')
}

// metricDirectives tells CloudWatch which members of a log entry are metrics:
// Success answers whether the relay works, Duration how slow it is, and Faults by
// Blame whose fault it is. The form is the embedded metric format,
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
const metricDirectives = `,"CloudWatchMetrics":[` +
	`{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Success","Unit":"Count"},{"Name":"Duration","Unit":"Milliseconds"}]},` +
	`{"Namespace":"keyrelay","Dimensions":[["FunctionName","Blame"]],"Metrics":[{"Name":"Faults","Unit":"Count"}]}`

// credentialDirective does the same where a credential is refused or cannot be had.
// #nosec G101 -- names, not a credential
const credentialDirective = `,{"Namespace":"keyrelay","Dimensions":[["FunctionName","Destination","Scheme"]],"Metrics":[{"Name":"CredentialFaults","Unit":"Count"}]}`

// appendMetrics adds the metrics of one request.
func (r *Relay) appendMetrics(line []byte, entry *logEntry) []byte {
	if r.config.FunctionName == "" {
		return line
	}
	line = appendText(line, "FunctionName", r.config.FunctionName)
	if entry.try != nil {
		return entry.appendDeliveryMetrics(line)
	}
	line = appendText(line, "Blame", string(entry.blame))
	line = appendNumber(line, "Success", count(entry.succeeded()))
	line = appendMilliseconds(line, "Duration", entry.duration)
	line = appendNumber(line, "Faults", count(entry.blame != blameNobody))
	if entry.faulty != "" {
		line = appendText(line, "Destination", entry.destination)
		line = appendText(line, "Scheme", entry.faulty)
		line = appendNumber(line, "CredentialFaults", 1)
	}
	if entry.queued > 0 {
		line = appendNumber(line, "Queued", entry.queued)
	}
	line = append(line, `,"_aws":{"Timestamp":`...)
	line = strconv.AppendInt(line, entry.start.UnixMilli(), 10)
	line = append(line, metricDirectives...)
	if entry.faulty != "" {
		line = append(line, credentialDirective...)
	}
	if entry.queued > 0 {
		line = append(line, queuedDirective...)
	}
	return append(line, "]}"...)
}

func count(holds bool) int {
	if holds {
		return 1
	}
	return 0
}
