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

// metricDirectives tells CloudWatch which members of a log record are metrics:
// Success answers whether the relay works, Duration how slow it is, and Faults by
// Blame whose fault it is. The form is the embedded metric format,
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
const metricDirectives = `,"CloudWatchMetrics":[` +
	`{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Success","Unit":"Count"},{"Name":"Duration","Unit":"Milliseconds"}]},` +
	`{"Namespace":"keyrelay","Dimensions":[["FunctionName","Blame"]],"Metrics":[{"Name":"Faults","Unit":"Count"}]}]}`

// appendMetrics adds the metrics of one request.
func (r *Relay) appendMetrics(line []byte, record *record) []byte {
	if r.config.FunctionName == "" {
		return line
	}
	line = appendText(line, "FunctionName", r.config.FunctionName)
	line = appendText(line, "Blame", string(record.blame))
	line = appendNumber(line, "Success", count(record.succeeded()))
	line = appendMilliseconds(line, "Duration", record.duration)
	line = appendNumber(line, "Faults", count(record.blame != blameNobody))
	line = append(line, `,"_aws":{"Timestamp":`...)
	line = strconv.AppendInt(line, record.start.UnixMilli(), 10)
	return append(line, metricDirectives...)
}

// succeeded says that the relay did what it is there for: whatever went wrong was
// the caller's doing.
func (r *record) succeeded() bool {
	return r.blame == blameNobody || r.blame == blameCaller
}

func count(holds bool) int {
	if holds {
		return 1
	}
	return 0
}
