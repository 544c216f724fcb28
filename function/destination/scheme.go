package destination

import (
	"crypto/sha256"
	"net/url"
	"slices"
	"strings"
	"time"

	"keyrelay/function/rawjson"
)

// A Kind says how a security scheme's credential is made.
type Kind int

// The kinds of credential.
const (
	// StaticKey is an apiKey scheme whose value is a secret, or a template over one.
	StaticKey Kind = iota
	// Basic is the http scheme basic (RFC 7617).
	Basic
	// Bearer is the http scheme bearer (RFC 6750), or another that is a word and a text. An
	// oauth2 scheme that has an implicit flow alone is one too.
	Bearer
	// RetrievedKey is a scheme with x-itential-dynamic-retrieval: an HTTP call answers with the value.
	RetrievedKey
	// OAuth2 is an oauth2 scheme with a flow that has a tokenUrl (RFC 6749).
	OAuth2
	// OpenIDConnect finds its token endpoint in a discovery document.
	OpenIDConnect
	// MutualTLS presents a client certificate.
	MutualTLS
	// SignedJWT is a scheme whose credential is a JWT that is signed here (RFC 7519).
	SignedJWT
	// AWSSignatureV4 signs requests with the AWS credentials of the process, or with keys from a secret.
	AWSSignatureV4
	// SignedOAuth1 is the http scheme OAuth: requests are signed with a client and a token (RFC 5849).
	SignedOAuth1
	// Unsupported is a scheme that parses but that keyrelay cannot fill, such as http digest.
	Unsupported
)

// A kindRule says what a document holds for one kind of credential.
type kindRule struct {
	// words name a scheme of the kind in faults.
	words string
	// secret says that the scheme has a secret even where the document names none.
	secret bool
	// authorization says that the credential goes into the header Authorization.
	authorization bool
	// extensions are the x-keyrelay-* members that mean something on such a
	// scheme, without the prefix. All kinds take refresh-on.
	extensions []string
}

// kindRules is the one table of the kinds, in their order.
func kindRules() [Unsupported + 1]kindRule {
	token := []string{"secret", "value", "values", "response", "write-back", "lifetime", "expires-in", "client-authentication", "request-content-type", "jwt", "grant"}
	return [...]kindRule{
		StaticKey: {words: "apiKey", secret: true, extensions: []string{"secret", "value", "values", "in", "retrieval"}},
		Basic:     {words: "http basic", secret: true, authorization: true, extensions: []string{"secret"}},
		Bearer:    {words: "http bearer", secret: true, authorization: true, extensions: []string{"secret", "value", "values"}},
		RetrievedKey: {words: "apiKey with x-itential-dynamic-retrieval",
			extensions: []string{"secret", "value", "values", "in", "retrieval", "response", "write-back", "lifetime", "expires-in", "request-content-type"}},
		OAuth2:         {words: "oauth2", secret: true, authorization: true, extensions: token},
		OpenIDConnect:  {words: "openIdConnect", secret: true, authorization: true, extensions: token},
		MutualTLS:      {words: "mutualTLS", secret: true, extensions: []string{"secret"}},
		SignedJWT:      {words: "apiKey or http bearer with x-keyrelay-jwt", secret: true, extensions: []string{"secret", "values", "in", "jwt"}},
		AWSSignatureV4: {words: "awsSigv4", authorization: true, extensions: []string{"secret", "sigv4"}},
		SignedOAuth1:   {words: "http oauth", secret: true, authorization: true, extensions: []string{"secret", "oauth1"}},
		Unsupported:    {words: "none that keyrelay can fill"},
	}
}

// HasText reports whether a credential of this kind is a text, which a placeholder or a
// template can stand for.
func (k Kind) HasText() bool {
	switch k {
	case MutualTLS, AWSSignatureV4, SignedOAuth1, Unsupported:
		return false
	}
	return true
}

