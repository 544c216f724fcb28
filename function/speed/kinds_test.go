package speed_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const benchmarkKey = "0123456789abcdef"

// schemes are the kinds of credential that a warm request may carry, each a scheme named
// key, in YAML. $KEYS answers calls; the secret is the member KIND of the variable KEYS.
func schemes() map[string]string {
	const oauth = "type: oauth2, flows: {clientCredentials: {tokenUrl: $KEYS, scopes: {}}}, x-keyrelay-secret: "
	return map[string]string{
		"static":    `type: apiKey, in: header, name: X-Downstream-Key, x-keyrelay-secret: "env:KEYS#/static"`,
		"retrieved": `type: apiKey, in: header, name: X-Downstream-Key, x-itential-dynamic-retrieval: {method: POST, url: $KEYS, responsePointer: /key}`,
		"oauth":     oauth + `"env:KEYS#/oauth"`,
		"assertion": oauth + `"env:KEYS#/assertion", x-keyrelay-client-authentication: private_key_jwt, x-keyrelay-jwt: {alg: RS256}`,
		"jwt":       `type: http, scheme: bearer, x-keyrelay-secret: "env:KEYS#/assertion", x-keyrelay-jwt: {alg: RS256, lifetime: 3600}`,
		"template":  `type: apiKey, in: header, name: Authorization, x-keyrelay-secret: "env:KEYS#/oauth", x-keyrelay-values: {pair: "{{{client_id}}}:{{{client_secret}}}"}, x-keyrelay-value: "Basic {{{base64 pair}}}"`,
		"chosen":    `type: apiKey, in: header, name: X-Downstream-Key, x-keyrelay-secret: "env:KEYS#/by/{org}"`,
		"body":      `type: apiKey, in: header, name: key, x-keyrelay-in: body, x-keyrelay-secret: "env:KEYS#/static"`,
		"sigv4":     `type: apiKey, in: header, name: Authorization, x-keyrelay-sigv4: {service: s3, region: eu-central-1}, x-keyrelay-secret: "env:KEYS#/aws"`,
	}
}

// BenchmarkKinds compares a warm invocation with each kind of credential with one whose
// credential is a static key, in one process, by short turns.
func BenchmarkKinds(b *testing.B) {
	downstream := startDownstream(b)
	folder := kindDocuments(b, downstream, startKeys(b))
	static := restEvent(downstream+"/static", record(1<<10))
	relay := startFunction(b, buildRelay(b), static, "AWS_SAM_LOCAL=true", "KEYRELAY_DESTINATIONS="+folder, "KEYS="+benchmarkKeys(b))
	for kind := range schemes() {
		if kind == "static" {
			continue
		}
		b.Run(kind, func(b *testing.B) {
			body := record(1 << 10)
			if kind == "chosen" {
				body = `{"org":"acme",` + strings.TrimPrefix(body, "{")
			}
			event := restEvent(downstream+"/"+kind, body)
			relay.event = event
			relay.run(b, 200)
			of := func(event []byte) measurement {
				run := relay.runs(b, 50)
				return func() (elapsed, cpu time.Duration) {
					relay.event = event
					return run()
				}
			}
			compare(b, of(event), of(static), 2, 2)
		})
	}
}

// startKeys hands out the key that the static document has, for an hour.
func startKeys(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"key":"`+benchmarkKey+`","access_token":"`+benchmarkKey+`","expires_in":3600}`)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// benchmarkKeys is the secret of all kinds.
func benchmarkKeys(b *testing.B) string {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	secret, err := json.Marshal(map[string]any{
		"static": benchmarkKey, "oauth": map[string]string{"client_id": "relay", "client_secret": benchmarkKey},
		"assertion": map[string]string{"client_id": "relay", "private_key": string(content)}, "by": map[string]string{"acme": benchmarkKey},
		"aws": map[string]string{"access_key_id": "AKIDEXAMPLE", "secret_access_key": benchmarkKey},
	})
	if err != nil {
		b.Fatal(err)
	}
	return string(secret)
}

// kindDocuments writes a document for each kind, at a path of its name.
func kindDocuments(b *testing.B, downstream, keys string) string {
	b.Helper()
	folder := b.TempDir()
	for kind, scheme := range schemes() {
		document := `openapi: 3.1.0
info: {title: Downstream, version: "1"}
servers: [{url: "` + downstream + `/` + kind + `"}]
x-keyrelay-network: loopback
security: [{key: []}]
components:
  securitySchemes:
    key: {` + strings.ReplaceAll(scheme, "$KEYS", `"`+keys+`"`) + `}
`
		if err := os.WriteFile(filepath.Join(folder, kind+".yaml"), []byte(document), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return folder
}
