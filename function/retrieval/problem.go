package retrieval

import (
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/upstream"
)

// clientProblem says what to look at where the endpoint does not accept who asks.
func (in *inputs) clientProblem() string {
	problem := in.place() + " does not accept who asks. Check the parameters in the document"
	if in.scope.Scheme.Secret != (destination.Reference{}) {
		problem = in.place() + " does not accept the client. Check " + in.secret()
	}
	if in.scope.Scheme.Kind != destination.RetrievedKey {
		problem += ", and x-keyrelay-client-authentication"
	}
	return problem + in.orMediaType() + "."
}

// forbiddenProblem says what to look at where the endpoint forbids it: some say so of a
// wrong password.
func (in *inputs) forbiddenProblem() string {
	if in.scope.Scheme.Secret == (destination.Reference{}) {
		return in.place() + " forbids it. Check the parameters in the document, then the client's rights there, and whether it may come from keyrelay's network."
	}
	return in.place() + " forbids it to this client. Check " + in.secret() + in.orMediaType() + ", then the parameters in the document, such as an audience, the client's rights there, and whether it may come from keyrelay's network."
}

// orMediaType is what else to look at where parameters go into the body of a retrieval:
// many an endpoint that takes the other media type finds no password there.
func (in *inputs) orMediaType() string {
	scheme := in.scope.Scheme
	if scheme.Kind != destination.RetrievedKey || !slices.ContainsFunc(scheme.Parameters, func(p destination.RetrievalParameter) bool { return p.In == "body" }) {
		return ""
	}
	if scheme.RequestContentType == formType {
		return ", and whether it takes a form"
	}
	return ", and whether it takes JSON (x-keyrelay-request-content-type)"
}

// oauthError is the error code of an answer (RFC 6749 section 5.2); empty for none.
func oauthError(got *upstream.Answer) string { return errorMember(asDocument(got)) }

func errorMember(document []byte) string {
	code, _ := textMember(document, "error", "errorCode") // the second is Okta's
	return code
}

// personProblem says what to do where the endpoint wants a person to do something.
func (in *inputs) personProblem() string {
	if in.refreshToken() != "" {
		return in.place() + " wants a person to log in or consent anew: " + login(in.scope) + "."
	}
	return in.place() + " wants a person to log in, consent or give a second factor, and this flow has none. Have that lifted for its user or client there, or write the flow authorizationCode into the document."
}

// oauthProblem says what an error code means, in keyrelay's own words.
func (in *inputs) oauthProblem(code string) string {
	scheme := in.scope.Scheme
	switch {
	case code == "invalid_client":
		return in.clientProblem()
	case scheme.Kind == destination.RetrievedKey: // which has no flow of OAuth that the other codes speak of
	case code == "invalid_grant" && in.code != nil:
		return in.place() + " does not accept the authorization code. Log in again; where that fails too, check the redirect URI that the client has there."
	case code == "invalid_grant" && in.refreshToken() != "":
		return in.place() + " does not accept the refresh token any more. A person has to consent anew: " + login(in.scope) + "."
	case code == "invalid_grant" && scheme.JWTGrant:
		return in.place() + " does not accept the signed assertion. Check the claims of x-keyrelay-jwt and the key in " + in.secret() + "."
	case code == "invalid_grant" && scheme.Flow != nil && scheme.Flow.GrantType == "password":
		return in.place() + " does not accept the user name and password. Check them in " + in.secret() + ". A user who needs a second factor cannot log in by them."
	case code == "invalid_grant":
		return in.place() + " does not grant it to this client, or to its user name and password. Check the client's rights there, and " + in.secret() + "."
	case code == "unauthorized_client", code == "unsupported_grant_type":
		return in.place() + " does not allow this flow to the client. Have it allowed there, or write another flow into the document."
	case code == "invalid_scope":
		return in.place() + " does not grant the scopes. Fix them in the document, or have them granted there."
	case code == "invalid_target":
		return in.place() + " does not know the resource. Fix the parameter resource or audience in the document."
	case code == "interaction_required", code == "consent_required", code == "login_required", code == "mfa_required":
		return in.personProblem()
	case code == "invalid_dpop_proof", code == "use_dpop_nonce":
		return in.place() + " wants tokens bound to a key (DPoP), which keyrelay does not make. Ask the API's operator for bearer tokens, or for tokens bound to a client certificate (mutualTLS)."
	case code == "temporarily_unavailable", code == "slow_down", code == "server_error":
		return in.place() + " failed. Try again later."
	case code == "access_denied":
		return in.forbiddenProblem()
	case code == "invalid_request":
		return in.place() + " finds the request incomplete. Check the parameters in the document, and x-keyrelay-client-authentication."
	}
	problem := in.place() + " did not answer with a credential. Check it and the parameters in the document"
	if scheme.Secret != (destination.Reference{}) {
		problem += ", and " + in.secret()
	}
	return problem + in.orMediaType() + "."
}
