package credential_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"keyrelay/function/credential"
)

// signedBy has requests signed by a role with these keys, for "region/service".
func signedBy(t testing.TB, keys aws.Credentials, scope string) *credential.Credential {
	t.Helper()
	scheme := signed()
	scheme.Region, scheme.Service, _ = strings.Cut(scope, "/")
	store := roleStore(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }))
	had, err := store.Get(t.Context(), planWith(scheme))
	if err != nil {
		t.Fatal(err)
	}
	return had
}

func newRequest(t testing.TB, method, address, body string, header http.Header) *http.Request {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	return request
}

// TestSignatureVectors signs as the test suite of AWS has it,
// https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4, and as the examples of
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html do.
func TestSignatureVectors(t *testing.T) {
	const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const session = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/" +
		"qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+" +
		"scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	suite := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: roleSecret}
	withSession := suite
	withSession.SessionToken = session
	examples := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			keys                  aws.Credentials
			scope, at             string
			method, address, body string
			header                http.Header
			names, signature      string
		}{
			{examples, "us-east-1/s3", "2013-05-24T00:00:00Z", "GET", "https://examplebucket.s3.amazonaws.com/test.txt", "", http.Header{"Range": {"bytes=0-9"}}, "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
			{examples, "us-east-1/s3", "", "PUT", "https://examplebucket.s3.amazonaws.com/test$file.text", "Welcome to Amazon S3.", http.Header{"Date": {"Fri, 24 May 2013 00:00:00 GMT"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}}, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
			{suite, "us-east-1/service", "2015-08-30T12:36:00Z", "GET", "https://example.amazonaws.com/", "", http.Header{}, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
			{suite, "us-east-1/service", "", "POST", "https://example.amazonaws.com/", "", http.Header{}, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
			{suite, "us-east-1/service", "", "POST", "https://example.amazonaws.com", "Param1=value1", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
			{suite, "us-east-1/service", "", "GET", "https://example.amazonaws.com:443/?Param2=value2&Param1=value1", "", http.Header{}, "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
			{suite, "us-east-1/service", "", "GET", "https://example.amazonaws.com/?" + unreserved + "=" + unreserved, "", http.Header{}, "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
			{suite, "us-east-1/service", "", "GET", "https://example.amazonaws.com/" + unreserved, "", http.Header{}, "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
			{suite, "us-east-1/service", "", "GET", "https://example.amazonaws.com/example/$delete", "", http.Header{}, "host;x-amz-date", "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27"},
			{suite, "us-east-1/service", "", "GET", "https://example.amazonaws.com/", "", http.Header{"My-Header1": {"value1"}, "My-Header2": {`"a   b   c"`}, "Via": {"1.1 keyrelay"}}, "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
			{suite, "us-east-1/service", "", "POST", "https://example.amazonaws.com/", "", http.Header{"My-Header1": {"VALUE1"}, "Accept-Encoding": {"identity"}}, "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
			{withSession, "us-east-1/service", "", "POST", "https://example.amazonaws.com/", "", http.Header{}, "host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
		} {
			if at, err := time.Parse(time.RFC3339, test.at); err == nil {
				time.Sleep(time.Until(at))
			}
			request := newRequest(t, test.method, test.address, test.body, test.header)
			signedBy(t, test.keys, test.scope).Apply(request)
			want := ", SignedHeaders=" + test.names + ", Signature=" + test.signature
			if got := request.Header.Get("Authorization"); !strings.HasSuffix(got, want) {
				t.Errorf("%s %s %v: got %s, want %s", test.method, test.address, test.header, got, want)
			}
		}
	})
}

// FuzzSignature signs as the SDK's own signer does, whatever the request.
func FuzzSignature(f *testing.F) {
	f.Add("/v2/a%20b/é;1", "b=2&a=1&a=0&a-b=%2f&ü=1&c=x+y&d", "a   b", "body", false)
	f.Add("", "", "", "", true)
	keys := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: roleSecret, SessionToken: "the-session-token"}
	f.Fuzz(func(t *testing.T, path, query, value, body string, s3 bool) {
		parsed, err := url.Parse("https://api.example.com:8443/" + strings.TrimPrefix(path, "/") + "?" + query)
		if err != nil || parsed.Fragment != "" || strings.ContainsAny(parsed.RawQuery, ";") || value != strings.TrimSpace(value) {
			t.Skip()
		}
		if _, err := url.ParseQuery(parsed.RawQuery); err != nil {
			t.Skip() // the SDK leaves out what it cannot decode
		}
		scope := map[bool]string{true: "eu-central-1/s3", false: "eu-central-1/es"}[s3]
		request := newRequest(t, http.MethodPost, parsed.String(), body, http.Header{"X-Value": {value, "2"}, "X-Val": {"1"}, "X_val": {"3"}, "User-Agent": {"keyrelay"}})
		signedBy(t, keys, scope).Apply(request)
		at, err := time.Parse("20060102T150405Z", request.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Fatal(err)
		}
		other := request.Clone(t.Context())
		other.Header.Del("Authorization")
		other.ContentLength = 0 // what need not be signed is not
		if s3 {                 // the SDK sends what it signs
			other.URL.RawPath = strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(other.URL.Path), "+", "%20"), "%2F", "/")
		}
		sum := sha256.Sum256([]byte(body))
		signer := v4.NewSigner(func(options *v4.SignerOptions) { options.DisableURIPathEscaping = s3 })
		if err := signer.SignHTTP(t.Context(), keys, other, hex.EncodeToString(sum[:]), scope[len("eu-central-1/"):], "eu-central-1", at); err != nil {
			t.Fatal(err)
		}
		if got, want := request.Header.Get("Authorization"), other.Header.Get("Authorization"); got != want {
			t.Errorf("%s: got %s, want %s", parsed, got, want)
		}
	})
}
