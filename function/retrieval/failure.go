package retrieval

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

const (
	// maxAnswer is the size of the longest answer of a retrieval or a discovery.
	maxAnswer = 64 << 10
	// maxRetryAfter bounds what an endpoint may ask for: past it a fixed one would not be noticed.
	maxRetryAfter = time.Hour
)

// rejectsClient reports whether the endpoint does not accept who asks (RFC 6749 section 5.2).
func rejectsClient(got *upstream.Answer) bool {
	return got.Status == http.StatusUnauthorized || got.Status == http.StatusBadRequest && oauthError(got) == "invalid_client"
}

// mayRejectClient reports whether the endpoint may have refused for who asks, by an error
// that RFC 6749 has for something else.
func mayRejectClient(got *upstream.Answer) bool {
	if got.Status != http.StatusBadRequest && got.Status != http.StatusForbidden {
		return rejectsClient(got)
	}
	switch oauthError(got) {
	case "", "invalid_client", "invalid_request", "unauthorized_client", "access_denied":
		return true
	}
	return false
}

// withAnswer says in a refusal what the endpoint answered: its status, and the error
// code if that is one of the IANA registry and so says nothing of a secret. Which host
// it was is for the log.
func withAnswer(err error, host string, got *upstream.Answer) error {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok {
		return err
	}
	told := *refusal
	told.Detail += " It answered " + strconv.Itoa(got.Status)
	if code := oauthError(got); isRegistered(code) {
		told.Detail += ", " + code
	}
	told.Detail += "."
	told.Note, told.Answered = noteHost(host, told.Note), got.Status
	return &told
}

// noteHost puts the endpoint's host before what else is noted.
func noteHost(host, note string) string {
	return strings.TrimSpace("The endpoint is at " + host + ". " + note)
}

// isRegistered knows the error codes of token endpoints,
// https://www.iana.org/assignments/oauth-parameters/oauth-parameters.xhtml#extensions-error.
func isRegistered(code string) bool {
	switch code {
	case "access_denied", "authorization_pending", "consent_required", "expired_token", "insufficient_scope", "interaction_required", "invalid_client", "invalid_dpop_proof", "invalid_grant",
		"invalid_request", "invalid_scope", "invalid_target", "invalid_token", "login_required", "server_error", "slow_down", "temporarily_unavailable",
		"unauthorized_client", "unmet_authentication_requirements", "unsupported_grant_type", "unsupported_token_type", "use_dpop_nonce":
		return true
	}
	return false
}

// failed refuses with ErrFailed. What of the secret's reference a caller does not learn is for the log.
func failed(scope Scope, problem string) *gateway.Refusal {
	refusal := &gateway.Refusal{
		Reason: ErrFailed,
		Detail: "The credential of the security scheme " + scope.Scheme.Name + " of " + scope.Destination.Name + " could not be retrieved: " + problem,
	}
	if used := scope.Scheme.Secret; used.Public() != used.String() {
		refusal.Note = "The secret is " + used.String() + "."
	}
	return refusal
}

// unanswered says why there is no answer. The error is not kept as the cause: its
// reason and detail may speak of the outbound call.
func unanswered(scope Scope, place, host string, err error) error {
	refusal, ok := errors.AsType[*gateway.Refusal](err)
	if !ok || errors.Is(refusal.Reason, secret.ErrUnavailable) {
		return err
	}
	problem, late := upstream.Describe(place, refusal)
	told := failed(scope, problem)
	told.Note = noteHost(host, told.Note)
	if late {
		told.Reason = ErrTimeout
	}
	return told
}

// noDiscovery says what to do about an openIdConnectUrl that gives no discovery document.
const noDiscovery = "its openIdConnectUrl gives no discovery document. Write the whole URL of one, which mostly ends in /.well-known/openid-configuration."

// refusedBy says what an answer other than 2xx means. The words are keyrelay's own.
func refusedBy(in inputs, got *upstream.Answer) error {
	scope := in.scope
	problem := in.place() + " failed. Try again later."
	switch {
	case got.Status >= 300 && got.Status < 400:
		problem = in.place() + " redirects, which keyrelay does not follow. Write the final URL into the document."
	case rejectsClient(got):
		problem = in.clientProblem()
	case got.Status == http.StatusTooManyRequests:
		problem = in.place() + " is asked too often. It is tried again by itself."
	case got.Status == http.StatusForbidden:
		problem = in.forbiddenProblem()
	case in.discovers && got.Status < 500 && got.Status != http.StatusTooManyRequests:
		problem = noDiscovery
	case got.Status == http.StatusNotFound, got.Status == http.StatusMethodNotAllowed:
		problem = in.place() + " is not there, or not for this method. Check it, and the method where the document has one."
		if scope.Scheme.Retrieval == nil {
			problem = in.place() + " is not there, or not for the method of OAuth, which is POST. Check it; where the API gives a token for a GET, write an apiKey scheme with x-itential-dynamic-retrieval."
		}
	case got.Status == http.StatusUnsupportedMediaType:
		problem = in.place() + " does not take the media type of the call. Write the other one as x-keyrelay-request-content-type into the document."
	case got.Status < 500:
		problem = in.oauthProblem(oauthError(got))
	}
	refusal := failed(scope, problem)
	refusal.RetryAfter = RetryAfter(got)
	return refusal
}

// RetryAfter returns for how many seconds the endpoint asks to be left alone (RFC 9110
// section 10.2.3).
func RetryAfter(got *upstream.Answer) int {
	return int(min(gateway.RetryAfter(got.Header), maxRetryAfter).Seconds())
}