// A SecurityScheme says what kind of credential a destination needs and where it goes.
type SecurityScheme struct {
	// Name is the scheme's name under components.securitySchemes.
	Name string
	// Kind says how the credential is made.
	Kind Kind
	// Fingerprint is a hash of what the document says about a scheme whose credential is
	// retrieved; zero for any other.
	Fingerprint [sha256.Size]byte
	// Internal says that one of keyrelay's own calls uses the scheme, to check a session or
	// to retrieve another credential. A caller's placeholder never stands for it.
	Internal bool
	// In is "header", "query" or "cookie", "body" or "path" by x-keyrelay-in; empty for MutualTLS.
	In string
	// Field is the name of the header, query parameter, cookie, form field or path
	// variable, or a pointer into a JSON body; "Authorization" for the schemes of HTTP.
	// A header's is canonical (textproto.CanonicalMIMEHeaderKey).
	Field string
	// Word stands before the text of a Bearer scheme: Bearer, or the name of another http
	// scheme; it is OAuth for SignedOAuth1, whose secret may be a text too.
	Word string
	// Secret refers to the secret; zero when the scheme needs none.
	Secret Reference
	// SecretField is the record's field whose value replaces {SecretField} in Secret's
	// pointer; empty for none.
	SecretField string
	// Value is the x-keyrelay-value template; nil when there is none.
	Value *ValueTemplate
	// Retrieval is the x-itential-dynamic-retrieval call; nil unless Kind is RetrievedKey.
	Retrieval *Retrieval
	// Source is the scheme whose retrieval fills this one too, by x-keyrelay-retrieval;
	// nil for none. Sharing are the schemes that have this one as their Source.
	Source  *SecurityScheme
	Sharing []*SecurityScheme
	// WriteBack are the members of the secret that each retrieval's answer replaces.
	WriteBack []WriteBack
	// ResponseHeader and ResponseCookie say where in the answer the value is; empty for its body.
	ResponseHeader, ResponseCookie string
	// Flow is the oauth2 flow; nil unless Kind is OAuth2.
	Flow *Flow
	// RequiredScopes are all scopes of the requirements that may attach the scheme, sorted.
	RequiredScopes []string
	// Beside is the mutualTLS scheme in the same requirement as this one; nil for none.
	Beside *SecurityScheme
	// DiscoveryURL is openIdConnectUrl; nil unless Kind is OpenIDConnect.
	DiscoveryURL *url.URL
	// Parameters are the x-itential-parameters of the scheme.
	Parameters []RetrievalParameter
	// Lifetime is how long a retrieved credential lives; nil when the document does not say. Zero means one retrieval per request.
	Lifetime *time.Duration
	// ExpiresIn is the JSON Pointer to the seconds in a retrieval's answer; empty when the document names none.
	ExpiresIn rawjson.Pointer
	// RefreshOn says which answers mean that the credential is refused.
	RefreshOn []RefreshRule
	// RequestContentType is the media type of a retrieval's body parameters.
	RequestContentType string
	// Service and Region are what AWS signatures are for; empty for execute-api and the
	// region in the host's name.
	Service, Region string
	// OAuth1 says how requests are signed; zero unless Kind is SignedOAuth1.
	OAuth1 OAuth1
	// JSONTokenRequest says that a token request is sent as JSON, not as a form.
	JSONTokenRequest bool
	// ClientAuthentication is how a client proves who it is to a token endpoint: empty
	// for client_secret_basic, "client_secret_post", "private_key_jwt" or "client_secret_jwt".
	ClientAuthentication string
	// JWT says what is signed; nil for nothing. It is the credential itself if Kind is
	// SignedJWT, the grant if JWTGrant is set, and otherwise the client's assertion.
	JWT      *JWT
	JWTGrant bool
}

// Choosers returns those of MadeWith whose secret's member a field of the record chooses.
func (s *SecurityScheme) Choosers() []*SecurityScheme {
	return slices.DeleteFunc(s.MadeWith(), func(each *SecurityScheme) bool { return each.SecretField == "" })
}

// MadeWith returns the schemes that the credential is made with, each once: this one, and
// those that it needs, or that these need.
func (s *SecurityScheme) MadeWith() (made []*SecurityScheme) {
	var add func(*SecurityScheme)
	add = func(scheme *SecurityScheme) {
		if !slices.Contains(made, scheme) {
			made = append(made, scheme)
			for _, each := range scheme.needs() {
				add(each)
			}
		}
	}
	add(s)
	return made
}

