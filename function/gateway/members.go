package gateway

// members are the members of an event that matter here, as they stand in it. The
// field names are those of aws-lambda-go/events; for the formats see
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// and https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
type members struct {
	seen seen
	// foreign is set by a member that only events of other services have.
	foreign bool

	version, resource, path, httpMethod, rawPath text
	requestID, stage, method                     text // of requestContext, method of its http

	headers, multiValueHeaders, cookies []byte // JSON, nil for null and none

	body            text
	isBase64Encoded bool
}

// seen holds a bit for each member that was found. A second member of the same
// name makes an event ambiguous: what the gateway checked may not be what is read here.
type seen uint32

const (
	seenVersion seen = 1 << iota
	seenResource
	seenPath
	seenHTTPMethod
	seenRawPath
	seenRequestContext
	seenRequestID
	seenStage
	seenHTTP
	seenMethod
	seenHeaders
	seenMultiValueHeaders
	seenCookies
	seenBody
	seenIsBase64Encoded
)

// readMembers reads a whole event. Where that fails the format is still known
// from what came before the fault.
func readMembers(payload []byte) (members, bool) {
	var m members
	s := scanner{data: payload}
	s.enter('{')
	for first := true; s.next('}', first); first = false {
		m.readMember(&s)
	}
	return m, s.end() && m.isRequest()
}

func (m *members) readMember(s *scanner) {
	switch string(s.name()) {
	case "version":
		m.readText(s, seenVersion, &m.version)
	case "resource":
		m.readText(s, seenResource, &m.resource)
	case "path":
		m.readText(s, seenPath, &m.path)
	case "httpMethod":
		m.readText(s, seenHTTPMethod, &m.httpMethod)
	case "rawPath":
		m.readText(s, seenRawPath, &m.rawPath)
	case "headers":
		m.readJSON(s, seenHeaders, &m.headers)
	case "multiValueHeaders":
		m.readJSON(s, seenMultiValueHeaders, &m.multiValueHeaders)
	case "cookies":
		m.readJSON(s, seenCookies, &m.cookies)
	case "body":
		m.readText(s, seenBody, &m.body)
	case "isBase64Encoded":
		m.readIsBase64Encoded(s)
	case "requestContext":
		m.readContext(s)
	case "type", "methodArn", "routeArn": // a Lambda authorizer's
		m.readForeign(s)
	default:
		s.skip()
	}
}

func (m *members) readContext(s *scanner) {
	if !m.enter(s, seenRequestContext) {
		return
	}
	for first := true; s.next('}', first); first = false {
		m.readContextMember(s)
	}
}

func (m *members) readContextMember(s *scanner) {
	switch string(s.name()) {
	case "requestId":
		m.readText(s, seenRequestID, &m.requestID)
	case "stage":
		m.readText(s, seenStage, &m.stage)
	case "http":
		m.readHTTP(s)
	case "elb", "connectionId": // a load balancer's, a WebSocket's
		m.readForeign(s)
	default:
		s.skip()
	}
}

func (m *members) readHTTP(s *scanner) {
	if !m.enter(s, seenHTTP) {
		return
	}
	for first := true; s.next('}', first); first = false {
		if string(s.name()) == "method" {
			m.readText(s, seenMethod, &m.method)
		} else {
			s.skip()
		}
	}
}

// once notes a member, and fails when it is there already.
func (m *members) once(s *scanner, member seen) {
	if m.seen&member != 0 {
		s.fail()
	}
	m.seen |= member
}

func (m *members) readText(s *scanner, member seen, out *text) {
	m.once(s, member)
	if !s.null() {
		*out = s.text()
	}
}

func (m *members) readJSON(s *scanner, member seen, out *[]byte) {
	m.once(s, member)
	if !s.null() {
		*out = s.skip()
	}
}

// enter reads the opening of a member's object; there is none for null.
func (m *members) enter(s *scanner, member seen) bool {
	m.once(s, member)
	if s.null() {
		return false
	}
	s.enter('{')
	return true
}

func (m *members) readIsBase64Encoded(s *scanner) {
	m.once(s, seenIsBase64Encoded)
	switch s.peek() {
	case 't':
		s.literal("true")
		m.isBase64Encoded = true
	case 'f':
		s.literal("false")
	default:
		s.literal("null")
	}
}

func (m *members) readForeign(s *scanner) {
	if !s.null() {
		s.skip()
		m.foreign = true
	}
}

// format is what the version says; payload format 1.0 of REST APIs names none.
func (m *members) format() format {
	if string(m.version.raw) == "2.0" {
		return payloadV2
	}
	return payloadV1
}

// isRequest tells an HTTP request from the events of other services.
func (m *members) isRequest() bool {
	switch string(m.version.raw) {
	case "2.0":
		return !m.foreign && m.method.size > 0 && m.rawPath.size > 0
	case "", "1.0":
		return !m.foreign && m.httpMethod.size > 0 && m.path.size > 0
	}
	return false
}
