package gateway

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"keyrelay/function/rawjson"
)

// maxNamed is how many members of an event a refusal names.
const maxNamed = 10

// byHand is what helps whoever calls the function with an event of their own.
const byHand = " To try the function by hand, use an event such as those in the folder events."

// refuseEvent refuses what is no request; found says what it seems to be, or what is wrong with it.
func refuseEvent(found string) error {
	return &Refusal{
		Reason: ErrEvent,
		Detail: "The function was called with an event that did not come from an API Gateway REST API (payload format 1.0), an HTTP API or a Lambda function URL (payload format 2.0). Call it through one of these." + found,
	}
}

// refuseMember refuses an event in which a member has a value that no gateway gives it.
func refuseMember(name string) error { return refuseEvent(wrongType(name)) }

func wrongType(name string) string {
	return " Its member " + strconv.Quote(name) + " has a value of another type than there." + byHand
}

// explain says of an event that is no request what it seems to be. It holds names of
// members, never a value: an event may be a record that somebody calls the function with.
func (m *members) explain(payload []byte, fault error) string {
	service, names := look(payload)
	if m.foreign != "" {
		service = m.foreign
	}
	switch {
	case service != "":
		return " This event seems to be of " + service + ". Nothing of it was sent: the function's owner has to take that trigger away."
	case fault != nil || m.broken:
		return m.explainFault(payload, fault)
	case string(m.version.Raw) == "2.0":
		return " It lacks rawPath or requestContext.http.method, which every event of payload format 2.0 has." + byHand
	case m.httpMethod.Size > 0 || m.path.Size > 0:
		return " It lacks httpMethod or path, or has an unknown version." + byHand
	case len(names) == 0:
		return " It has no members." + byHand
	}
	return " It has the members " + strings.Join(names, ", ") + "." + byHand
}

// explainFault says what is wrong with the JSON of an event, or with its types.
func (m *members) explainFault(payload []byte, fault error) string {
	found, ok := errors.AsType[*rawjson.Error](fault)
	if !ok {
		return wrongType("isBase64Encoded")
	}
	place := " (byte " + strconv.Itoa(found.At) + ")." + byHand
	cursor := lenient(payload)
	if cursor.Peek() != '{' {
		return " It is no JSON object." + byHand
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
		return " It is not valid JSON (RFC 8259)" + place
	case errors.Is(found, rawjson.ErrDuplicate):
		return " A member name occurs twice in one of its objects" + place
	case name != "":
		return wrongType(name)
	}
	return " It is nested too deeply, or has too many members" + place
}

func lenient(payload []byte) *rawjson.Cursor {
	cursor := &rawjson.Cursor{Depth: maxEventDepth, AnyNames: true}
	cursor.Reset(payload)
	return cursor
}

// look returns the service that an event says it is of, empty for none, and the names of
// its first members, quoted.
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
			names = append(names, strconv.Quote(shown([]byte(name))))
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
