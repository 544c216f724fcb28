package gateway

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"

	"keyrelay/function/rawjson"
)

// maxNamed is how many members of an event a refusal names.
const maxNamed = 10

// The services whose events are not refused like those of others: what keeps an instance
// warm, which has nothing to lose, and queues, which ask what became of their messages.
const (
	schedule = "a schedule of Amazon EventBridge"
	queues   = "aws:sqs"
)

// byHand is what helps whoever calls the function with an event of their own.
const byHand = " To try the function by hand, use an event such as those in the folder events."

// refuseEvent refuses what is no request; found says what it seems to be, or what is wrong
// with it, and names are the members of the event that it names.
func refuseEvent(reason error, found string, names ...string) error {
	return &Refusal{
		Reason: reason,
		Detail: "The function was called with an event that did not come from an API Gateway REST API (payload format 1.0), an HTTP API or a Lambda function URL (payload format 2.0). Call it through one of these." + found,
		Fields: names,
	}
}

// refuseMember refuses an event in which a member has a value that no gateway gives it.
func refuseMember(name string) error {
	return refuseEvent(ErrEvent, " Its member "+strconv.Quote(name)+" has a value of another type than there."+byHand, name)
}

// refuse says of an event that is no request what it seems to be. It holds names of
// members, never a value: an event may be a record that somebody calls the function with.
func (m *members) refuse(payload []byte, fault error) error {
	service, names := look(payload)
	if m.foreign != "" {
		service = m.foreign
	}
	found := " This event seems to be of " + service + ". Nothing of it was sent: the function's owner has to take that trigger away."
	switch {
	case service == schedule:
		return refuseEvent(ErrEvent, found)
	case service != "":
		return refuseEvent(ErrTrigger, found)
	case fault != nil || m.broken:
		return m.refuseFault(payload, fault)
	case string(m.version.Raw) == "2.0":
		return refuseEvent(ErrEvent, " It lacks rawPath or requestContext.http.method, which every event of payload format 2.0 has."+byHand)
	case m.httpMethod.Size > 0 || m.path.Size > 0:
		return refuseEvent(ErrEvent, " It lacks httpMethod or path, or has an unknown version."+byHand)
	case len(names) == 0:
		return refuseEvent(ErrEvent, " It has no members."+byHand)
	}
	return refuseEvent(ErrEvent, " It has the members "+Quoted(names...)+"."+byHand, names...)
}

// refuseFault says what is wrong with the JSON of an event, or with its types.
func (m *members) refuseFault(payload []byte, fault error) error {
	found, ok := errors.AsType[*rawjson.Error](fault)
	if !ok {
		return refuseMember("isBase64Encoded")
	}
	place := " (byte " + strconv.Itoa(found.At) + ")." + byHand
	cursor := lenient(payload)
	if cursor.Peek() != '{' {
		return refuseEvent(ErrEvent, " It is no JSON object."+byHand)
	}
	name := ""
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		member := shown(cursor.Name())
		if value := cursor.Value(); int(value.Start) <= found.At && found.At < int(value.End) {
			name = member
		}
	}
	switch {
	case cursor.End() != nil:
		return refuseEvent(ErrEvent, " It is not valid JSON (RFC 8259)"+place)
	case errors.Is(found, rawjson.ErrDuplicate):
		return refuseEvent(ErrEvent, " A member name occurs twice in one of its objects"+place)
	case name != "":
		return refuseMember(name)
	}
	return refuseEvent(ErrEvent, " It is nested too deeply, or has too many members"+place)
}

func lenient(payload []byte) *rawjson.Cursor {
	cursor := &rawjson.Cursor{Depth: maxEventDepth, AnyNames: true}
	cursor.Reset(payload)
	return cursor
}

// look returns the service that an event says it is of, empty for none, and the names of
// its first members.
func look(payload []byte) (service string, names []string) {
	cursor := lenient(payload)
	if cursor.Peek() != '{' {
		return "", nil
	}
	for more := cursor.Enter('{'); more; more = cursor.Next() {
		name := string(cursor.Name())
		value := cursor.Skip()
		if found := serviceOf(name, value); found != "" {
			service = found
		}
		if len(names) < maxNamed {
			names = append(names, shown([]byte(name)))
		}
	}
	return service, names
}

// serviceOf tells the service from a member that only its events have, as the guides at
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html show them.
func serviceOf(name string, value []byte) string {
	switch name {
	case "Records", "eventSource":
		return string(bytes.Trim(regexp.MustCompile(`"aws:[a-z0-9-]{1,40}"`).Find(value), `"`))
	case "detail-type":
		if string(value) == `"Scheduled Event"` {
			return schedule
		}
		return "Amazon EventBridge"
	case "awslogs":
		return "Amazon CloudWatch Logs"
	case "triggerSource":
		return "Amazon Cognito"
	case "deliveryStreamArn":
		return "Amazon Data Firehose"
	case "raw_path":
		return "Amazon VPC Lattice"
	case "ResponseURL":
		return "AWS CloudFormation"
	}
	return ""
}

func refuseBase64(cause error) error {
	return &Refusal{
		Reason: ErrRecordBroken,
		Detail: "The event says that its body is base64, but it is not. Send the request again, and check the gateway's settings for binary media types if it fails again.",
		Cause:  cause,
	}
}
