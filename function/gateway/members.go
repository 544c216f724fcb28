package gateway

import "keyrelay/function/rawjson"

// members are the members of an event that matter here, as they stand in it. The
// field names are those of aws-lambda-go/events; for the formats see
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// and https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
type members struct {
	// foreign names the service of a member that only its events have.
	foreign string
	// broken says that a value has the wrong type.
	broken bool

	version, resource, path, httpMethod, rawPath, routeKey rawjson.Text
	requestID, stage, method                               rawjson.Text // of requestContext, method of its http
	apiKeyID, userArn, iamArn                              rawjson.Text // of its identity, iamArn of its authorizer's iam

	headers, multiValueHeaders, cookies []byte // JSON, nil for null and none

	records []byte // JSON, of the events of a queue and of other services

	body            rawjson.Text
	isBase64Encoded bool
}

// read reads a whole event and reports whether it is a request; fault is what is wrong with
// its JSON. A second member of one name makes an event ambiguous, at any depth: what the
// gateway checked may not be what is read here. Where reading fails, the format is still
// known from what came before the fault.
func (m *members) read(c *rawjson.Cursor) (ok bool, fault error) {
	for more := c.Enter('{'); more; more = c.Next() {
		m.readMember(c)
	}
	if fault = c.End(); fault != nil || m.broken {
		m.records = nil
		return false, fault
	}
	return m.isRequest(), nil
}

func (m *members) readMember(c *rawjson.Cursor) {
	switch string(c.Name()) {
	case "version":
		m.version = readText(c)
	case "resource":
		m.resource = readText(c)
	case "path":
		m.path = readText(c)
	case "httpMethod":
		m.httpMethod = readText(c)
	case "rawPath":
		m.rawPath = readText(c)
	case "routeKey":
		m.routeKey = readText(c)
	case "headers":
		m.headers = readJSON(c)
	case "multiValueHeaders":
		m.multiValueHeaders = readJSON(c)
	case "cookies":
		m.cookies = readJSON(c)
	case "body":
		m.body = readText(c)
	case "isBase64Encoded":
		value := string(readJSON(c))
		m.isBase64Encoded = value == "true"
		m.broken = m.broken || value != "true" && value != "false" && value != ""
	case "requestContext":
		m.readContext(c)
	case "Records":
		m.records = readJSON(c)
	case "type", "methodArn", "routeArn":
		m.readForeign(c, "a Lambda authorizer")
	default:
		c.Skip()
	}
}

func (m *members) readContext(c *rawjson.Cursor) {
	if c.Null() {
		return
	}
	for more := c.Enter('{'); more; more = c.Next() {
		switch string(c.Name()) {
		case "requestId":
			m.requestID = readText(c)
		case "stage":
			m.stage = readText(c)
		case "http":
			readMemberOf(c, "method", func() { m.method = readText(c) })
		case "identity":
			m.readIdentity(c)
		case "authorizer":
			readMemberOf(c, "iam", func() {
				readMemberOf(c, "userArn", func() { m.iamArn = readText(c) })
			})
		case "elb":
			m.readForeign(c, "an Application Load Balancer")
		case "connectionId":
			m.readForeign(c, "a WebSocket API")
		case "serviceNetworkArn":
			m.readForeign(c, "Amazon VPC Lattice")
		default:
			c.Skip()
		}
	}
}

// enter reads the opening of an object that requestContext holds, and reports
// whether it has a member; anything else is skipped.
func enter(c *rawjson.Cursor) bool {
	if c.Peek() != '{' {
		c.Skip()
		return false
	}
	return c.Enter('{')
}

// readMemberOf reads one member of an object that requestContext holds.
func readMemberOf(c *rawjson.Cursor, name string, read func()) {
	for more := enter(c); more; more = c.Next() {
		if string(c.Name()) == name {
			read()
		} else {
			c.Skip()
		}
	}
}

func (m *members) readIdentity(c *rawjson.Cursor) {
	for more := enter(c); more; more = c.Next() {
		switch string(c.Name()) {
		case "apiKeyId":
			m.apiKeyID = readText(c)
		case "userArn":
			m.userArn = readText(c)
		default:
			c.Skip()
		}
	}
}

// readText reads a string; null leaves it empty, as in encoding/json.
func readText(c *rawjson.Cursor) rawjson.Text {
	if c.Null() {
		return rawjson.Text{}
	}
	return c.String()
}

// readForeign reads a member of the events of another service.
func (m *members) readForeign(c *rawjson.Cursor, service string) {
	if readJSON(c) != nil {
		m.foreign = service
	}
}

// readJSON reads any value; nil for null.
func readJSON(c *rawjson.Cursor) []byte {
	if c.Null() {
		return nil
	}
	return c.Skip()
}

// format is what the version says; events of REST APIs have none.
func (m *members) format() format {
	if string(m.version.Raw) == "2.0" {
		return payloadV2
	}
	return payloadV1
}

// isRequest tells an HTTP request from the events of other services.
func (m *members) isRequest() bool {
	switch string(m.version.Raw) {
	case "2.0":
		return m.foreign == "" && m.method.Size > 0 && m.rawPath.Size > 0
	case "", "1.0":
		return m.foreign == "" && m.httpMethod.Size > 0 && m.path.Size > 0
	}
	return false
}
