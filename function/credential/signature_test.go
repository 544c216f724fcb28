package credential_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
)

// signed is a scheme that the function's own role signs for.
func signed() *destination.SecurityScheme {
	return &destination.SecurityScheme{Name: "aws", Kind: destination.AWSSignatureV4, In: "header", Field: "Authorization"}
}

// roleStore is a store of a process with a role.
func roleStore(provider aws.CredentialsProvider) *credential.Store {
	return newStore(secret.Config{SecretsManager: func(context.Context) (*secretsmanager.Client, error) {
		return secretsmanager.NewFromConfig(aws.Config{Region: "us-east-1", Credentials: provider}), nil
	}})
}

func roleOf(key string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: key, SessionToken: "the-session-token"}, nil
	})
}

const roleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// TestSignature has a server verify signatures by the text of the specification,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html.
func TestSignature(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := verify(r, "us-east-1/execute-api"); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	store := roleStore(roleOf(roleSecret))
	for _, test := range []struct{ method, path, body string }{
		{"GET", "/", ""},
		{"GET", "/v2/a%20b/%C3%A9?b=2&a=1&a=0&c=x%2fy&empty=&d=a+b", ""},
		{"POST", "/orders?x", `{"id": 1}`},
		{"PUT", "/orders/1;2/~", strings.Repeat("body", 10_000)},
	} {
		request, err := http.NewRequest(test.method, server.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"X-Spaces": {"a   b"}, "X-Twice": {"1", "2"}, "Authorization": {"mine"}, "X_amz_date": {"mine"}, "User-Agent": {"keyrelay"}}
		before := request.URL.String()
		mustGet(t, store, planWith(signed())).Apply(request)
		if request.URL.String() != before {
			t.Errorf("the URL became %s", request.URL)
		}
		answer, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
}

// TestSignatureByKeys signs for the service and region of the document, with keys from a secret.
func TestSignatureByKeys(t *testing.T) {
	keys := `{"access_key_id": "AKIDEXAMPLE", "secret_access_key": "` + roleSecret + `", "session_token": "the-session-token"}`
	store := storeOn(t, fake.NewSecrets(map[string]string{"keys": keys, "broken": `{"access_key_id": "hush"}`}))
	for _, want := range []string{"eu-central-1/s3", "us-east-1/es", "us-gov-west-1/dynamodb"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := verify(r, want); err != nil {
				t.Errorf("%s: %v", want, err)
			}
		}))
		scheme := signed()
		scheme.Secret = managed("keys", "")
		scheme.Region, scheme.Service, _ = strings.Cut(want, "/")
		request, err := http.NewRequest(http.MethodPut, server.URL+"/bucket/a%20b/%C3%A9@=%24$?b=2&a", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		mustGet(t, store, planWith(scheme)).Apply(request)
		answer, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		server.Close()
	}
	scheme := signed()
	scheme.Secret = managed("broken", "")
	mustRefuse(t, store, scheme, "access_key_id")
}

// verify makes the signature of a received request by hand and compares.
func verify(r *http.Request, regionAndService string) error {
	var credentialText, names, signature string
	fields := strings.NewReplacer("Credential=", "", "SignedHeaders=", "", "Signature=", "", ",", "").Replace(r.Header.Get("Authorization"))
	if n, _ := fmt.Sscanf(fields, "AWS4-HMAC-SHA256 %s %s %s", &credentialText, &names, &signature); n != 3 {
		return fmt.Errorf("Authorization is %q", r.Header.Get("Authorization"))
	}
	if r.Header.Get("X-Amz-Security-Token") != "the-session-token" || !strings.Contains(names, "x-amz-security-token") || len(r.Header["X_amz_date"]) > 0 {
		return errors.New("the session's token is not there, or not signed")
	}
	body, _ := io.ReadAll(r.Body)
	var headers strings.Builder
	for name := range strings.SplitSeq(names, ";") {
		values := slices.Clone(r.Header.Values(name))
		if name == "host" {
			values = []string{r.Host}
		} else if name == "content-length" {
			values = []string{fmt.Sprint(r.ContentLength)}
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.Join(strings.Fields(strings.Join(values, ",")), " "))
	}
	path := escapeAgain(r.URL.EscapedPath())
	if s3 := strings.HasSuffix(regionAndService, "/s3"); s3 {
		path = escapeAgain(r.URL.Path)
		if r.Header.Get("X-Amz-Content-Sha256") != hexOf(body) || !strings.Contains(names, "x-amz-content-sha256") {
			return errors.New("the payload's hash is not there, or not signed")
		}
	}
	canonical := strings.Join([]string{r.Method, path, canonicalQuery(r.URL.RawQuery), headers.String(), names, hexOf(body)}, "\n")
	_, scope, _ := strings.Cut(credentialText, "/")
	if !strings.HasSuffix(scope, "/"+regionAndService+"/aws4_request") {
		return fmt.Errorf("the scope is %s", scope)
	}
	key := []byte("AWS4" + roleSecret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hexOf([]byte(canonical))
	if want := hex.EncodeToString(mac(key, text)); want != signature {
		return fmt.Errorf("%s %s: the signature is %s, want %s of\n%s", r.Method, r.URL, signature, want, canonical)
	}
	return nil
}

// escapeAgain encodes an encoded path once more, as all services but S3 want it.
func escapeAgain(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
	}
	return strings.Join(segments, "/")
}

