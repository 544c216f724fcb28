package credential

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- RFC 5849 section 3.4.2 signs by it
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/mask"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A consumer is the client and the token that an OAuth 1.0 signature is made with
// (RFC 5849); a client that acts for itself has no token.
type consumer struct {
	Key, Secret, Token, TokenSecret string
}

// fromConsumer makes the part that signs requests as OAuth 1.0 has it.
func fromConsumer(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	if !value.IsJSON { // of an API that takes a token of another kind after this word
		return fromBearerToken(scheme, value)
	}
	var read consumer
	for name, place := range map[string]*string{"consumer_key": &read.Key, "consumer_secret": &read.Secret, "token": &read.Token, "token_secret": &read.TokenSecret} {
		*place, _ = value.Member(name)
	}
	if read.Key == "" || read.Secret == "" {
		return nil, secret.Lacks(scheme.Secret, value.Bytes(), `is not of the shape that OAuth 1.0 needs. Store {"consumer_key": "…", "consumer_secret": "…", "token": "…", "token_secret": "…"}, the last two where the API gives a token.`,
			"consumer_key", "consumer_secret")
	}
	return &part{
		sign: func(request *http.Request) {
			setField(request.Header, "Authorization", []string{signedOAuth1(request, read, scheme.OAuth1)})
		},
		masker: mask.New(read.Token),
	}, nil
}

// signedOAuth1 is the Authorization field of a request (RFC 5849 section 3.5.1).
func signedOAuth1(request *http.Request, keys consumer, rules destination.OAuth1) string {
	parameters := [][2]string{
		{"oauth_consumer_key", keys.Key}, {"oauth_nonce", rand.Text()}, {"oauth_signature_method", rules.SignatureMethod},
		{"oauth_timestamp", strconv.FormatInt(time.Now().Unix(), 10)}, {"oauth_version", "1.0"},
	}
	if keys.Token != "" {
		parameters = append(parameters, [2]string{"oauth_token", keys.Token})
	}
	signature := retrieval.EscapeQuery(keys.Secret) + "&" + retrieval.EscapeQuery(keys.TokenSecret)
	if rules.SignatureMethod != "PLAINTEXT" {
		made := sha1.New
		if rules.SignatureMethod == "HMAC-SHA256" {
			made = sha256.New
		}
		code := hmac.New(made, []byte(signature))
		_, _ = code.Write([]byte(oauth1Base(request, parameters)))
		signature = base64.StdEncoding.EncodeToString(code.Sum(nil))
	}
	text := "OAuth "
	if rules.Realm != "" {
		text += `realm="` + rules.Realm + `", `
	}
	for _, each := range append(parameters, [2]string{"oauth_signature", signature}) {
		text += each[0] + `="` + retrieval.EscapeQuery(each[1]) + `", `
	}
	return strings.TrimSuffix(text, ", ")
}

// oauth1Base is what is signed: the method, the URL without its query, and all parameters,
// those of a form in the body included (RFC 5849 section 3.4.1).
func oauth1Base(request *http.Request, parameters [][2]string) string {
	pairs := canonicalPairs(request.URL.RawQuery)
	if mediaType, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type")); mediaType == formType {
		pairs = append(pairs, canonicalPairs(string(bodyOf(request)))...)
	}
	for _, each := range parameters {
		pairs = append(pairs, canonicalPair(each[0], each[1]))
	}
	address := request.URL.Scheme + "://" + strings.ToLower(withoutDefaultPort(request.URL)) + cmp.Or(request.URL.EscapedPath(), "/")
	return request.Method + "&" + retrieval.EscapeQuery(address) + "&" + retrieval.EscapeQuery(joinSorted(pairs))
}
