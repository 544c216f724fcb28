package relay

import "strconv"

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