// canonicalQuery sorts the decoded parameters and encodes them anew.
func canonicalQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		pairs[i] = strings.ReplaceAll(url.QueryEscape(name)+"="+url.QueryEscape(value), "+", "%20")
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func mac(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

func hexOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// TestSignatureRegion signs for the region of an AWS host, else for the process's own.
func TestSignatureRegion(t *testing.T) {
	used := mustGet(t, roleStore(roleOf(roleSecret)), planWith(signed()))
	for host, want := range map[string]string{
		"abc123.execute-api.eu-west-1.amazonaws.com":            "eu-west-1",
		"vpce-1-a.execute-api.us-gov-west-1.vpce.amazonaws.com": "us-gov-west-1",
		"abc123.execute-api.cn-north-1.amazonaws.com.cn:443":    "cn-north-1",
		"abc123.lambda-url.ap-southeast-2.on.aws":               "ap-southeast-2",
		"api.example.com": "us-east-1",
		"abc123.execute-api.eu-west-1.amazonaws.com.evil.example.com": "us-east-1",
		"execute-api.amazonaws.com":                                   "us-east-1",
	} {
		request := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: host, Path: "/"}, Header: http.Header{}}
		used.Apply(request)
		if got := request.Header.Get("Authorization"); !strings.Contains(got, "/"+want+"/execute-api/aws4_request,") {
			t.Errorf("for %s the scope is in %s", host, got)
		}
	}
}

// TestSignatureHost sends the host as it is signed, without the scheme's own port.
func TestSignatureHost(t *testing.T) {
	used := mustGet(t, roleStore(roleOf(roleSecret)), planWith(signed()))
	for host, want := range map[string]string{"api.example.com:443": "api.example.com", "api.example.com:8443": ""} {
		request := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: host, Path: "/"}, Header: http.Header{}}
		if used.Apply(request); request.Host != want {
			t.Errorf("for %s the Host is %q", host, request.Host)
		}
	}
}

// TestSignatureLast signs what the other schemes and placeholders have put into the request.
func TestSignatureLast(t *testing.T) {
	e := fake.NewSecrets(map[string]string{"key": "a-static-key"})
	used := mustGet(t, storeOn(t, e), planWith(signed(), header(managed("key", ""))))
	request := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "api.example.com", Path: "/"}, Header: http.Header{}}
	used.Apply(request)
	if got := request.Header.Get("Authorization"); !strings.Contains(got, "x-partner-key") {
		t.Errorf("the other key is not signed: %s", got)
	}
}

// TestRole signs with the role's new credentials when the old ones expire, and
// hides both parts of them.
func TestRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		store := roleStore(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			made++
			return aws.Credentials{
				AccessKeyID: fmt.Sprint("AKID", made), SecretAccessKey: roleSecret, SessionToken: "the-session-token",
				CanExpire: true, Expires: time.Now().Add(30 * time.Second),
			}, nil
		}))
		for _, want := range []string{"AKID1/", "AKID1/", "AKID2/"} {
			used := mustGet(t, store, planWith(signed()))
			request := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "api.example.com"}, Header: http.Header{}}
			used.Apply(request)
			if got := request.Header.Get("Authorization"); !strings.Contains(got, want) {
				t.Errorf("signed with %s", got)
			}
			if renewal(t, store, used) != nil {
				t.Error("a role's credentials are the SDK's to renew")
			}
			response := &gateway.Response{Body: []byte(roleSecret + " the-session-token")}
			if used.Mask(response); !bytes.Equal(response.Body, []byte(roleSecret+" ***")) { // a request never carries the secret itself
				t.Errorf("left %s", response.Body)
			}
			time.Sleep(15 * time.Second)
		}
	})
}

// TestNoRole refuses to send without a signature.
func TestNoRole(t *testing.T) {
	failing := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("hush") })
	for _, store := range []*credential.Store{roleStore(nil), roleStore(failing)} {
		_, err := store.Get(t.Context(), planWith(signed()))
		mustFail(t, err, secret.ErrUnavailable, "hush")
	}
}
