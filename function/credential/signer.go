package credential

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/retrieval"
)

// A signer makes signatures of AWS Signature Version 4 with one role, by the steps of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
type signer struct {
	role            *role
	service, region string
	last            atomic.Pointer[signingKey]
}

// A signingKey signs for one scope: a day, a region and a service.
type signingKey struct {
	scope string
	sign  func(text []byte) []byte
}

const signingAlgorithm = "AWS4-HMAC-SHA256"

// sign sets the fields that a signature consists of. The URL stays as it is: a signature
// holds for any spelling of its query.
func (s *signer) sign(request *http.Request) {
	header, keys := request.Header, s.role.credentials()
	for name := range header {
		for _, field := range [...]string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
			if gateway.SameHeaderName(name, field) {
				delete(header, name)
			}
		}
	}
	host := withoutDefaultPort(request.URL)
	if host != request.URL.Host {
		request.Host = host // as it is signed
	}
	payload := payloadHash(request)
	moment := time.Now().UTC().Format("20060102T150405Z")
	header["X-Amz-Date"] = []string{moment}
	if keys.SessionToken != "" {
		header["X-Amz-Security-Token"] = []string{keys.SessionToken}
	}
	if s.service == "s3" {
		header["X-Amz-Content-Sha256"] = []string{payload}
	}
	canonical := make([]byte, 0, 1024) // mostly enough
	canonical = append(canonical, request.Method+"\n"+s.path(request.URL)+"\n"+joinSorted(canonicalPairs(request.URL.RawQuery))+"\n"...)
	canonical, names := appendFields(canonical, header, host)
	canonical = append(canonical, "\n"+names+"\n"+payload...)
	sum := sha256.Sum256(canonical)
	region := s.region
	if region == "" {
		region = cmp.Or(regionOf(request.URL.Hostname(), s.role.region), "us-east-1")
	}
	key := s.key(moment[:len("20060102")]+"/"+region+"/"+s.service+"/aws4_request", keys.SecretAccessKey)
	text := append(canonical[:0], signingAlgorithm+"\n"+moment+"\n"+key.scope+"\n"...)
	signature := key.sign(hex.AppendEncode(text, sum[:]))
	header["Authorization"] = []string{signingAlgorithm + " Credential=" + keys.AccessKeyID + "/" + key.scope + ", SignedHeaders=" + names + ", Signature=" + hex.EncodeToString(signature)}
}

// path is the path as it is signed: S3 decodes what was sent and encodes it anew, all other
// services encode it once more.
func (s *signer) path(target *url.URL) string {
	path := cmp.Or(target.EscapedPath(), "/")
	if s.service == "s3" {
		path = destination.Unescape(path)
	}
	return strings.ReplaceAll(retrieval.EscapeQuery(path), "%2F", "/")
}

// key derives the key of a scope, or takes the last one.
func (s *signer) key(scope, secretKey string) *signingKey {
	if last := s.last.Load(); last != nil && last.scope == scope {
		return last
	}
	derived := []byte("AWS4" + secretKey)
	for part := range strings.SplitSeq(scope, "/") {
		derived = authenticationCode(derived, []byte(part))
	}
	made := &signingKey{scope, func(text []byte) []byte { return authenticationCode(derived, text) }}
	s.last.Store(made)
	return made
}

func authenticationCode(key, text []byte) []byte {
	made := hmac.New(sha256.New, key)
	_, _ = made.Write(text)
	return made.Sum(nil)
}

// appendFields appends the fields that are signed, one a line, and returns their names: all but
// those that servers in between, such as CloudFront's, write anew.
func appendFields(canonical []byte, header http.Header, host string) ([]byte, string) {
	fields := make([][2]string, 0, len(header)+1)
	fields = append(fields, [2]string{"host", host})
	for name, values := range header {
		if name == "User-Agent" || name == "Via" || name == "Accept-Encoding" {
			continue
		}
		text := strings.Join(values, ",")
		for strings.Contains(text, "  ") {
			text = strings.ReplaceAll(text, "  ", " ")
		}
		fields = append(fields, [2]string{strings.ToLower(name), text})
	}
	slices.SortFunc(fields, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field[0]
		canonical = append(append(append(append(canonical, field[0]...), ':'), field[1]...), '\n')
	}
	return canonical, strings.Join(names, ";")
}

// payloadHash is the SHA-256 of the body that the request is going to send.
func payloadHash(request *http.Request) string {
	hash := sha256.New()
	if request.GetBody != nil {
		if body, err := request.GetBody(); err == nil {
			_, _ = io.Copy(hash, body)
			body.Close()
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// withoutDefaultPort is the host as it is signed and sent.
func withoutDefaultPort(target *url.URL) string {
	if target.Scheme == "http" {
		return strings.TrimSuffix(target.Host, ":80")
	}
	return strings.TrimSuffix(target.Host, ":443")
}
