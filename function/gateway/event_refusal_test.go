package gateway_test

import (
	"strings"
	"testing"
)

// TestRefusedEventsAreNamed sees that a refusal says of which service an event is, what is
// wrong with one that was made by hand, and which header cannot be read.
func TestRefusedEventsAreNamed(t *testing.T) {
	for event, said := range map[string]string{
		`{"httpMethod":"GET","path":"/","requestContext":{"elb":{"targetGroupArn":"a"}}}`:                 "of an Application Load Balancer. Nothing of it was sent",
		`{"requestContext":{"connectionId":"x","eventType":"MESSAGE"},"body":"x"}`:                        "of a WebSocket API.",
		`{"type":"TOKEN","methodArn":"a"}`:                                                                "of a Lambda authorizer.",
		`{"version":"2.0","path":"/","method":"GET","requestContext":{"serviceNetworkArn":"a"}}`:          "of Amazon VPC Lattice.",
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"{}"}}]}`:                                  "of aws:sns.",
		`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","s3":{"object":{"key":"aws:other"}}}]}`: "of aws:s3.",
		`{"eventSource":"aws:kafka","records":{"t-0":[{}]}}`:                                              "of aws:kafka.",
		`{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`:               "of a schedule of Amazon EventBridge.",
		`{"version":"1","triggerSource":"PreSignUp_SignUp","userPoolId":"p"}`:                             "of Amazon Cognito.",
		`{"awslogs":{"data":"H4s"}}`:                                                                      "of Amazon CloudWatch Logs.",
		`{"key1":"value1","key2":"value2"}`:                                                               `It has the members "key1", "key2". To try the function by hand`,
		`{}`:                                                                                              "It has no members. To try the function by hand",
		`[{"id":1}]`:                                                                                      "It is no JSON object.",
		`null`:                                                                                            "It is no JSON object.",
		`{"version":"2.0",`:                                                                               "It is not valid JSON (RFC 8259) (byte 17).",
		`{"path":"/","httpMethod":"GET","path":"/"}`:                                                      "A member name occurs twice in one of its objects",
		`{"version":"2.0","rawPath":"/"}`:                                                                 "It lacks rawPath or requestContext.http.method",
		`{"httpMethod":"GET"}`:                                                                            "It lacks httpMethod or path",
		`{"httpMethod":"GET","path":"/","body":{"a":1}}`:                                                  `Its member "body" has a value of another type`,
		`{"httpMethod":"GET","path":"/","isBase64Encoded":"true"}`:                                        `Its member "isBase64Encoded" has a value of another type`,
		`{"httpMethod":"GET","path":"/","headers":{"a":["b"]}}`:                                           `Its member "headers" has a value of another type`,
		`{"httpMethod":"GET","path":"/","multiValueHeaders":{"a":"b"}}`:                                   `Its member "multiValueHeaders" has a value of another type`,
		`{"httpMethod":"GET","path":"/","requestContext":{"stage":1}}`:                                    `Its member "requestContext" has a value of another type`,
		`{"httpMethod":"GET","path":"/","headers":{"X A":"b"}}`:                                           `the header "X A" holds`,
		`{"httpMethod":"GET","path":"/","headers":{"X-É":"b"}}`:                                           `the header "X-É" holds`,
		`{"httpMethod":"GET","path":"/","headers":{"":"b"}}`:                                              `the header "" holds`,
	} {
		if got := decode(t, []byte(event)); got.Err == nil || !strings.Contains(got.Err.Error(), said) {
			t.Errorf("%s: error %v, want %q", event, got.Err, said)
		}
	}
}

// TestRefusedEventsHoldNoValue sees that a refusal repeats names of an event's members alone.
func TestRefusedEventsHoldNoValue(t *testing.T) {
	for _, event := range []string{
		`{"id":"canary","source":"canary","eventSource":"canary","Records":["canary",{"EventSource":"canary"}]}`,
		`{"version":"canary","httpMethod":"canary","path":"/canary"}`,
		`{"body":{"canary":"canary"},"path":"canary"`,
		`{"detail-type":"canary","detail":{"canary":1}}`,
	} {
		if got := decode(t, []byte(event)); got.Err == nil || strings.Contains(got.Err.Error(), "canary") {
			t.Errorf("%s: error %v", event, got.Err)
		}
	}
}
