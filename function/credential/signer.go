package credential

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
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
	drafts          sync.Pool
}

// A draft is the memory that one signature takes, to be used again.
type draft struct {
	payload              hash.Hash
	text, lowered, names []byte
	fields               []signedField
}

// A signedField is a header field under its name in small letters.
type signedField struct {
	name  []byte
	value string
}

// A signingKey signs for one scope: a day, a region and a service.
type signingKey struct {
	day, region, scope string
	// codes are authentication codes (RFC 2104) with the key, to be used again.
	codes sync.Pool
}

const signingAlgorithm = "AWS4-HMAC-SHA256"

// sign sets the fields that a signature consists of. The URL stays as it is: a signature
// holds for any spelling of its query.
func (s *signer) sign(request *http.Request) {
	header, keys := request.Header, s.role.credentials()
	for _, field := range [...]string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		maps.DeleteFunc(header, func(name string, _ []string) bool { return gateway.SameHeaderName(name, field) })
	}
	host := withoutDefaultPort(request.URL)
	if host != request.URL.Host {
		request.Host = host // as it is signed
	}
	d, _ := s.drafts.Get().(*draft)
	if d == nil {
		d = &draft{payload: sha256.New()}
	}
	defer s.drafts.Put(d)
	payload := d.payloadHash(request)
	moment := time.Now().UTC().Format("20060102T150405Z")
	values := [...]string{moment, payload, ""} // of three fields, in one piece of memory
	header["X-Amz-Date"] = values[0:1:1]
	if keys.SessionToken != "" {
		header["X-Amz-Security-Token"] = []string{keys.SessionToken}
	}
	if s.service == "s3" {
		header["X-Amz-Content-Sha256"] = values[1:2:2]
	}
	text := appendAll(d.text[:0], request.Method, "\n")
	text = appendAll(s.appendPath(text, request.URL), "\n", joinSorted(canonicalPairs(request.URL.RawQuery)), "\n")
	text, names := d.appendFields(text, header, host)
	text = appendAll(text, "\n", names, "\n", payload)
	sum := sha256.Sum256(text)
	region := s.region
	if region == "" {
		region = cmp.Or(regionOf(request.URL.Hostname(), s.role.region), "us-east-1")
	}
	key := s.key(moment[:len("20060102")], region, keys.SecretAccessKey)
	text = hex.AppendEncode(appendAll(text[:0], signingAlgorithm, "\n", moment, "\n", key.scope, "\n"), sum[:])
	key.code(&sum, text)
	text = appendAll(text[:0], signingAlgorithm, " Credential=", keys.AccessKeyID, "/", key.scope, ", SignedHeaders=", names, ", Signature=")
	d.text = hex.AppendEncode(text, sum[:])
	values[2] = string(d.text)
	header["Authorization"] = values[2:]
}

func appendAll(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = append(to, text...)
	}
	return to
}

// appendPath appends the path as it is signed: S3 decodes what was sent and encodes it anew,
// all other services encode it once more.
func (s *signer) appendPath(to []byte, target *url.URL) []byte {
	path := target.EscapedPath()
	if s.service == "s3" {
		path = destination.Unescape(path)
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		to = appendAll(to, "/", retrieval.EscapeQuery(segment))
	}
	return to
}

// key derives the key of a scope, or takes the last one.
func (s *signer) key(day, region, secretKey string) *signingKey {
	if last := s.last.Load(); last != nil && last.day == day && last.region == region {
		return last
	}
	made := &signingKey{day: day, region: region, scope: day + "/" + region + "/" + s.service + "/aws4_request"}
	derived := []byte("AWS4" + secretKey)
	for part := range strings.SplitSeq(made.scope, "/") {
		code := hmac.New(sha256.New, derived)
		_, _ = io.WriteString(code, part)
		derived = code.Sum(nil)
	}
	made.codes.New = func() any { return hmac.New(sha256.New, derived) }
	s.last.Store(made)
	return made
}

// code sets sum to the authentication code of a text.
func (k *signingKey) code(sum *[sha256.Size]byte, text []byte) {
	code, _ := k.codes.Get().(hash.Hash)
	code.Reset()
	_, _ = code.Write(text)
	copy(sum[:], code.Sum(text[:0]))
	k.codes.Put(code)
}

// appendFields appends the fields that are signed, one a line, and returns their names: all but
// those that servers in between, such as CloudFront's, write anew.
func (d *draft) appendFields(canonical []byte, header http.Header, host string) (appended []byte, names string) {
	lowered := append(d.lowered[:0], "host"...)
	fields := append(d.fields[:0], signedField{lowered, host})
	for name, values := range header {
		if name == "User-Agent" || name == "Via" || name == "Accept-Encoding" {
			continue
		}
		text := strings.Join(values, ",")
		for strings.Contains(text, "  ") {
			text = strings.ReplaceAll(text, "  ", " ")
		}
		start := len(lowered)
		lowered = append(lowered, name...)
		for i, c := range lowered[start:] {
			if 'A' <= c && c <= 'Z' {
				lowered[start+i] = c | 0x20
			}
		}
		fields = append(fields, signedField{lowered[start:], text})
	}
	slices.SortFunc(fields, func(a, b signedField) int { return bytes.Compare(a.name, b.name) })
	list := d.names[:0]
	for _, each := range fields {
		canonical = append(append(append(append(canonical, each.name...), ':'), each.value...), '\n')
		list = append(append(list, each.name...), ';')
	}
	d.lowered, d.names, d.fields = lowered, list, fields
	clear(fields) // what they hold is the request's
	return canonical, string(list[:len(list)-1])
}

// payloadHash is the SHA-256 of the body that the request is going to send.
func (d *draft) payloadHash(request *http.Request) string {
	d.payload.Reset()
	if request.GetBody != nil {
		if body, err := request.GetBody(); err == nil {
			_, _ = io.Copy(d.payload, body)
			body.Close()
		}
	}
	d.text = d.payload.Sum(d.text[:0])
	d.text = hex.AppendEncode(d.text, d.text)
	return string(d.text[sha256.Size:])
}

// withoutDefaultPort is the host as it is signed and sent.
func withoutDefaultPort(target *url.URL) string {
	if target.Scheme == "http" {
		return strings.TrimSuffix(target.Host, ":80")
	}
	return strings.TrimSuffix(target.Host, ":443")
}

// canonicalPairs are the parameters of a query or a form as signatures are made over them.
func canonicalPairs(query string) (pairs []string) {
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			pairs = append(pairs, canonicalPair(unescapeQuery(name), unescapeQuery(value)))
		}
	}
	return pairs
}

func canonicalPair(name, value string) string {
	return retrieval.EscapeQuery(name) + "=" + retrieval.EscapeQuery(value)
}

func unescapeQuery(text string) string {
	return destination.Unescape(strings.ReplaceAll(text, "+", " "))
}

// joinSorted joins pairs by their names and then their values. "=" sorts behind "-" and
// digits, which a longer name may go on with, and so it does not separate them.
func joinSorted(pairs []string) string {
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, valueA, _ := strings.Cut(a, "=")
		nameB, valueB, _ := strings.Cut(b, "=")
		return cmp.Or(strings.Compare(nameA, nameB), strings.Compare(valueA, valueB))
	})
	return strings.Join(pairs, "&")
}
