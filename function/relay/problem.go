package relay

import (
	"errors"
	"net/http"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/upstream"
)

// A Problem is one kind of answer that the relay itself makes. Its name is stable.
type Problem struct {
	// Name is the last part of the problem's type, urn:keyrelay:problem:NAME.
	Name string
	// Status is the HTTP status code.
	Status int
	// Title says what happened, the same words each time (RFC 9457 section 3.1.4).
	Title string
	// ProxyError is the error type of Proxy-Status (RFC 9209 section 2.3).
	ProxyError string

	reason error
	blame  blame
}

// A blame says whose fault an answer is, for the operator's metrics.
type blame string

const (
	blameNobody        blame = "nobody"
	blameCaller        blame = "caller"
	blameKeyrelay      blame = "keyrelay"
	blameTokenEndpoint blame = "token-endpoint"
	blameDownstream    blame = "downstream"
)

// Problems lists every problem, in the order of its status: the one table from
// error to answer. Several rows share a name where RFC 9209 tells more causes apart.
func Problems() []Problem {
	rows := requestProblems()
	rows = append(rows, permissionProblems()...)
	return append(rows, downstreamProblems()...)
}

func requestProblems() []Problem {
	const malformed = "http_request_error"
	return []Problem{
		{"outbound-url-missing", 400, "The outbound URL is missing", malformed, plan.ErrURLMissing, blameCaller},
		{"outbound-url-invalid", 400, "The outbound URL is invalid", malformed, destination.ErrURL, blameCaller},
		{"outbound-url-invalid", 400, "The outbound URL is invalid", malformed, plan.ErrPathExpressionFill, blameCaller},
		{"record-invalid", 400, "The record is invalid", malformed, plan.ErrRecord, blameCaller},
		{"record-invalid", 400, "The record is invalid", malformed, gateway.ErrRecordBroken, blameCaller},
		{"record-invalid", 400, "The record is invalid", malformed, gateway.ErrEvent, blameCaller},
		{"field-missing", 400, "A field is missing", malformed, plan.ErrFieldMissing, blameCaller},
		{"field-not-scalar", 400, "A field is not a scalar", malformed, plan.ErrFieldNotScalar, blameCaller},
		{"header-invalid", 400, "A header is invalid", malformed, plan.ErrHeader, blameCaller},
		{"header-invalid", 400, "A header is invalid", malformed, gateway.ErrHeader, blameCaller},
		{"placeholder-unknown", 400, "A placeholder is unknown", malformed, plan.ErrPlaceholder, blameCaller},
		{"batch-not-declared", 400, "Batches are not declared", malformed, plan.ErrBatchNotDeclared, blameCaller},
		{"not-found", 404, "There is nothing at this path", malformed, plan.ErrPathNotFound, blameCaller},
		{"method-not-allowed", 405, "The method is not allowed", malformed, plan.ErrMethod, blameCaller},
		{"record-too-large", 413, "The record is too large", malformed, gateway.ErrRecordTooLarge, blameCaller},
		{"record-not-json", 415, "The record is not JSON", malformed, plan.ErrRecordNotJSON, blameCaller},
	}
}

func permissionProblems() []Problem {
	const denied = "http_request_denied"
	return []Problem{
		{"caller-key-invalid", 401, "The caller's key is invalid", denied, credential.ErrCallerKey, blameCaller},
		{"destination-not-declared", 403, "The destination is not declared", denied, destination.ErrNotDeclared, blameCaller},
		{"operation-not-declared", 403, "The operation is not declared", denied, destination.ErrOperation, blameCaller},
	}
}

func downstreamProblems() []Problem {
	const unreachable, unreachableTitle = "downstream-unreachable", "The downstream cannot be reached"
	const broken, brokenTitle = "downstream-answer-broken", "The downstream's answer is broken"
	const ours = "proxy_internal_error"
	return []Problem{
		{"internal", 500, "The relay failed", ours, nil, blameKeyrelay},
		{unreachable, 502, unreachableTitle, "destination_ip_prohibited", upstream.ErrProhibited, blameDownstream},
		{unreachable, 502, unreachableTitle, "dns_error", upstream.ErrDNS, blameDownstream},
		{unreachable, 502, unreachableTitle, "connection_refused", upstream.ErrRefused, blameDownstream},
		{unreachable, 502, unreachableTitle, "connection_terminated", upstream.ErrTerminated, blameDownstream},
		{unreachable, 502, unreachableTitle, "connection_timeout", upstream.ErrConnectionTimeout, blameDownstream},
		{unreachable, 502, unreachableTitle, "tls_protocol_error", upstream.ErrTLS, blameDownstream},
		{unreachable, 502, unreachableTitle, "tls_certificate_error", upstream.ErrCertificate, blameDownstream},
		{"downstream-answer-too-large", 502, "The downstream's answer is too large", "http_response_body_size", upstream.ErrAnswerTooLarge, blameDownstream},
		{broken, 502, brokenTitle, "http_response_incomplete", upstream.ErrAnswerIncomplete, blameDownstream},
		{broken, 502, brokenTitle, "http_protocol_error", upstream.ErrAnswerBroken, blameDownstream},
		{"retrieval-failed", 502, "A credential could not be retrieved", ours, credential.ErrRetrieval, blameTokenEndpoint},
		{"secret-unavailable", 503, "A secret is unavailable", ours, credential.ErrSecretUnavailable, blameKeyrelay},
		{"downstream-timeout", 504, "The downstream took too long", "http_response_timeout", upstream.ErrTimeout, blameDownstream},
		{"retrieval-timeout", 504, "The retrieval of a credential took too long", ours, credential.ErrRetrievalTimeout, blameTokenEndpoint},
	}
}

// problemOf finds the row of an error. An error that no room of ours names is internal.
func problemOf(err error) Problem {
	internal := Problem{}
	for _, row := range Problems() {
		if row.reason == nil {
			internal = row
		} else if errors.Is(err, row.reason) {
			return row
		}
	}
	return internal
}

// answerTooLarge refuses an answer that the caller's door cannot carry once it is encoded.
func answerTooLarge() error {
	return &gateway.Refusal{
		Reason: upstream.ErrAnswerTooLarge,
		Detail: "The downstream's answer is longer than Lambda can hand back (6,291,556 bytes, encoded). Ask the API for less, for example a smaller page.",
	}
}

// refuse turns an error into the answer that tells it.
func refuse(err error, record *record) *gateway.Response {
	problem := problemOf(err)
	record.problem(problem)
	refusal := &gateway.Refusal{Detail: "This is a fault of the relay itself. Look for the request's id in its log."}
	errors.As(err, &refusal)
	header := http.Header{
		"Content-Type": {"application/problem+json"},
		"Proxy-Status": {"keyrelay; error=" + problem.ProxyError},
	}
	addRefusalHeaders(header, problem, refusal)
	return &gateway.Response{Status: problem.Status, Header: header, Body: problemJSON(problem, refusal)}
}
