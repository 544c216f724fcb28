package relay

import (
	"context"

	"keyrelay/function/caller"
	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/plan"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
	"keyrelay/function/session"
	"keyrelay/function/upstream"
)

// The error types of RFC 9209 section 2.3 that more than one problem has.
const (
	malformed    = "http_request_error"
	denied       = "http_request_denied"
	relayFailed  = "proxy_internal_error"
	madeByRelay  = "proxy_internal_response"
	answerTooBig = "http_response_body_size"
)

// problems is the one table from error to answer, in the order of its status: the source of
// docs/errors.md. Nothing writes to it.
var problems = []Problem{
	{"outbound-url-missing", 400, "The outbound URL is missing", blameCaller,
		"Send the URL to call in the header X-Osmos-Outbound-Url.",
		[]cause{{plan.ErrURLMissing, malformed}}},
	{"outbound-url-invalid", 400, "The outbound URL is invalid", blameCaller,
		"Fix what `detail` names. A path expression needs a non-empty scalar field of the record.",
		[]cause{{destination.ErrURL, malformed}, {plan.ErrURL, malformed}, {plan.ErrPathExpressionFill, malformed}}},
	{"header-invalid", 400, "A header is invalid", blameCaller,
		"Fix the header that `detail` names.",
		[]cause{{plan.ErrHeader, malformed}, {gateway.ErrHeader, malformed}}},
	{"placeholder-unknown", 400, "A placeholder is unknown", blameCaller,
		"Use `{{{name}}}` only with a security scheme that the operation's `security` names, only where a placeholder may stand, and at most 16 times.",
		[]cause{{plan.ErrPlaceholder, malformed}}},
	{"record-invalid", 400, "The record is invalid", blameCaller,
		"Send one complete JSON object, in UTF-8, without duplicate member names.",
		[]cause{{plan.ErrRecord, malformed}, {gateway.ErrRecordBroken, malformed}, {gateway.ErrEvent, malformed}}},
	{"field-missing", 400, "A field is missing", blameCaller,
		"Send the fields that `fields` lists, or write `field?` for a field that may be missing.",
		[]cause{{plan.ErrFieldMissing, malformed}, {credential.ErrFieldMissing, malformed}}},
	{"field-not-scalar", 400, "A field is not a scalar", blameCaller,
		"Move only strings, numbers, booleans, nulls and arrays of them. Leave objects in the record.",
		[]cause{{plan.ErrFieldNotScalar, malformed}}},
	{"batch-not-declared", 400, "Batches are not declared", blameCaller,
		"Send one record, or let the operator declare `x-keyrelay-batch` in the destination's document.",
		[]cause{{plan.ErrBatchNotDeclared, malformed}}},
	{"caller-key-invalid", 401, "The caller's key is invalid", blameCaller,
		"Send the header X-Api-Key once, with one of the keys that KEYRELAY_CALLER_KEYS names.",
		[]cause{{caller.ErrKey, denied}}},
	{"session-invalid", 401, "The session is invalid", blameCaller,
		"Send a valid session token in the field that `x-keyrelay-session` names.",
		[]cause{{plan.ErrSession, denied}, {session.ErrInvalid, denied}}},
	{"destination-not-declared", 403, "The destination is not declared", blameCaller,
		"Fix the URL, or let the operator add the server to a document in `destinations/`.",
		[]cause{{destination.ErrNotDeclared, denied}}},
	{"caller-not-allowed", 403, "The caller is not allowed", blameCaller,
		"Use the key of a caller that the document's `x-keyrelay-callers` names, or let the operator add this caller.",
		[]cause{{destination.ErrCaller, denied}}},
	{"credential-unknown", 403, "The credential is unknown", blameCaller,
		"In the field that `detail` names, send the name of a credential that the operator has stored, or let the operator add this one to the secret.",
		[]cause{{credential.ErrUnknown, denied}}},
	{"operation-not-declared", 403, "The operation is not declared", blameCaller,
		"Fix the URL or the method, or let the operator add the path and method to the destination's document.",
		[]cause{{destination.ErrOperation, denied}}},
	{"operation-unusable", 403, "The operation cannot be used", blameCaller,
		"Let the operator fix the document: `keyrelay check` says what is wrong, and where.",
		[]cause{{destination.ErrUnusable, denied}}},
	{"not-found", 404, "There is nothing at this path", blameCaller,
		"Send the request to the relay's own address, whose path is /.",
		[]cause{{plan.ErrPathNotFound, malformed}}},
	{"method-not-allowed", 405, "The method is not allowed", blameCaller,
		"Use one of the methods that `allowed` lists.",
		[]cause{{plan.ErrMethod, malformed}}},
	{"record-too-large", 413, "The record is too large", blameCaller,
		"Send less at once: at most 10 MB over HTTP, 1,044,480 bytes in a message to be delivered later, 50,000 members in an object, `x-keyrelay-batch-max` records (1,000) in a split batch, and 65,536 bytes of fields that move.",
		[]cause{{gateway.ErrRecordTooLarge, malformed}, {plan.ErrRecordTooLarge, malformed}, {later.ErrTooLarge, malformed}, {errRecordTooLarge, malformed}}},
	{"record-not-json", 415, "The record is not JSON", blameCaller,
		"To move fields, send JSON with a JSON media type.",
		[]cause{{plan.ErrRecordNotJSON, malformed}}},
	{"caller-left", 499, "The caller left before the answer", blameCaller,
		"Nothing. It is unknown whether the API received the request. This problem appears in the log only.",
		[]cause{{context.Canceled, malformed}}},
	{"internal", 500, "The relay failed", blameKeyrelay,
		"Let the operator find the log entry whose `requestId` is the answer's X-Relay-Request-Id: it holds the stack. Report it.",
		[]cause{{errInternal, relayFailed}}},
	{"batch-incomplete", 502, "Not every record was accepted", blameDownstream,
		"Look at `results`, which has one entry for each record, in order. Fix the records with a 4xx status or a problem, and send again only what was not accepted.",
		[]cause{{errBatchIncomplete, madeByRelay}}},
	{"retrieval-failed", 502, "A credential could not be retrieved", blameTokenEndpoint,
		"Let the operator check what the log's `detail` names: the key or token endpoint in the destination's document, or its secret.",
		[]cause{{retrieval.ErrFailed, relayFailed}}},
	{"downstream-unreachable", 502, "The downstream cannot be reached", blameDownstream,
		"Check what `detail` names: the host and port of the document's server, DNS, or the network between; for destination_ip_prohibited `x-keyrelay-network`, for certificates `x-keyrelay-ca`. After connection_terminated the API may have carried out the request.",
		upstreamCauses(upstream.ErrProhibited, upstream.ErrDNS, upstream.ErrUnroutable, upstream.ErrRefused, upstream.ErrTerminated,
			upstream.ErrConnectionTimeout, upstream.ErrTLS, upstream.ErrCertificate)},
	{"downstream-answer-too-large", 502, "The downstream's answer is too large", blameDownstream,
		"Ask the API for less at once, such as a smaller page.",
		[]cause{{upstream.ErrAnswerTooLarge, answerTooBig}, {errAnswerTooLarge, answerTooBig}}},
	{"downstream-answer-broken", 502, "The downstream's answer is broken", blameDownstream,
		"The API broke off its answer or does not speak HTTP. It may have carried out the request: check before you send it again.",
		upstreamCauses(upstream.ErrAnswerIncomplete, upstream.ErrAnswerBroken)},
	{"relay-busy", 503, "The relay is busy", blameKeyrelay,
		"Send the record again after the seconds in Retry-After. If this happens often, run more instances.",
		[]cause{{gateway.ErrBusy, madeByRelay}}},
	{"queue-unavailable", 503, "The queue is unavailable", blameKeyrelay,
		"Send the record again after the seconds in Retry-After. Let the operator check what the log's `detail` names: the queue in KEYRELAY_QUEUE, and the right to send to it.",
		[]cause{{later.ErrUnavailable, relayFailed}}},
	{"secret-unavailable", 503, "A secret is unavailable", blameKeyrelay,
		"Let the operator create or fix the secret that the log's `detail` names, and let the function's role read it.",
		[]cause{{secret.ErrUnavailable, relayFailed}}},
	{"session-check-unavailable", 503, "The session cannot be checked", blameKeyrelay,
		"The record was not sent. Let the operator check what the log's `detail` names: the introspection endpoint, key set or secret in `x-keyrelay-session`.",
		[]cause{{session.ErrUnavailable, relayFailed}}},
	{"retrieval-timeout", 504, "The retrieval of a credential took too long", blameTokenEndpoint,
		"Let the operator check the key or token endpoint, or raise `x-keyrelay-timeout`.",
		[]cause{{retrieval.ErrTimeout, relayFailed}}},
	{"downstream-timeout", 504, "The downstream took too long", blameDownstream,
		"The API did not answer in time. It may have carried out the request: check before you send it again. Raise `x-keyrelay-timeout`, ask for less at once, or have the record delivered later.",
		upstreamCauses(upstream.ErrTimeout)},
}

// upstreamCauses are reasons of package upstream, whose texts are their error types.
func upstreamCauses(reasons ...error) []cause {
	causes := make([]cause, len(reasons))
	for i, reason := range reasons {
		causes[i] = cause{reason, reason.Error()}
	}
	return causes
}