// needs returns the schemes that the scheme's templates name, and the one whose retrieval fills it.
func (s *SecurityScheme) needs() []*SecurityScheme {
	needed := Schemes(s.expressions(false))
	if s.Source != nil {
		needed = append(needed, s.Source)
	}
	return needed
}

// expressions are those of a scheme's templates. secretOnly leaves out those that are
// looked for in an answer first, as the value of a retrieved scheme is.
func (s *SecurityScheme) expressions(secretOnly bool) []TemplatePart {
	var all []TemplatePart
	if s.Value != nil && (!secretOnly || s.Kind == StaticKey || s.Kind == Bearer) {
		all = append(all, s.Value.Expressions()...)
	}
	for _, parameter := range s.Parameters {
		// what a login alone sends may be of its own code
		if !secretOnly || slices.Contains(parameter.UseIn, "key") || slices.Contains(parameter.UseIn, "token") {
			all = append(all, parameter.Value.Expressions()...)
		}
	}
	if s.JWT != nil {
		all = append(append(all, s.JWT.Header.Expressions()...), s.JWT.Claims.Expressions()...)
	}
	return all
}

// Retrieved reports whether an HTTP call answers with the credential.
func (s *SecurityScheme) Retrieved() bool {
	return s.Kind == RetrievedKey || s.Kind == OAuth2 || s.Kind == OpenIDConnect
}

// A Retrieval is the HTTP call of x-itential-dynamic-retrieval.
type Retrieval struct {
	Method          string
	URL             *url.URL
	ResponsePointer rawjson.Pointer
}

// An OAuth1 is x-keyrelay-oauth1.
type OAuth1 struct {
	// SignatureMethod is HMAC-SHA1, HMAC-SHA256 or PLAINTEXT; Realm is empty for none.
	SignatureMethod, Realm string
}

// A WriteBack is one member of x-keyrelay-write-back: where in the answer the value is
// that the secret's member holds from then on.
type WriteBack struct {
	Member  string
	Pointer rawjson.Pointer
}

// A Flow is an OAuth 2.0 flow.
type Flow struct {
	// GrantType is "client_credentials", "password" or, where a person has to consent
	// once and the secret then holds a refresh token, "authorization_code".
	GrantType string
	TokenURL  *url.URL
	// RefreshURL is where refresh tokens are used: refreshUrl, or else TokenURL.
	RefreshURL *url.URL
	// AuthorizationURL is where a person consents; nil if the flow has no usable one.
	AuthorizationURL *url.URL
	// Scopes are all scopes that the flow declares, sorted; a Requirement without scopes asks for all of them.
	Scopes []string
}

// A JWT is x-keyrelay-jwt: a token that is signed here (RFC 7519).
type JWT struct {
	// Algorithm is the alg, of RFC 7518 section 3.1 or EdDSA.
	Algorithm string
	// Header and Claims are JSON objects; nil for none.
	Header, Claims *JSONTemplate
	// Lifetime is how long it is valid.
	Lifetime time.Duration
}

// A RetrievalParameter is one x-itential-parameters entry.
type RetrievalParameter struct {
	Name string
	// In is "query", "header" or "body".
	In string
	// UseIn lists the calls that the parameter belongs to: "key" for a dynamic retrieval, "token" for a token request.
	UseIn []string
	// Variable is the x-itential-variable: the member of Destination.Variables that holds the value; empty when there is none.
	Variable string
	// Default is schema.default as JSON; nil when there is none.
	Default []byte
	// Value is x-keyrelay-value; nil when there is none.
	Value *JSONTemplate
}

// BodyPath is where in a JSON body the Field of a scheme in a body is: a member of that
// name, or what the JSON Pointer leads through that it is.
func BodyPath(field string) []string {
	if strings.HasPrefix(field, "/") {
		return rawjson.Pointer(field).Tokens()
	}
	return []string{field}
}

// A RefreshRule is one entry of x-keyrelay-refresh-on: an answer with this status
// and, where Pointer is set, with a body whose value there equals Equals, means
// that the credential is refused.
type RefreshRule struct {
	Status int
	// Pointer is set when ByBody is.
	Pointer rawjson.Pointer
	// Equals is compact JSON.
	Equals []byte
	// ByBody says that the body decides too.
	ByBody bool
}
