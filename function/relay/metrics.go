package relay

import (
	"cmp"
	"strconv"
)

// The directives by which CloudWatch takes members of a log entry for metrics: Success
// answers whether the relay works, Duration how slow it is, Faults by Blame whose fault it
// is, and CredentialFaults whose credential was refused or cannot be had. The form is the
// embedded metric format,
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
// #nosec G101 -- names, not a credential
const (
	requestDirectives = `{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Success","Unit":"Count"},{"Name":"Duration","Unit":"Milliseconds"}]},` +
		`{"Namespace":"keyrelay","Dimensions":[["FunctionName","Blame"]],"Metrics":[{"Name":"Faults","Unit":"Count"}]}`
	credentialDirective = `,{"Namespace":"keyrelay","Dimensions":[["FunctionName","Destination","Scheme"]],"Metrics":[{"Name":"CredentialFaults","Unit":"Count"}]}`
	queuedDirective     = `,{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Queued","Unit":"Count"}]}`
	deadDirective       = `,{"Namespace":"keyrelay","Dimensions":[["FunctionName","Destination"]],"Metrics":[{"Name":"Dead","Unit":"Count"}]}`
)

// outcomeDirective is that of what became of a message, of which name counts, and of how
// long ago it was accepted.
func outcomeDirective(name string) string {
	return `{"Namespace":"keyrelay","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"` + name + `","Unit":"Count"},{"Name":"DeliveryAge","Unit":"Milliseconds"}]}`
}

// appendMetrics adds the metrics of one request, or of one try of a delivery; none if
// a message was postponed.
func (r *Relay) appendMetrics(line []byte, entry *logEntry) []byte {
	if r.config.FunctionName == "" {
		return line
	}
	line = appendText(line, "FunctionName", r.config.FunctionName)
	directives := ""
	if entry.try == nil {
		line, directives = entry.appendRequestMetrics(line)
	} else if line, directives = entry.appendTryMetrics(line); directives == "" {
		return line
	}
	if entry.faulty != "" {
		line = appendNumber(appendText(line, "Scheme", entry.faulty), "CredentialFaults", 1)
	}
	if entry.faulty != "" || entry.try != nil {
		line = appendText(line, "Destination", cmp.Or(entry.destination, "unknown"))
	}
	line = append(line, `,"_aws":{"Timestamp":`...)
	line = strconv.AppendInt(line, entry.start.UnixMilli(), 10)
	line = append(append(line, `,"CloudWatchMetrics":[`...), directives...)
	if entry.faulty != "" {
		line = append(line, credentialDirective...)
	}
	if entry.queued > 0 {
		line = append(line, queuedDirective...)
	}
	return append(line, "]}"...)
}

func (e *logEntry) appendRequestMetrics(line []byte) (appended []byte, directives string) {
	line = appendText(line, "Blame", string(e.blame))
	line = appendNumber(line, "Success", count(e.succeeded()))
	line = appendMilliseconds(line, "Duration", e.duration)
	line = appendNumber(line, "Faults", count(e.blame != blameNobody))
	if e.queued > 0 {
		line = appendNumber(line, "Queued", e.queued)
	}
	return line, requestDirectives
}

func (e *logEntry) appendTryMetrics(line []byte) (appended []byte, directives string) {
	name := map[outcome]string{delivered: "Delivered", retried: "DeliveryRetried", dead: "Dead"}[e.try.outcome]
	if name == "" {
		return line, ""
	}
	directives = outcomeDirective(name)
	if e.try.outcome == dead {
		directives += deadDirective
	}
	return appendMilliseconds(appendNumber(line, name, 1), "DeliveryAge", e.try.age), directives
}

func count(holds bool) int {
	if holds {
		return 1
	}
	return 0
}
