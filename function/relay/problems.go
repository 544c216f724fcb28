package relay

import (
	"context"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/upstream"
)

// Problems lists every problem, in the order of its status: the one table from
// error to answer, and the source of docs/errors.md.
func Problems() []Problem {
	all := requestProblems()
	all = append(all, permissionProblems()...)
	all = append(all, callerLeft(), internalProblem())
	return append(all, downstreamProblems()...)
}

// requestProblems are about a request that says something wrong.
func requestProblems() []Problem {
	const malformed = "http_request_error"
	return []Problem{
		{
			Name: "outbound-url-missing", Status: 400, Title: "The outbound URL is missing",
			Remedy: "Send the URL to call in the header X-Osmos-Outbound-Url.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrURLMissing, malformed}},
		},
		{
			Name: "outbound-url-invalid", Status: 400, Title: "The outbound URL is invalid",
			Remedy: "Mend what the detail names; path expressions need a non-empty scalar field of the record.",
			blame:  blameCaller,
			causes: []cause{
				{destination.ErrURL, malformed},
				{plan.ErrPathExpressionFill, malformed},
			},
		},
		{
			Name: "record-invalid", Status: 400, Title: "The record is invalid",
			Remedy: "Send one JSON object, in UTF-8, without duplicate member names, and whole.",
			blame:  blameCaller,
			causes: []cause{
				{plan.ErrRecord, malformed},
				{gateway.ErrRecordBroken, malformed},
				{gateway.ErrEvent, malformed},
			},
		},
		{
			Name: "field-missing", Status: 400, Title: "A field is missing",
			Remedy: "Send the fields that `fields` lists, or write `field?` where one may be missing.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrFieldMissing, malformed}},
		},
		{
			Name: "field-not-scalar", Status: 400, Title: "A field is not a scalar",
			Remedy: "Move only texts, numbers, booleans, nulls and arrays of them; leave objects in the record.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrFieldNotScalar, malformed}},
		},
		{
			Name: "header-invalid", Status: 400, Title: "A header is invalid",
			Remedy: "Mend the header that the detail names.",
			blame:  blameCaller,
			causes: []cause{
				{plan.ErrHeader, malformed},
				{gateway.ErrHeader, malformed},
			},
		},
		{
			Name: "placeholder-unknown", Status: 400, Title: "A placeholder is unknown",
			Remedy: "Use `{{{name}}}` only with the name of a security scheme of the destination's document.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrPlaceholder, malformed}},
		},
		{
			Name: "batch-not-declared", Status: 400, Title: "Batches are not declared",
			Remedy: "Send one record, or declare x-keyrelay-batch in the destination's document.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrBatchNotDeclared, malformed}},
		},
		{
			Name: "not-found", Status: 404, Title: "There is nothing at this path",
			Remedy: "Send the request to the relay's own address, whose path is /.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrPathNotFound, malformed}},
		},
		{
			Name: "method-not-allowed", Status: 405, Title: "The method is not allowed",
			Remedy: "Use one of the methods that `allowed` lists.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrMethod, malformed}},
		},
		{
			Name: "record-too-large", Status: 413, Title: "The record is too large",
			Remedy: "Send less at once: at most 10 MB over HTTP.",
			blame:  blameCaller,
			causes: []cause{{gateway.ErrRecordTooLarge, malformed}},
		},
		{
			Name: "record-not-json", Status: 415, Title: "The record is not JSON",
			Remedy: "Send JSON with a JSON media type when fields are to be moved.",
			blame:  blameCaller,
			causes: []cause{{plan.ErrRecordNotJSON, malformed}},
		},
	}
}

// permissionProblems are about a request that is not allowed.
func permissionProblems() []Problem {
	const denied = "http_request_denied"
	return []Problem{
		{
			Name: "caller-key-invalid", Status: 401, Title: "The caller's key is invalid",
			Remedy:    "Send one of the keys that KEYRELAY_CALLER_KEYS names in the header X-Api-Key, once.",
			blame:     blameCaller,
			causes:    []cause{{credential.ErrCallerKey, denied}},
			challenge: `ApiKey realm="keyrelay"`,
		},
		{
			Name: "session-invalid", Status: 401, Title: "The session is invalid",
			Remedy:    "Send a valid session token in the record's field that `fields` names.",
			blame:     blameCaller,
			causes:    []cause{{plan.ErrSession, denied}},
			challenge: `Session realm="keyrelay"`,
		},
		{
			Name: "destination-not-declared", Status: 403, Title: "The destination is not declared",
			Remedy: "Add the server to a document in `destinations/`, or mend the URL.",
			blame:  blameCaller,
			causes: []cause{{destination.ErrNotDeclared, denied}},
		},
		{
			Name: "operation-not-declared", Status: 403, Title: "The operation is not declared",
			Remedy: "Add the path and method to the destination's document, or mend the URL.",
			blame:  blameCaller,
			causes: []cause{{destination.ErrOperation, denied}},
		},
	}
}

