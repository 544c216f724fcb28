package relay

import (
	"context"
	"slices"

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

// Problems lists every problem, in the order of its status: the source of docs/errors.md.
func Problems() []Problem { return slices.Clone(problems) }

// problems is the one table from error to answer. Nothing writes to it.
var problems = []Problem{
	{"outbound-url-missing", 400, "The outbound URL is missing", blameCaller,
		"Send the URL to call in the header X-Osmos-Outbound-Url.",
		[]cause{{plan.ErrURLMissing, malformed}}},
	{"outbound-url-invalid", 400, "The outbound URL is invalid", blameCaller,
		"Mend what the detail names; path expressions need a non-empty scalar field of the record.",
		[]cause{{destination.ErrURL, malformed}, {plan.ErrURL, malformed}, {plan.ErrPathExpressionFill, malformed}}},
	{"header-invalid", 400, "A header is invalid", blameCaller,
		"Mend the header that the detail names.",
		[]cause{{plan.ErrHeader, malformed}, {gateway.ErrHeader, malformed}}},
	{"placeholder-unknown", 400, "A placeholder is unknown", blameCaller,
		"Use `{{{name}}}` only with the name of a security scheme that the operation's `security` names, where it may stand, and at most 16 times.",
		[]cause{{plan.ErrPlaceholder, malformed}}},
	{"record-invalid", 400, "The record is invalid", blameCaller,
		"Send one JSON object, in UTF-8, without duplicate member names, and whole.",
		[]cause{{plan.ErrRecord, malformed}, {gateway.ErrRecordBroken, malformed}, {gateway.ErrEvent, malformed}}},
	{"field-missing", 400, "A field is missing", blameCaller,
		"Send the fields that `fields` lists, or write `field?` where one may be missing.",
		[]cause{{plan.ErrFieldMissing, malformed}}},
	{"field-not-scalar", 400, "A field is not a scalar", blameCaller,
		"Move only texts, numbers, booleans, nulls and arrays of them; leave objects in the record.",
		[]cause{{plan.ErrFieldNotScalar, malformed}}},
	{"batch-not-declared", 400, "Batches are not declared", blameCaller,
		"Send one record, or declare x-keyrelay-batch in the destination's document.",
		[]cause{{plan.ErrBatchNotDeclared, malformed}}},
	{"caller-key-invalid", 401, "The caller's key is invalid", blameCaller,
		"Send one of the keys that KEYRELAY_CALLER_KEYS names in the header X-Api-Key, once.",
		[]cause{{caller.ErrKey, denied}}},
	{"session-invalid", 401, "The session is invalid", blameCaller,
		"Send a valid session token in the record's field that x-keyrelay-session names.",
		[]cause{{plan.ErrSession, denied}, {session.ErrInvalid, denied}}},
	{"destination-not-declared", 403, "The destination is not declared", blameCaller,
		"Add the server to a document in `destinations/`, or mend the URL.",
		[]cause{{destination.ErrNotDeclared, denied}}},
	{"caller-not-allowed", 403, "The caller is not allowed", blameCaller,
		"Use the key of a caller that x-keyrelay-callers in the destination's document names, or let the operator add this one.",
		[]cause{{destination.ErrCaller, denied}}},
	{"credential-unknown", 403, "The credential is unknown", blameCaller,
		"Send the name of a credential that the operator has stored in the field of the record that the detail names, or have it added to the secret.",
		[]cause{{credential.ErrUnknown, denied}}},
	{"operation-not-declared", 403, "The operation is not declared", blameCaller,
		"Add the path and method to the destination's document, or mend the URL.",
		[]cause{{destination.ErrOperation, denied}}},
	{"operation-unusable", 403, "The operation cannot be used", blameCaller,
		"Let the operator mend the document: `keyrelay check` says what is wrong, and where.",
		[]cause{{destination.ErrUnusable, denied}}},
	{"not-found", 404, "There is nothing at this path", blameCaller,
		"Send the request to the relay's own address, whose path is /.",
		[]cause{{plan.ErrPathNotFound, malformed}}},
	{"method-not-allowed", 405, "The method is not allowed", blameCaller,
		"Use one of the methods that `allowed` lists.",
		[]cause{{plan.ErrMethod, malformed}}},
	{"record-too-large", 413, "The record is too large", blameCaller,
		"Send less at once: at most 10 MB over HTTP, 1,044,480 bytes as a message where it is delivered later, 50,000 members in an object, as many records in a batch that is split as x-keyrelay-batch-max says (1,000), and 65,536 bytes of fields that move.",
		[]cause{{gateway.ErrRecordTooLarge, malformed}, {plan.ErrRecordTooLarge, malformed}, {later.ErrTooLarge, malformed}}},
	{"record-not-json", 415, "The record is not JSON", blameCaller,
		"Send JSON with a JSON media type when fields are to be moved.",
		[]cause{{plan.ErrRecordNotJSON, malformed}}},
	{"caller-left", 499, "The caller left before the answer", blameCaller,
		"Nothing; whether the API received the request is unknown. It stands in the log only.",
		[]cause{{context.Canceled, malformed}}},
	{"internal", 500, "The relay failed", blameKeyrelay,
		"Look for the entry with this problem in the relay's log: it holds the stack. Report it.",
		[]cause{{errInternal, relayFailed}}},
	{"batch-incomplete", 502, "Not every record was accepted", blameDownstream,
		"Look at `results`, one entry for each record in its order, mend those with a 4xx status or a problem, and send again only what was not accepted.",
		[]cause{{errBatchIncomplete, madeByRelay}}},
	{"retrieval-failed", 502, "A credential could not be retrieved", blameTokenEndpoint,
		"Let the operator look at the log's `detail`: the key or token endpoint in the destination's document, or the secret behind it.",
		[]cause{{retrieval.ErrFailed, relayFailed}}},
	{"downstream-unreachable", 502, "The downstream cannot be reached", blameDownstream,
		"See the error type in Proxy-Status. For destination_ip_prohibited see x-keyrelay-network, for certificates x-keyrelay-ca.",
		[]cause{
			{upstream.ErrProhibited, "destination_ip_prohibited"},
			{upstream.ErrDNS, "dns_error"},
			{upstream.ErrUnroutable, "destination_ip_unroutable"},
			{upstream.ErrRefused, "connection_refused"},
			{upstream.ErrTerminated, "connection_terminated"},
			{upstream.ErrConnectionTimeout, "connection_timeout"},
			{upstream.ErrTLS, "tls_protocol_error"},
			{upstream.ErrCertificate, "tls_certificate_error"},
		}},
	{"downstream-answer-too-large", 502, "The downstream's answer is too large", blameDownstream,
		"Ask the API for less at once, for example a smaller page.",
		[]cause{{upstream.ErrAnswerTooLarge, answerTooBig}, {errAnswerTooLarge, answerTooBig}}},
	{"downstream-answer-broken", 502, "The downstream's answer is broken", blameDownstream,
		"The API broke off its answer or does not speak HTTP. The request may have been carried out.",
		[]cause{{upstream.ErrAnswerIncomplete, "http_response_incomplete"}, {upstream.ErrAnswerBroken, "http_protocol_error"}}},
	{"relay-busy", 503, "The relay is busy", blameKeyrelay,
		"Send the record again after the seconds that Retry-After says; where that happens often, run more instances.",
		[]cause{{gateway.ErrBusy, madeByRelay}}},
	{"queue-unavailable", 503, "The queue is unavailable", blameKeyrelay,
		"Send the record again after the seconds that Retry-After says. Let the operator look at the log's `detail`: the queue in KEYRELAY_QUEUE, and the right to send to it.",
		[]cause{{later.ErrUnavailable, relayFailed}}},
	{"secret-unavailable", 503, "A secret is unavailable", blameKeyrelay,
		"Let the operator create or mend the secret that the log's `detail` names, and let the function's role read it.",
		[]cause{{secret.ErrUnavailable, relayFailed}}},
	{"session-check-unavailable", 503, "The session cannot be checked", blameKeyrelay,
		"The record was not sent. Let the operator look at the log's `detail`: the introspection endpoint, key set or secret that x-keyrelay-session names.",
		[]cause{{session.ErrUnavailable, relayFailed}}},
	{"retrieval-timeout", 504, "The retrieval of a credential took too long", blameTokenEndpoint,
		"Let the operator check the key or token endpoint, or raise x-keyrelay-timeout.",
		[]cause{{retrieval.ErrTimeout, relayFailed}}},
	{"downstream-timeout", 504, "The downstream took too long", blameDownstream,
		"The API did not answer in time. The request may have been carried out.",
		[]cause{{upstream.ErrTimeout, "http_response_timeout"}}},
}
