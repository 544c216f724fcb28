package relay

import (
	"cmp"
	"log/slog"
	"strconv"
)

// kind tells the entry of a caller's request from that of a message of the queue.
func (e *logEntry) kind() string {
	if e.try != nil {
		return "delivery"
	}
	return "request"
}

// level makes an error of what nobody will try again.
func (t *try) level() slog.Level {
	switch t.outcome {
	case dead:
		return slog.LevelError
	case retried:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// appendDelivery adds what is known of what is delivered later.
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

// The metric directives of what is delivered later, see metricDirectives. Queued is how
// much was accepted, Delivered, DeliveryRetried and Dead what became of it, and
// DeliveryAge how long ago it was accepted.
const (
	queuedDirective    = `,{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Queued","Unit":"Count"}]}`
	deliveredDirective = `{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Delivered","Unit":"Count"},{"Name":"DeliveryAge","Unit":"Milliseconds"}]}`
	retriedDirective   = `{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"DeliveryRetried","Unit":"Count"},{"Name":"DeliveryAge","Unit":"Milliseconds"}]}`
	deadDirective      = `{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Dead","Unit":"Count"},{"Name":"DeliveryAge","Unit":"Milliseconds"}]},` +
		`{"Namespace":"keyrelay","Dimensions":[["FunctionName","Destination"]],"Metrics":[{"Name":"Dead","Unit":"Count"}]}`
)

// appendDeliveryMetrics adds the metrics of one try; none where the message was postponed.
func (e *logEntry) appendDeliveryMetrics(line []byte) []byte {
	directive := ""
	switch e.try.outcome {
	case delivered:
		line = appendMilliseconds(appendNumber(line, "Delivered", 1), "DeliveryAge", e.try.age)
		directive = deliveredDirective
	case retried:
		line = appendMilliseconds(appendNumber(line, "DeliveryRetried", 1), "DeliveryAge", e.try.age)
		directive = retriedDirective
	case dead:
		line = appendMilliseconds(appendNumber(line, "Dead", 1), "DeliveryAge", e.try.age)
		directive = deadDirective
	case postponed:
		return line
	}
	line = appendText(line, "Destination", cmp.Or(e.destination, "unknown"))
	if e.faulty != "" {
		line = appendNumber(appendText(line, "Scheme", e.faulty), "CredentialFaults", 1)
		directive += credentialDirective
	}
	line = append(line, `,"_aws":{"Timestamp":`...)
	line = strconv.AppendInt(line, e.start.UnixMilli(), 10)
	line = append(line, `,"CloudWatchMetrics":[`...)
	return append(append(line, directive...), "]}"...)
}