// callerLeft is for the log alone: nobody is there to read the answer.
func callerLeft() Problem {
	return Problem{
		Name: "caller-left", Status: 499, Title: "The caller left before the answer",
		Remedy: "Nothing; whether the API received the request is unknown.",
		blame:  blameCaller,
		causes: []cause{{context.Canceled, "http_request_error"}},
	}
}

// internalProblem stands for every error that no room names: a fault of ours.
func internalProblem() Problem {
	return Problem{
		Name: "internal", Status: 500, Title: "The relay failed",
		Remedy: "Look for the request's id in the relay's log, and report it.",
		blame:  blameKeyrelay,
		causes: []cause{{errInternal, "proxy_internal_error"}},
	}
}

// downstreamProblems are about what happened after a request was admitted.
func downstreamProblems() []Problem {
	const ours = "proxy_internal_error"
	return []Problem{
		{
			Name: "downstream-unreachable", Status: 502, Title: "The downstream cannot be reached",
			Remedy: "See the error type in Proxy-Status. For destination_ip_prohibited see x-keyrelay-network, for certificates x-keyrelay-ca.",
			blame:  blameDownstream,
			causes: []cause{
				{upstream.ErrProhibited, "destination_ip_prohibited"},
				{upstream.ErrDNS, "dns_error"},
				{upstream.ErrUnroutable, "destination_ip_unroutable"},
				{upstream.ErrRefused, "connection_refused"},
				{upstream.ErrTerminated, "connection_terminated"},
				{upstream.ErrConnectionTimeout, "connection_timeout"},
				{upstream.ErrTLS, "tls_protocol_error"},
				{upstream.ErrCertificate, "tls_certificate_error"},
			},
		},
		{
			Name: "downstream-answer-too-large", Status: 502, Title: "The downstream's answer is too large",
			Remedy: "Ask the API for less at once, for example a smaller page.",
			blame:  blameDownstream,
			causes: []cause{{upstream.ErrAnswerTooLarge, "http_response_body_size"}},
		},
		{
			Name: "downstream-answer-broken", Status: 502, Title: "The downstream's answer is broken",
			Remedy: "The API broke off its answer or does not speak HTTP. The request may have been carried out.",
			blame:  blameDownstream,
			causes: []cause{
				{upstream.ErrAnswerIncomplete, "http_response_incomplete"},
				{upstream.ErrAnswerBroken, "http_protocol_error"},
			},
		},
		batchIncomplete(),
		{
			Name: "retrieval-failed", Status: 502, Title: "A credential could not be retrieved",
			Remedy: "Check the key or token endpoint in the destination's document and the secret behind it.",
			blame:  blameTokenEndpoint,
			causes: []cause{{credential.ErrRetrieval, ours}},
		},
		{
			Name: "secret-unavailable", Status: 503, Title: "A secret is unavailable",
			Remedy: "Create or mend the secret that the detail names, and let the function's role read it.",
			blame:  blameKeyrelay,
			causes: []cause{{credential.ErrSecretUnavailable, ours}},
		},
		{
			Name: "session-check-unavailable", Status: 503, Title: "The session cannot be checked",
			Remedy: "Check the introspection endpoint, key set or secret that x-keyrelay-session names. The record was not sent.",
			blame:  blameKeyrelay,
			causes: []cause{{credential.ErrSessionCheck, ours}},
		},
		{
			Name: "downstream-timeout", Status: 504, Title: "The downstream took too long",
			Remedy: "The API did not answer in time. The request may have been carried out.",
			blame:  blameDownstream,
			causes: []cause{{upstream.ErrTimeout, "http_response_timeout"}},
		},
		{
			Name: "retrieval-timeout", Status: 504, Title: "The retrieval of a credential took too long",
			Remedy: "Check the key or token endpoint, or raise x-keyrelay-timeout.",
			blame:  blameTokenEndpoint,
			causes: []cause{{credential.ErrRetrievalTimeout, ours}},
		},
	}
}

// batchIncomplete tells for each record of a batch what became of it.
func batchIncomplete() Problem {
	return Problem{
		Name: "batch-incomplete", Status: 502, Title: "Not every record was accepted",
		Remedy: "Look at `results`, one entry for each record in its order, and send again only those that were not accepted.",
		blame:  blameDownstream,
		causes: []cause{{errBatchIncomplete, "proxy_internal_response"}},
	}
}
